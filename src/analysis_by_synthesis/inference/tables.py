"""What is known of the candidates before any image is seen: where D stands at each, and which way it falls."""

import hashlib
import logging
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis_by_synthesis import cache

SAMPLED = 8  # of so many candidates one counts for the principal components
AT_ONCE = 500
VERSION = 2  # of what the files hold

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tables:
    """D and its gradient at the K candidates z of C classes, for any image x, without the decoder.

    The image is given by p, its coordinates in the principal components of the decoded candidates, and its square
    q = ||x - mean||^2. But for what the components leave out,

        D(z) = constant - 2 coordinates p + q,    dD/dz = offset + p slope.

    Attributes:
        mean: of the decoded candidates (D,), D the number of pixels.
        basis: P principal components (D, P).
        coordinates: of the decoded candidates (C, K, P).
        constants: ||G(z) - mean||^2 + 1/2 ||z||^2 (C, K).
        offsets: 2 J' (G(z) - mean) + z (C, K, L), J the Jacobian of G.
        slopes: -2 J' in the components (C, K, P, L).
        inverse_hessians: (2 J'J + I)^-1 (C, K, L, L).
    """

    mean: Tensor
    basis: Tensor
    coordinates: Tensor
    constants: Tensor
    offsets: Tensor
    slopes: Tensor
    inverse_hessians: Tensor


def build_tables(
    classes: int,
    candidates: Tensor,
    components: int,
    decode: Callable[[int, Tensor], Tensor],
    jacobian: Callable[[int, Tensor], Tensor],
) -> Tables:
    """Decode and differentiate all candidates of all classes, which takes seconds.

    Args:
        candidates: latents (K, L), the same for all classes.
        components: their number P.
        decode: a class and latents (N, L) to images (N, *image_shape).
        jacobian: a class and latents (N, L) to the Jacobians of G (N, D, L).
    """
    images = torch.stack([_by_parts(decode, c, candidates) for c in range(classes)]).flatten(2)
    sample = images[:, ::SAMPLED].flatten(0, 1).double()
    mean = sample.mean(0)
    basis = _principal_components(sample - mean, components).float().contiguous()
    mean = mean.float()
    length = candidates.shape[1]
    identity = torch.eye(length, dtype=mean.dtype, device=mean.device)

    def curvature_and_slopes(c: int, latents: Tensor) -> Tensor:
        """J'J, 2 J' (G(z) - mean) and 2 J' in the components, one after the other (N, L * (L + 1 + P))."""
        of_class, centred = jacobian(c, latents), decode(c, latents).flatten(1) - mean
        parts = of_class.mT @ of_class, 2 * of_class.mT @ centred[:, :, None], 2 * of_class.mT @ basis
        return torch.cat(parts, 2).flatten(1)

    derived = torch.stack([_by_parts(curvature_and_slopes, c, candidates) for c in range(classes)])
    derived = derived.unflatten(2, (length, length + 1 + components))
    curvature, offsets, slopes = derived.split([length, 1, components], 3)
    return Tables(
        mean,
        basis,
        (images - mean) @ basis,
        (images - mean).square().sum(2) + candidates.square().sum(1) / 2,
        offsets[:, :, :, 0] + candidates,
        (-slopes).transpose(2, 3).contiguous(),
        torch.linalg.inv(2 * curvature + identity).contiguous(),
    )


def _principal_components(centred: Tensor, number: int) -> Tensor:
    """Of N images (N, D), the main directions (D, number), the last one the greatest.

    By the smaller of the two Gram matrices; N images whose mean is 0 have N - 1 directions at most.
    """
    if number >= len(centred) or len(centred) >= centred.shape[1]:
        main: Tensor = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -number:]
        return main
    of_images: Tensor = torch.linalg.eigh(centred @ centred.T).eigenvectors[:, -number:]
    directions = centred.T @ of_images
    return directions.div(directions.norm(dim=0))


def _by_parts(function: Callable[[int, Tensor], Tensor], c: int, latents: Tensor) -> Tensor:
    return torch.cat([function(c, part) for part in latents.split(AT_ONCE)])


def cached_tables(key: bytes, build: Callable[[], Tables]) -> Tables:
    """The tables in the user's cache for this key, or newly built ones."""
    path = cache.folder("tables") / f"{hashlib.sha256(key + bytes([VERSION])).hexdigest()[:16]}.npz"
    try:
        with np.load(path) as stored:
            tables = Tables(*(torch.from_numpy(stored[field.name]) for field in fields(Tables)))
        cache.touch(path)
        return tables
    except FileNotFoundError:
        log.debug("There is no %s.", path)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        log.warning("%s can't be read; its tables are built anew.", path)
    tables = build()
    cache.store(path, lambda partial: _save(tables, partial))
    return tables


def _save(tables: Tables, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{name: value.numpy() for name, value in vars(tables).items()})
