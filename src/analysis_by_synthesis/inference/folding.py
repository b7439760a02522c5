"""The decoders without batch norm, as all compiled kernels take them."""

from torch import Tensor

from analysis_by_synthesis.networks.vae import Decoder


def folded(decoder: Decoder) -> tuple[list[Tensor], list[Tensor]]:
    """Weights (in, out, k, k) and biases of the four transposed convolutions, batch norm folded in, in float64 on the CPU."""
    weights, biases = [], []
    for i in range(4):
        convolution = getattr(decoder, f"conv_{i}")
        weight, bias = convolution.weight.detach().cpu().double(), convolution.bias.detach().cpu().double()
        norm = getattr(decoder, f"bn_{i}", None)
        if norm is not None:
            mean, variance, gain, shift = (
                t.detach().cpu().double() for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
            )
            scale = gain / (variance + norm.eps).sqrt()
            weight, bias = weight * scale[:, None, None], (bias - mean) * scale + shift
        weights.append(weight)
        biases.append(bias)
    return weights, biases
