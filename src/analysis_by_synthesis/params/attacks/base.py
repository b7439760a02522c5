"""What every attack's settings have."""

from typing import ClassVar, Literal

from pydantic import Field

from analysis_by_synthesis.distances import Metric
from analysis_by_synthesis.params.base import Block, Positive

Sees = Literal["noise", "decisions", "gradients", "latents"]
Budget = Literal["unlimited", "limited", "fixed"]


class AttackSettings(Block):
    """The settings of an attack, and what the attack is; checks, flags, and the code that runs it go by that.

    Attributes:
        sees: what the attack learns of the model. "noise": whether random images are misclassified. "decisions": the
            classes of images of its choice. "gradients": logits and their gradients. "latents": those of ABS too.
        needs: other models that it asks, by their block of `models`.
        needs_images: whether it starts from training images of other classes.
        budget: "unlimited" if more steps or larger ones could always be had, "limited" if it tries what there is up to a
            largest size, "fixed" if it looks for nothing but an adversarial of one size, so that its median means nothing.
        hinge_loss: whether its loss is flat beyond the boundary; then zero gradients are no sign of a masked gradient.
    """

    sees: ClassVar[Sees]
    needs: ClassVar[tuple[str, ...]] = ()
    needs_images: ClassVar[bool] = False
    budget: ClassVar[Budget] = "unlimited"
    hinge_loss: ClassVar[bool] = False

    norm: Metric
    """The metric that is minimised: l2, linf, l0 or l1."""
    difference_steps: tuple[Positive, ...] = Field((), strict=False)
    """Pixel differences of the central differences that estimate the gradient; the attack is run once for each.

    Without any, gradients are exact.
    """
