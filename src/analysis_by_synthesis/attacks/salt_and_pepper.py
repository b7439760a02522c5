"""Salt-and-pepper noise of growing density, until the class changes (section 5)."""

from torch import Tensor

from analysis_by_synthesis.attacks.noise import salt_and_pepper
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.salt_and_pepper import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    highest = images.new_ones(len(images))
    for _ in range(settings.repetitions):
        _, highest = salt_and_pepper(recorder, images, settings.levels, settings.narrowing, highest)
