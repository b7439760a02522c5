"""ABS (section 3) as a differentiable module."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis_by_synthesis.inference import Following, Inference, build_inference
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.networks.vae import Decoder
from analysis_by_synthesis.params.inference import InferenceSettings
from analysis_by_synthesis.params.models.abs import Config
from analysis_by_synthesis.pipeline.errors import UserError


class _Distances(torch.autograd.Function):
    """x to D_c(x), with dD_c/dx = 2 (x - G_c(z*)) by the envelope theorem.

    Args:
        x: images (N, 1, 28, 28).
        distance: D_c(x) (N, C), as it was found.
        reconstruction: G_c(z*) (N, C, 1, 28, 28).
    """

    @staticmethod
    def forward(ctx, x: Tensor, distance: Tensor, reconstruction: Tensor) -> Tensor:
        ctx.save_for_backward(x, reconstruction)
        return distance.to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, reconstruction = ctx.saved_tensors
        return 2 * torch.einsum("nc,nc...->n...", gradient, x[:, None] - reconstruction), None, None


class ABS(Classifier):
    """Images (N, 1, 28, 28) in [0, 1] to logits -gamma_c D_c(x) (N, 10) (eq. 3, 5).

    The gradient is that of the minimum, exact where the search has converged, and of first order only.

    Args:
        decoders: G_c of each class, used in evaluation mode.
        settings: of the inference.
        gamma: a scalar (10,) for each class; ones for ABS itself.
    """

    def __init__(
        self, decoders: Sequence[Decoder], settings: InferenceSettings, gamma: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        self.decoders = nn.ModuleList(decoders).eval().requires_grad_(False)
        self.settings = settings
        self.register_buffer("gamma", torch.tensor(gamma or [1.0] * len(decoders)))
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

    def observe(self, x: Tensor) -> Tensor:
        """The image as the decoders are compared with it."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = self.observe(x)
        distance, latent = self.inference.minimum(x, self.gamma)
        if not x.requires_grad:
            return -self.gamma * distance.to(x.dtype)
        return -self.gamma * _Distances.apply(x, distance, self.inference.reconstructions(latent))

    def arbitrate(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of the converged search that decides what counts as an adversarial; not differentiable."""
        return -self.gamma * self.inference.arbitrate(self.observe(x), self.gamma).distance

    def protocol(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of the paper's own search (section 3); not differentiable."""
        return -self.gamma * self.inference.protocol(self.observe(x))[0]

    def decide(self, x: Tensor) -> Tensor:
        """The likeliest class (N,) alone, at a fraction of the cost of the logits."""
        return self.inference.decide(self.observe(x), self.gamma)

    def follow(self, samples: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Logits (M, 10) of images (M, 1, 28, 28) and the samples (M,) that they belong to, for an attack on so many samples.

        By the default search, it goes on from a sample's last images, which makes it many times faster.
        """
        return FollowedABS(self, samples) if self.settings.search == "default" else lambda x, rows: self(x)

    @torch.no_grad()
    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """Logits (N, 10) of images (N, 1, 28, 28) that hardly differ from one image x (1, 1, 28, 28), as a function.

        The search begins where that of x has ended; images that the decoders can't tell from x have its logits.
        """
        at_x = self.observe(x)
        distance, latents = self.inference.minimum(at_x, self.gamma)

        @torch.no_grad()
        def logits(images: Tensor) -> Tensor:
            observed = self.observe(images)
            differs = (observed != at_x).flatten(1).any(1)
            distances = distance.repeat(len(images), 1)
            distances[differs] = self.inference.nearby(observed[differs], latents[0], self.gamma)
            return -self.gamma * distances

        return logits


class FollowedABS:
    """ABS, many times faster, for images that hardly differ from those that it was asked about before.

    Args:
        model: ABS or Binary ABS.
        samples: how many.
    """

    def __init__(self, model: ABS, samples: int) -> None:
        self.model = model
        self._following = Following(model.inference, samples, model.gamma)

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        """Logits (M, 10) of images x (M, 1, 28, 28) of the samples `rows` (M,); differentiable, if x requires it."""
        x = self.model.observe(x)
        margin = self.model.settings.following.margin if x.requires_grad else None
        distance = self._following.minimum(x, rows, margin)
        if x.requires_grad:
            distance = _Distances.apply(x, distance, self._following.reconstruction(rows))
        return -self.model.gamma * distance


def load(folder: Path, config: Config) -> ABS:
    """ABS with the decoders of `folder`."""
    return ABS(load_decoders(folder, config.network, config.classes), config.inference)


def with_latents(model: Classifier) -> ABS:
    """The model itself, if it is ABS or Binary ABS.

    Raises:
        UserError: it is another one.
    """
    if not isinstance(model, ABS):
        raise UserError(f"{type(model).__name__} has no latents; take abs or binary_abs.")
    return model
