"""Settings of the attack of Carlini & Wagner."""

from typing import Annotated, ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive


class Settings(AttackSettings):
    """Adam on a weighted sum of the distance and a hinge loss."""

    sees: ClassVar[Sees] = "gradients"
    hinge_loss: ClassVar[bool] = True

    norm: Literal["l2"]
    """The metric that is minimised."""
    binary_search_steps: Annotated[Count, Foolbox("L2CarliniWagnerAttack")]
    """Weights that are tried."""
    steps: Annotated[Count, Foolbox("L2CarliniWagnerAttack")]
    """Steps of Adam for each weight."""
    stepsize: Annotated[Positive, Foolbox("L2CarliniWagnerAttack")]
    """Learning rate of Adam."""
    initial_const: Annotated[Positive, Foolbox("L2CarliniWagnerAttack")]
    """The first weight of the hinge loss."""
