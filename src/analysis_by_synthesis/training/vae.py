"""Training of one class's VAE: the ELBO of eq. 2 with an annealed KL weight (appendix A.7)."""

import math
import time

import torch
from torch import Tensor

from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.params.vae import VAETraining
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.training.augmentation import augment


def seed_of(label: int, seed: int) -> int:
    """The seed of a class's VAE: so many apart that no two share that of an epoch."""
    return seed + 1000 * label


def parted(images: Tensor, held_out: int, seed: int) -> tuple[Tensor, Tensor]:
    """The training images (N - H, *image_shape) of one class, and the H held out, which are random ones, in any order."""
    order = torch.tensor(in_order(seed, len(images)), dtype=torch.long, device=images.device)
    return images[order[held_out:].sort().values], images[order[:held_out]]


def reconstruction_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """-log p(x|z) for sigma^2 = 1/2, without its constant: ||x - G(z)||^2, shape (N,)."""
    return (images - reconstructions).square().flatten(1).sum(1)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """D_KL[q(z|x) || N(0, 1)], in nats, shape (N,)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def kl_weight(epoch: float, settings: VAETraining) -> float:
    """Falls linearly from `kl_weight_start` to `kl_weight_end` over the annealing epochs, then stays there."""
    remaining = max(0.0, 1 - epoch / settings.kl_annealing_epochs)
    return settings.kl_weight_end + (settings.kl_weight_start - settings.kl_weight_end) * remaining


def train(
    vae: Autoencoder, images: Tensor, settings: VAETraining, seed: int, checkpoints: Checkpoints, label: str
) -> tuple[Autoencoder, list[dict[str, float]], float]:
    """Train a VAE on images (N, *image_shape) of one class.

    Returns:
        the VAE in evaluation mode on the CPU; one row per epoch: epoch, loss (the negative ELBO with the annealed weight),
        reconstruction, kl (means over the epoch's images), kl_weight; and the seconds that it took.

    Raises:
        UserError: the loss is no longer a number.
    """
    device = images.device
    vae = vae.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs
    batches = max(1, len(images) // settings.batch_size)
    optimizer = torch.optim.Adam(vae.parameters(), lr=settings.max_learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.max_learning_rate, total_steps=settings.epochs * batches, pct_start=settings.warm_up_share
    )
    parts = {"vae": vae, "optimizer": optimizer, "schedule": schedule}
    history, seconds = checkpoints.resume(parts)
    began = time.perf_counter() - seconds

    for epoch in progress(range(len(history), settings.epochs), label):
        torch.manual_seed(seed + 1 + epoch)
        sums = torch.zeros(2, device=device)
        order = torch.randperm(len(images))
        for batch, chosen in enumerate(order.split(settings.batch_size)[:batches]):
            weight = kl_weight(epoch + batch / batches, settings)
            x = augment(images[chosen], settings.augmentation) if settings.augmentation else images[chosen]
            mean, log_variance = vae.encoder(x)
            z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            reconstruction = reconstruction_error(x, vae.decoder(z)).mean()
            kl = kl_divergence(mean, log_variance).mean()
            optimizer.zero_grad()
            (reconstruction + weight * kl).backward()
            optimizer.step()
            schedule.step()
            sums += torch.stack([reconstruction.detach(), kl.detach()])
        reconstruction, kl = (sums / batches).tolist()
        loss = reconstruction + weight * kl
        if math.isnan(loss):
            raise UserError(
                f"the loss of {label} is not a number in epoch {epoch}; lower vae.max_learning_rate in params.yaml."
            )
        history.append({"epoch": epoch, "loss": loss, "reconstruction": reconstruction, "kl": kl, "kl_weight": weight})
        checkpoints.keep(parts, history, time.perf_counter() - began)
    return vae.cpu().eval(), history, time.perf_counter() - began
