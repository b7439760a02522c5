"""The recorder as Foolbox takes it."""

import foolbox
from torch import Tensor, nn

from analysis_by_synthesis.evaluation.recorder import Recorder


def foolbox_model(recorder: Recorder, rows: Tensor | None = None) -> foolbox.PyTorchModel:
    """The recorded model for all samples, or for those in `rows` (M,).

    Logits are in double precision: gradients of the cross-entropy are lost to rounding in single precision where the model
    is certain.
    """
    return foolbox.PyTorchModel(_Rows(recorder, rows), bounds=(0, 1), device=recorder.images.device)


class _Rows(nn.Module):
    def __init__(self, recorder: Recorder, rows: Tensor | None) -> None:
        super().__init__()
        self.recorder, self.rows = recorder, rows
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.recorder(x, self.rows).double()
