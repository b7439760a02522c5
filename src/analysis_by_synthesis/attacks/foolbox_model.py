"""Foolbox's attacks on a recorder."""

import foolbox
from torch import Tensor, nn

from analysis_by_synthesis.attacks.recorder import Recorder


def foolbox_model(recorder: Recorder, rows: Tensor | None = None) -> foolbox.PyTorchModel:
    """The recorded model as Foolbox takes it, for all samples, or for those in `rows` (M,).

    Logits are in double precision: gradients of the cross-entropy are lost to rounding in single precision where the model
    is certain.
    """
    return foolbox.PyTorchModel(_Rows(recorder, rows), bounds=(0, 1), device=recorder.images.device)


def run_foolbox(attack: foolbox.attacks.base.MinimizationAttack, recorder: Recorder) -> None:
    """Run one of Foolbox's attacks on all samples."""
    attack(foolbox_model(recorder), recorder.images, foolbox.Misclassification(recorder.labels), epsilons=None)


class _Rows(nn.Module):
    def __init__(self, recorder: Recorder, rows: Tensor | None) -> None:
        super().__init__()
        self.recorder, self.rows = recorder, rows
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.recorder(x, self.rows)
        return logits.double()
