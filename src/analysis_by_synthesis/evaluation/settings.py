"""What every attack's block in params.yaml has."""

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params import Block, Positive


class AttackSettings(Block):
    """Args: label: the row of Table 1; norm: the metric of the attack; difference_steps: for rows "w/ GE", the attack is run
    once for each, with gradients estimated by central differences of this step; without any, gradients are exact."""

    label: str
    norm: Norm
    difference_steps: list[Positive] = []
