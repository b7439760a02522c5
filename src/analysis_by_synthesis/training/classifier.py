"""Training of a classifier by cross-entropy, on clean images or on PGD adversarials (Madry et al., 2018)."""

import math
import time

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from analysis_by_synthesis.data.dataset import Dataset
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.networks.network import Network
from analysis_by_synthesis.networks.registry import build_network
from analysis_by_synthesis.params.classifiers import Adversary, ClassifierTraining
from analysis_by_synthesis.params.models.trained import Config
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.training.augmentation import augment
from analysis_by_synthesis.training.pgd import pgd


def fit(
    model: Config, data: Dataset, n: int, settings: ClassifierTraining, seed: int, checkpoints: Checkpoints, label: str
) -> tuple[Network, list[dict[str, float]], float]:
    """Train a model's network from nothing on the first n training images, which it sees as the model does.

    Args:
        seed, checkpoints, label: as of `train`.

    Returns:
        what `train` does.
    """
    images, labels = (part[:n].to(device()) for part in data.load("train"))
    torch.manual_seed(seed)
    network = build_network(model.network)
    seen = binarize(images) if model.binarize else images
    _, history, seconds = train(network, seen, labels, settings, seed, checkpoints, label)
    if settings.half_precision:
        network.half().float()
    return network, history, seconds


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    settings: ClassifierTraining,
    seed: int,
    checkpoints: Checkpoints,
    label: str,
) -> tuple[nn.Module, list[dict[str, float]], float]:
    """Train a network on images (N, *image_shape) and labels (N,).

    Args:
        label: its name in messages.

    Returns:
        the network in evaluation mode on the CPU; one row per epoch: epoch, loss, accuracy (of the images trained on, so
        the adversarials where there is an adversary); and the seconds that it took.

    Raises:
        UserError: the loss is no longer a number.
    """
    network = network.to(images.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs
    batches = max(1, len(images) // settings.batch_size)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.max_learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.max_learning_rate, total_steps=settings.epochs * batches, pct_start=settings.warm_up_share
    )
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    history, seconds = checkpoints.resume(parts)
    began = time.perf_counter() - seconds

    for epoch in progress(range(len(history), settings.epochs), label):
        torch.manual_seed(seed + 1 + epoch)
        sums = torch.zeros(2, device=images.device)
        order = torch.randperm(len(images))
        for batch, chosen in enumerate(order.split(settings.batch_size)[:batches]):
            x, y = images[chosen], labels[chosen]
            if settings.augmentation:
                x = augment(x, settings.augmentation)
            if settings.adversary:
                x = _adversarials(network, x, y, settings.adversary, epoch + batch / batches)
            logits = network(x)
            loss = cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            sums += torch.stack([loss.detach(), (logits.argmax(1) == y).float().mean()])
        loss, accuracy = (sums / batches).tolist()
        if math.isnan(loss):
            raise UserError(
                f"the loss of {label} is not a number; lower classifiers.{label}.max_learning_rate in params.yaml."
            )
        history.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})
        checkpoints.keep(parts, history, time.perf_counter() - began)
    return network.cpu().eval(), history, time.perf_counter() - began


def _adversarials(network: nn.Module, x: Tensor, y: Tensor, adversary: Adversary, epoch: float) -> Tensor:
    growth = min(1.0, epoch / adversary.warm_up_epochs) if adversary.warm_up_epochs else 1.0
    epsilon, step_size = growth * adversary.epsilon, growth * adversary.step_size
    return pgd(network, x, y, epsilon, step_size, adversary.steps)
