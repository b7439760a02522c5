"""PGD (Madry et al., 2018): the attack of adversarial training, and by which it is judged."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def pgd(model: nn.Module, images: Tensor, labels: Tensor, epsilon: float, step_size: float, steps: int) -> Tensor:
    """Adversarials (N, 1, 28, 28) that maximise the cross-entropy within Linf distance epsilon and [0, 1].

    The start is random.
    """
    low, high = (images - epsilon).clamp(0, 1), (images + epsilon).clamp(0, 1)
    x = torch.lerp(low, high, torch.rand_like(images))
    for _ in range(steps):
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(cross_entropy(model(x), labels), x)
        x = torch.clamp(x.detach() + step_size * gradient.sign(), low, high)
    return x
