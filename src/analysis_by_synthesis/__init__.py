"""Analysis by Synthesis (Schott et al., ICLR 2019), reproduced."""
