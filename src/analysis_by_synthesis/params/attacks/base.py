"""What every attack's block in params.yaml has."""

from typing import ClassVar

from pydantic import Field

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.base import Block, Positive


class AttackSettings(Block):
    """What an attack depends on, whatever it is; each attack adds its own.

    Args:
        norm: the metric of the attack.
        difference_steps: for rows "w/ GE" (gradient estimation), the attack is run once for each, with gradients estimated
            by central differences of this step; without any, gradients are exact.

    Attributes:
        needs: the other models that the attack asks for, by name.
        pool: whether it starts from training images of other classes.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    pool: ClassVar[bool] = False
    norm: Norm
    difference_steps: tuple[Positive, ...] = Field((), strict=False)
