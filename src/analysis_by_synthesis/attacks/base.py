"""What an attack is."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.base import AttackSettings

S = TypeVar("S", bound=AttackSettings, covariant=True)


class Attack(ABC, Generic[S]):
    """An attack.

    Args:
        settings: what it depends on; their class says what the attack sees of the model, and what else it needs.
    """

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({self.settings})"

    @abstractmethod
    def run(self, recorder: Recorder) -> dict[str, Tensor] | None:
        """Attack the images of the recorder, with PyTorch's and numpy's generators as they are.

        It only has to ask: the recorder keeps, of all images that it asks for, the closest ones that the model misclassifies.

        Returns:
            columns (N,) of its own, which stand in the records; None if it has none.
        """
