"""Trained networks as they are run."""

import pytest
import torch
from torch import nn

from analysis_by_synthesis.networks import cnn, madry, substitute
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
