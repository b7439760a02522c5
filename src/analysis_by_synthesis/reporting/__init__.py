"""Table, metrics and figures, made from the per-sample records and from nothing else."""
