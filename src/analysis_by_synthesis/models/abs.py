"""ABS and Binary ABS (section 3) as differentiable modules."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis_by_synthesis.inference import Inference, InferenceSettings, build_inference
from analysis_by_synthesis.inference.engine import check_images
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.networks.vae import Decoder

PARAMETERS = {"inference": InferenceSettings}


class _Distances(torch.autograd.Function):
    """x to D_c(x), with dD_c/dx = 2 (x - G_c(z*)) by the envelope theorem."""

    @staticmethod
    def forward(ctx, x: Tensor, inference: Inference) -> Tensor:
        distance, latent = inference.minimum(x)
        if ctx.needs_input_grad[0]:
            classes = torch.arange(distance.shape[1], device=x.device).repeat(len(x))
            reconstruction = inference.decode(classes, latent.flatten(0, 1))
            ctx.save_for_backward(x, reconstruction.unflatten(0, distance.shape))
        return distance.to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        x, reconstruction = ctx.saved_tensors
        return 2 * torch.einsum("nc,nc...->n...", gradient, x[:, None] - reconstruction), None


class ABS(nn.Module):
    """Images (N, 1, 28, 28) in [0, 1] to logits -D_c(x) (N, 10) (eq. 3, 5).

    The gradient is that of the minimum, exact where the search has converged, and of first order only.

    Args:
        decoders: G_c of each class, used in evaluation mode.
        settings: of the inference.
    """

    def __init__(self, decoders: Sequence[Decoder], settings: InferenceSettings) -> None:
        super().__init__()
        self.decoders = nn.ModuleList(decoders).eval().requires_grad_(False)
        self.settings = settings
        self._inference: Inference | None = None
        self._inferred_from: tuple = ()

    @property
    def inference(self) -> Inference:
        """The engine for the present weights and device."""
        state = tuple((t.data_ptr(), t._version) for t in self.decoders.state_dict().values())
        if self._inference is None or state != self._inferred_from:
            self._inference, self._inferred_from = build_inference(self.decoders, self.settings), state
        return self._inference

    def train(self, mode: bool = True) -> "ABS":
        """Nothing is trained here: the decoders stay in evaluation mode."""
        super().train(mode)
        self.decoders.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return -_Distances.apply(x, self.inference)

    def arbitrate(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of the converged search that decides what counts as an adversarial; not differentiable."""
        return -self.inference.arbitrate(x).distance

    def protocol(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of the paper's own search (appendix A.7); not differentiable."""
        return -self.inference.protocol(x)[0]

    def decide(self, x: Tensor) -> Tensor:
        """The likeliest class (N,) alone, at a fraction of the cost of the logits."""
        return self.inference.decide(x)


class BinaryABS(nn.Module):
    """ABS of the image binarised at 0.5, its logits scaled by gamma_c (section 3 and appendix A.1).

    Args:
        decoders, settings: as for ABS.
        gamma: the scalar (10,) of each class.
    """

    def __init__(
        self, decoders: Sequence[Decoder], settings: InferenceSettings, gamma: Sequence[float] | Tensor
    ) -> None:
        super().__init__()
        self.abs = ABS(decoders, settings)
        self.register_buffer("gamma", torch.as_tensor(gamma, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        return self.gamma * self.abs(_binary(x))

    def arbitrate(self, x: Tensor) -> Tensor:
        """As ABS.arbitrate."""
        return self.gamma * self.abs.arbitrate(_binary(x))

    def protocol(self, x: Tensor) -> Tensor:
        """As ABS.protocol."""
        return self.gamma * self.abs.protocol(_binary(x))

    def decide(self, x: Tensor) -> Tensor:
        """As ABS.decide."""
        return self.abs.inference.decide(_binary(x), self.gamma)


def _binary(x: Tensor) -> Tensor:
    check_images(x)  # binarised, a NaN would pass for black
    return binarize(x)


def load(name: str, directory: Path, settings: InferenceSettings) -> ABS:
    return ABS(load_decoders(directory), settings)
