"""What every attack's block in params.yaml has."""

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params import Block


class AttackSettings(Block):
    """Args: label: the row of Table 1; norm: the metric of the attack."""

    label: str
    norm: Norm
