"""Trained networks as they are run."""

import pytest
import torch
from torch import nn

from analysis_by_synthesis.models.trained import Trained
from analysis_by_synthesis.networks import cifar_cnn, cnn, madry, substitute
from analysis_by_synthesis.networks.folding import folded


@pytest.mark.parametrize("module", [cnn, madry, substitute])
def test_a_folded_network_is_the_same_function_with_the_same_gradient(module):
    torch.manual_seed(0)
    network = module.build().eval()
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.normal_(layer.bias)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fast, x = folded(network), torch.rand(5, 1, 28, 28).requires_grad_()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fast)
    logits, expected = fast(x), network(x)
    torch.testing.assert_close(logits, expected, atol=2e-5, rtol=1e-5)
    gradients = [torch.autograd.grad(out[:, 3].sum(), x, retain_graph=True)[0] for out in (logits, expected)]
    torch.testing.assert_close(*gradients, atol=2e-5, rtol=1e-4)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    "module, binary", [(cnn, False), (cnn, True), (madry, False), (substitute, False), (cifar_cnn, False)]
)
def test_a_changed_pixel_is_looked_at_as_any_other_image(module, binary):
    """Places everywhere, so that windows leave the maps on all sides; no change, and changes of more pixels."""
    torch.manual_seed(0)
    model = Trained(module.build().eval(), binary).double()
    x = torch.rand(1, *model.image_shape).double()
    values = x.numel()
    chosen = torch.arange(0, values, 3 if values == 784 else 29)
    images = x.repeat(len(chosen) + 2, 1, 1, 1)
    images.flatten(1)[torch.arange(len(chosen)), chosen] = torch.rand(len(chosen)).double().round(decimals=1)
    images[-1] = 1 - x
    with torch.no_grad():
        found, expected = model.nearby(x)(images), model(images)
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
        assert (expected[:-1] - expected[-2]).abs().amax(1).gt(1e-9).double().mean() > 0.3  # changes are seen
        torch.testing.assert_close(model.nearby(x)(x), model(x), atol=1e-12, rtol=0)
