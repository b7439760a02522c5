"""Salt-and-pepper noise of growing density, until the class changes (section 5)."""

from torch import Tensor

from analysis_by_synthesis.attacks.noise import salt_and_pepper
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.settings import AttackSettings
from analysis_by_synthesis.params import Count


class Settings(AttackSettings):
    """Args: levels: densities, evenly spaced from 0 to 1; repetitions: of the whole search."""

    levels: Count
    repetitions: Count


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    for _ in range(settings.repetitions):
        salt_and_pepper(recorder, images, settings.levels)
