"""The decoders without batch norm, as all compiled kernels take them."""

from torch import Tensor

from analysis_by_synthesis.networks.vae import VAEDecoder


def folded(decoder: VAEDecoder) -> tuple[list[Tensor], list[Tensor]]:
    """Weights (in, out, k, k) and biases of the four transposed convolutions, batch norm folded in, in float64 on the CPU."""
    weights, biases = [], []
    for convolution, norm in decoder.layers():
        weight, bias = _double(convolution.weight), _double(convolution.bias)
        if norm is not None:
            scale = _double(norm.weight) / (_double(norm.running_var) + norm.eps).sqrt()
            weight = weight * scale[:, None, None]
            bias = (bias - _double(norm.running_mean)) * scale + _double(norm.bias)
        weights.append(weight)
        biases.append(bias)
    return weights, biases


def _double(t: Tensor | None) -> Tensor:
    assert t is not None  # all layers have biases and statistics
    return t.detach().cpu().double()
