"""The Pointwise attack from images of other classes: it needs no noise that fools the model, which some images never meet."""

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.pointwise import reset_pixels
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.starts import adversarial_starts
from analysis_by_synthesis.params.attacks.pointwise_images import Settings


class Attack(base.Attack[Settings]):
    """From the nearest images of other classes, pixel by pixel back to the clean image."""

    def run(self, recorder: Recorder) -> None:
        for rank in range(self.settings.restarts):
            rows, images = adversarial_starts(recorder, rank, bisections=0)
            starts = recorder.images.clone()
            starts[rows] = images
            reset_pixels(recorder, starts)
