"""ABS (section 3) as a differentiable module."""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from analysis_by_synthesis.inference import Following, Inference, build_inference
from analysis_by_synthesis.models.base import Classifier, LatentClassifier
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params.inference import InferenceSettings
from analysis_by_synthesis.params.models.abs import Config
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json


class _Distances(torch.autograd.Function):
    """x to D_c(x), with dD_c/dx = 2 (x - G_c(z*)) by the envelope theorem.

    The search sees plain tensors, whatever transforms of torch.func the model is called in.
    """

    @staticmethod
    def forward(x: Tensor, search: Callable[[Tensor], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """D_c(x) (N, C) and G_c(z*) (N, C, *image_shape), as `search` finds them for images x (N, *image_shape)."""
        return search(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Any], output: tuple[Tensor, Tensor]) -> None:
        reconstruction = output[1]
        ctx.mark_non_differentiable(reconstruction)
        ctx.save_for_backward(inputs[0], reconstruction)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None]:
        return _FirstOrder.apply(gradient, *ctx.saved_tensors), None  # type: ignore[no-untyped-call]

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, search: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        x = x.movedim(in_dims[0], 0)
        distance, reconstruction = _Distances.apply(x.flatten(0, 1), search)  # type: ignore[no-untyped-call]
        return (distance.unflatten(0, x.shape[:2]), reconstruction.unflatten(0, x.shape[:2])), (0, 0)


class _FirstOrder(torch.autograd.Function):
    """The gradient of sum_c g_c D_c(x) by x; that of the gradient is refused, since z* would have to move with x."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, x: Tensor, reconstruction: Tensor) -> Tensor:
        residual = (x[:, None] - reconstruction).flatten(2).to(gradient.dtype)
        return 2 * (gradient[:, None] @ residual).view_as(x).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        raise UserError("ABS has first derivatives only; take second ones by differences of its gradient.")


OFFSETS = "class_offsets.json"  # in a folder of weights


class Engine:
    """The inference of a model for its present weights. Copies and pickles of the model build their own."""

    _building = threading.RLock()

    def __init__(self) -> None:
        self._inference: Inference | None = None
        self._weights = torch.empty(0)

    def __reduce__(self) -> tuple[type["Engine"], tuple[()]]:
        return Engine, ()

    def of(self, decoders: Sequence[Decoder], settings: InferenceSettings) -> Inference:
        """The engine for these decoders; a new one where any weight has changed, by whatever way."""
        tensors = [t for decoder in decoders for t in (*decoder.parameters(), *decoder.buffers())]
        kind = tensors[0].device.type
        with self._building, torch.inference_mode(False), torch.no_grad(), torch.autocast(kind, enabled=False):
            weights = torch.cat([t.flatten() for t in tensors if t.is_floating_point()]).float()
            if self._inference is None or weights.device != self._weights.device or not weights.equal(self._weights):
                self._inference, self._weights = build_inference(decoders, settings), weights
            return self._inference

    if sys.platform != "win32":  # a forked process must not find the lock taken by a thread that it doesn't have
        os.register_at_fork(
            before=_building.acquire, after_in_parent=_building.release, after_in_child=_building.release
        )


class ABS(LatentClassifier):
    """Images (N, *image_shape) to logits -gamma_c D_c(x) - offset_c (N, C) (section 3).

    The gradient is that of the minimum, exact where the search has converged, and of first order only. The search runs in
    float32 whatever the dtype of the model and of the images; logits have that of the images. Images may leave [0, 1], where
    D_c is defined as well; NaN and infinite values raise ValueError. Weights may change at any time: the next call takes some
    seconds longer.

    Args:
        decoders: G_c of each class, used in evaluation mode.
        settings: of the inference.
        gamma: a scalar (C,) for each class; ones for ABS itself.
        offset: a constant (C,) for each class; zeros in the paper (calibration.class_offsets).
    """

    gamma: Tensor
    offset: Tensor

    def __init__(
        self,
        decoders: Sequence[Decoder],
        settings: InferenceSettings,
        gamma: Sequence[float] | None = None,
        offset: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.image_shape, self.classes = decoders[0].image_shape, len(decoders)
        self.decoders = nn.ModuleList(decoders).eval().requires_grad_(False)
        self.settings = settings
        self.register_buffer("gamma", torch.tensor(gamma or [1.0] * len(decoders)))
        self.register_buffer("offset", torch.tensor(offset or [0.0] * len(decoders)))
        self._engine = Engine()

    @property
    def inference(self) -> Inference:
        """The engine for the present weights and device."""
        return self._engine.of([cast(Decoder, decoder) for decoder in self.decoders], self.settings)

    def train(self, mode: bool = True) -> Self:
        """Nothing is trained here: the decoders stay in evaluation mode."""
        super().train(mode)
        self.decoders.eval()
        return self

    def observe(self, x: Tensor) -> Tensor:
        """The image as the decoders are compared with it."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            raise UserError("ABS searches anew for each image, which a trace can't record; save its weights instead.")
        decodes = x.requires_grad and torch.is_grad_enabled()

        def search(observed: Tensor) -> tuple[Tensor, Tensor]:
            inference = self.inference
            distance, latent = inference.infer(observed, self.gamma.float())
            return distance, inference.reconstruct(latent) if decodes else distance.new_empty(len(observed), 0)

        distance, _ = _Distances.apply(self.observe(x), search)  # type: ignore[no-untyped-call]
        return self._logits(distance, x)

    def _logits(self, distance: Tensor, x: Tensor) -> Tensor:
        """-gamma_c D_c(x) - offset_c in the dtype of the images."""
        return (-self.gamma * distance - self.offset).to(x.dtype)

    @torch.no_grad()
    def explain(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits -gamma_c D_c(x) (N, C) and reconstructions G_c(z_c*) (N, C, *image_shape) of images x (N, *image_shape)."""
        distance, latent = self.inference.infer(self.observe(x), self.gamma.float())
        return self._logits(distance, x), self.inference.reconstruct(latent)

    def arbitrate(self, x: Tensor) -> Tensor:
        """Logits (N, C) of the converged search that decides what counts as an adversarial; not differentiable."""
        return self._logits(self.inference.infer(self.observe(x), self.gamma.float(), "arbiter").distance, x)

    def protocol(self, x: Tensor) -> Tensor:
        """Logits (N, C) of the paper's own search (section 3); not differentiable."""
        return self._logits(self.inference.infer(self.observe(x), search="protocol").distance, x)

    def classify(self, x: Tensor) -> Tensor:
        """The likeliest class (N,) alone, where there are no offsets at a fraction of the cost of the logits."""
        if self.offset.any():
            logits: Tensor = self(x)
            return logits.argmax(1)
        return self.inference.classify(self.observe(x), self.gamma.float())

    def follow(self, samples: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Logits (M, C) of images (M, *image_shape) and the samples (M,) that they belong to, for an attack on so many samples.

        By the default search, it goes on from a sample's last images, which makes it many times faster.
        """
        return FollowedABS(self, samples) if self.settings.search == "default" else super().follow(samples)

    @torch.no_grad()
    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """Logits (N, C) of images (N, *image_shape) that hardly differ from one image x (1, *image_shape), as a function.

        The search begins where that of x has ended; images that the decoders can't tell from x have its logits.
        """
        at_x, inference = self.observe(x), self.inference
        distance, latents = inference.infer(at_x, self.gamma.float())

        @torch.no_grad()
        def logits(images: Tensor) -> Tensor:
            observed = self.observe(images)
            differs = (observed != at_x).flatten(1).any(1)
            distances = distance.repeat(len(images), 1)
            distances[differs] = inference.infer_nearby(observed[differs], latents[0], self.gamma.float())
            return self._logits(distances, images)

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
        """Logits (M, C) of images x (M, *image_shape) of the samples `rows` (M,); differentiable, if x requires it."""
        observed = self.model.observe(x)
        decodes = observed.requires_grad

        def search(observed: Tensor) -> tuple[Tensor, Tensor]:
            distance = self._following.infer(observed, rows, self.model.settings.following.margin if decodes else None)
            return distance, self._following.reconstruction(rows) if decodes else distance.new_empty(len(observed), 0)

        distance, _ = _Distances.apply(observed, search)  # type: ignore[no-untyped-call]
        return self.model._logits(distance, x)


def load(folder: Path, config: Config) -> ABS:
    """ABS with the decoders of `folder`, and its offsets, if it has any."""
    decoders = load_decoders(folder, config.network, config.classes)
    offset = read_json(folder / OFFSETS)["offset"] if config.offsets else None
    return ABS(decoders, config.inference, offset=offset)


def with_latents(model: Classifier) -> ABS:
    """The model itself, if it is ABS or Binary ABS.

    Raises:
        UserError: it is another one.
    """
    if not isinstance(model, ABS):
        raise UserError(f"{type(model).__name__} has no latents; take abs or binary_abs.")
    return model
