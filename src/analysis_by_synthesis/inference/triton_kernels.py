"""All decoders on a GPU, in Triton: D and its gradient, images, Jacobians, and the steps of BFGS and Adam.

Problems stand in slots, sorted by class; `bounds` (C + 1,) says where each class begins, and what comes after the last
class is left alone. Only the GPU knows these numbers: a kernel is launched on a fixed grid (programs, C, ...), and the
programs of a class share its rows, so that no launch waits for the host and one without work is over in microseconds.

Layers are channels last, one slot after the other (R, H, W, channels), batch norm folded into the weights; a row of a
kernel is a slot, or a pixel of a slot:

    z (8) -> h0 (4, 4, 32) -> h1 (11, 11, 16) -> h2 (25, 25, 16) -> G (28, 28)

    first:      a product of (slots, 8) and (8, 512).
    up:         a transposed convolution of stride 2 is four convolutions, one for each parity of row and column: each tap
                is a product of (pixels, channels in) and (channels in, 16).
    last:       a sum of 16 taps by 16 channels for each pixel, which is no matrix product.
    last_back, down, first_back: the same backwards. The gradient takes the place of the activation h that it belongs to,
                since ELU'(x) = min(1, h + 1).

Tangents take the way of the images, eight directions a slot, with no bias and ELU' in the place of ELU.

Products are float32 by three tf32 products ("tf32x3"): single tf32 ones put D off by 0.2, which is more than classes
differ by at the boundary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import triton
import triton.language as tl
from torch import Tensor

from analysis_by_synthesis.inference.engine import Runs
from analysis_by_synthesis.inference.folding import folded
from analysis_by_synthesis.networks.vae import LATENT_DIM, VAEDecoder
from analysis_by_synthesis.params.inference import BFGSSettings, ProtocolSettings

PIXELS = 28 * 28
PRECISION = tl.constexpr("tf32x3")


@triton.jit
def elu(x):
    return tl.where(x > 0, x, tl.exp(x) - 1)


@triton.jit
def elu_slope(h):
    """ELU' from the activation."""
    return tl.minimum(h + 1, 1.0)


@triton.jit
def first(z, w, bias, h0, bounds, BLOCK: tl.constexpr):
    """h0 (R, 512) = elu(z (R, 8) @ w (C, 8, 512) + bias (C, 512))."""
    c = tl.program_id(1)
    start = tl.load(bounds + c) + tl.program_id(0) * BLOCK
    end = tl.load(bounds + c + 1)
    k = tl.arange(0, 16)
    while start < end:
        n = start + tl.arange(0, BLOCK)
        inside = (n < end)[:, None]
        a = tl.load(z + n[:, None] * 8 + k[None, :], mask=inside & (k[None, :] < 8), other=0.0)
        for part in range(4):
            o = part * 128 + tl.arange(0, 128)
            b = tl.load(w + c * 4096 + k[:, None] * 512 + o[None, :], mask=k[:, None] < 8, other=0.0)
            acc = tl.dot(a, b, input_precision=PRECISION) + tl.load(bias + c * 512 + o)[None, :]
            tl.store(h0 + n[:, None] * 512 + o[None, :], elu(acc), mask=inside)
        start += tl.num_programs(0) * BLOCK


@triton.jit
def up_parity(
    h, w, bias, primal, out, bounds, A: tl.constexpr, B: tl.constexpr, HIN: tl.constexpr, HOUT: tl.constexpr,
    CIN: tl.constexpr, DIRECTIONS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The pixels of `up` whose row has parity A and whose column has parity B."""
    ROWS: tl.constexpr = (HOUT + 1) // 2 - A
    COLUMNS: tl.constexpr = (HOUT + 1) // 2 - B
    c = tl.program_id(1)
    slot = tl.load(bounds + c) * DIRECTIONS
    end = (tl.load(bounds + c + 1) * DIRECTIONS - slot) * (ROWS * COLUMNS)
    ci = tl.arange(0, CIN)
    co = tl.arange(0, 16)
    start = tl.program_id(0) * BLOCK
    while start < end:
        m = start + tl.arange(0, BLOCK)
        inside = m < end
        n = slot + m // (ROWS * COLUMNS)
        i = m % (ROWS * COLUMNS) // COLUMNS
        j = m % COLUMNS
        acc = tl.zeros((BLOCK, 16), tl.float32)
        base = h + (n * (HIN * HIN) + i * HIN + j) * CIN
        for ty in tl.static_range(3 - A):
            for tx in tl.static_range(3 - B):
                ok = inside & (i >= ty) & (i - ty < HIN) & (j >= tx) & (j - tx < HIN)
                x = tl.load(base[:, None] - (ty * HIN + tx) * CIN + ci[None, :], mask=ok[:, None], other=0.0)
                tap = (c * 5 + A + 2 * ty) * 5 + B + 2 * tx
                weights = tl.load(w + tap * (CIN * 16) + ci[:, None] * 16 + co[None, :])
                acc = tl.dot(x, weights, acc, input_precision=PRECISION)
        pixel = ((2 * i + A) * HOUT + 2 * j + B)[:, None] * 16 + co[None, :]
        if DIRECTIONS == 1:
            acc = elu(acc + tl.load(bias + c * 16 + co)[None, :])
        else:
            own = (n // DIRECTIONS)[:, None] * (HOUT * HOUT * 16) + pixel
            acc *= elu_slope(tl.load(primal + own, mask=inside[:, None], other=0.0))
        tl.store(out + n[:, None] * (HOUT * HOUT * 16) + pixel, acc, mask=inside[:, None])
        start += tl.num_programs(0) * BLOCK


@triton.jit
def up(
    h, w, bias, primal, out, bounds, HIN: tl.constexpr, HOUT: tl.constexpr, CIN: tl.constexpr,
    DIRECTIONS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out (R, HOUT, HOUT, 16) = elu(transposed convolution, 5x5 by 2, of h (R, HIN, HIN, CIN)); w (C, 5, 5, CIN, 16).

    With eight DIRECTIONS, h and out are tangents (8 R, ...), and `primal` is the activation (R, HOUT, HOUT, 16).
    """
    parity = tl.program_id(2)
    if parity == 0:
        up_parity(h, w, bias, primal, out, bounds, 0, 0, HIN, HOUT, CIN, DIRECTIONS, BLOCK)
    elif parity == 1:
        up_parity(h, w, bias, primal, out, bounds, 0, 1, HIN, HOUT, CIN, DIRECTIONS, BLOCK)
    elif parity == 2:
        up_parity(h, w, bias, primal, out, bounds, 1, 0, HIN, HOUT, CIN, DIRECTIONS, BLOCK)
    else:
        up_parity(h, w, bias, primal, out, bounds, 1, 1, HIN, HOUT, CIN, DIRECTIONS, BLOCK)


@triton.jit
def last(
    h2, w, bias, x, image, out, partial, bounds, TASK: tl.constexpr, DIRECTIONS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """What comes of h2 (R, 25, 25, 16) by the last layer; w (C, 4, 4, 16).

    TASK "image": out (R, 784) is G. "objective": out is d||G - x||^2 by what the sigmoid takes, and partial (R, 49) the
    square in each 16 pixels, for the images x[image]. "tangent": out (8 R, 784) is dG, h2 the tangents, and x is G (R, 784).
    """
    c = tl.program_id(1)
    start = tl.load(bounds + c) * (784 * DIRECTIONS) + tl.program_id(0) * BLOCK
    end = tl.load(bounds + c + 1) * (784 * DIRECTIONS)
    ci = tl.arange(0, 16)
    while start < end:
        m = start + tl.arange(0, BLOCK)
        inside = m < end
        n = m // 784
        y = m % 784 // 28
        column = m % 28
        acc = tl.zeros((BLOCK, 16), tl.float32)
        base = h2 + (n * 625 + y * 25 + column) * 16
        for ky in range(4):
            for kx in range(4):
                ok = inside & (y >= ky) & (y - ky < 25) & (column >= kx) & (column - kx < 25)
                values = tl.load(base[:, None] - (ky * 25 + kx) * 16 + ci[None, :], mask=ok[:, None], other=0.0)
                acc += values * tl.load(w + ((c * 4 + ky) * 4 + kx) * 16 + ci)[None, :]
        total = tl.sum(acc, 1)
        if TASK == "tangent":
            g = tl.load(x + n // DIRECTIONS * 784 + m % 784, mask=inside, other=0.0)
            tl.store(out + m, total * g * (1 - g), mask=inside)
        else:
            g = 1 / (1 + tl.exp(-total - tl.load(bias + c)))
            if TASK == "image":
                tl.store(out + m, g, mask=inside)
            else:
                of_image = tl.load(image + n, mask=inside, other=0)
                r = tl.where(inside, g - tl.load(x + of_image * 784 + m % 784, mask=inside, other=0.0), 0.0)
                tl.store(out + m, 2 * r * g * (1 - g), mask=inside)
                sums = start // 16 + tl.arange(0, BLOCK // 16)
                tl.store(partial + sums, tl.sum(tl.reshape(r * r, (BLOCK // 16, 16)), 1), mask=sums * 16 < end)
        start += tl.num_programs(0) * BLOCK


@triton.jit
def last_back(slope, w, h2, bounds, BLOCK: tl.constexpr):
    """h2 (R, 25, 25, 16) becomes the gradient before its ELU, from slope (R, 784)."""
    c = tl.program_id(1)
    start = tl.load(bounds + c) * 625 + tl.program_id(0) * BLOCK
    end = tl.load(bounds + c + 1) * 625
    tap = tl.arange(0, 16)
    ci = tl.arange(0, 16)
    b = tl.load(w + c * 256 + tap[:, None] * 16 + ci[None, :])
    while start < end:
        m = start + tl.arange(0, BLOCK)
        inside = (m < end)[:, None]
        corner = m // 625 * 784 + m % 625 // 25 * 28 + m % 25
        a = tl.load(slope + corner[:, None] + ((tap // 4) * 28 + tap % 4)[None, :], mask=inside, other=0.0)
        d = tl.dot(a, b, input_precision=PRECISION)
        place = h2 + m[:, None] * 16 + ci[None, :]
        tl.store(place, d * elu_slope(tl.load(place, mask=inside, other=0.0)), mask=inside)
        start += tl.num_programs(0) * BLOCK


@triton.jit
def down(d, w, h, bounds, HIN: tl.constexpr, HOUT: tl.constexpr, CIN: tl.constexpr, BLOCK: tl.constexpr):
    """h (R, HIN, HIN, CIN) becomes the gradient before its ELU, from d (R, HOUT, HOUT, 16); w (C, 5, 5, 16, CIN)."""
    c = tl.program_id(1)
    start = tl.load(bounds + c) * (HIN * HIN) + tl.program_id(0) * BLOCK
    end = tl.load(bounds + c + 1) * (HIN * HIN)
    ci = tl.arange(0, CIN)
    co = tl.arange(0, 16)
    while start < end:
        m = start + tl.arange(0, BLOCK)
        inside = (m < end)[:, None]
        row = 2 * (m % (HIN * HIN) // HIN)
        base = d + ((m // (HIN * HIN) * HOUT + row) * HOUT + 2 * (m % HIN)) * 16
        acc = tl.zeros((BLOCK, CIN), tl.float32)
        for ky in range(5):
            for kx in range(5):
                x = tl.load(base[:, None] + (ky * HOUT + kx) * 16 + co[None, :], mask=inside, other=0.0)
                tap = (c * 5 + ky) * 5 + kx
                weights = tl.load(w + tap * (16 * CIN) + co[:, None] * CIN + ci[None, :])
                acc = tl.dot(x, weights, acc, input_precision=PRECISION)
        place = h + m[:, None] * CIN + ci[None, :]
        tl.store(place, acc * elu_slope(tl.load(place, mask=inside, other=0.0)), mask=inside)
        start += tl.num_programs(0) * BLOCK


@triton.jit
def first_back(d0, w, z, gradient, bounds, prior, BLOCK: tl.constexpr):
    """gradient (R, 8) = d0 (R, 512) @ w (C, 512, 8) + prior z."""
    c = tl.program_id(1)
    start = tl.load(bounds + c) + tl.program_id(0) * BLOCK
    end = tl.load(bounds + c + 1)
    k = tl.arange(0, 16)
    while start < end:
        n = start + tl.arange(0, BLOCK)
        inside = (n < end)[:, None]
        own = n[:, None] * 8 + k[None, :]
        acc = prior * tl.load(z + own, mask=inside & (k[None, :] < 8), other=0.0)
        for part in range(8):
            o = part * 64 + tl.arange(0, 64)
            a = tl.load(d0 + n[:, None] * 512 + o[None, :], mask=inside, other=0.0)
            b = tl.load(w + c * 4096 + o[:, None] * 8 + k[None, :], mask=k[None, :] < 8, other=0.0)
            acc = tl.dot(a, b, acc, input_precision=PRECISION)
        tl.store(gradient + own, acc, mask=inside & (k[None, :] < 8))
        start += tl.num_programs(0) * BLOCK


@triton.jit
def dot(a, b):
    return tl.sum(a * b, 1)


@triton.jit
def objective(partial, slot, inside, z, prior):
    """||G(z) - x||^2 + prior/2 ||z||^2 of the slots (B,) with latents z (B, 8)."""
    part = tl.arange(0, 64)[None, :]
    squares = tl.load(partial + slot[:, None] * 49 + part, mask=inside[:, None] & (part < 49), other=0.0)
    return tl.sum(squares, 1) + prior / 2 * dot(z, z)


@triton.jit
def times(matrix, vector):
    return tl.sum(matrix * vector[:, None, :], 2)


@triton.jit
def quasi_newton(inverse, gradient, longest):
    """The step -H g (B, 8), no longer than `longest`."""
    direction = -times(inverse, gradient)
    return direction * tl.minimum(longest / tl.sqrt(dot(direction, direction)), 1.0)[:, None]


@triton.jit
def bfgs(
    latents, values, gradients, inverses, steps, run, bounds, trial, partial, trial_gradient, classes, prior, armijo,
    longest, strongest, least_curvature, TRIED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Where a trial has been TRIED, accept it or shorten the step; then say what to try next.

    The first five are the fields of `Runs`, a slot's run being `run` (R,); trial, its gradient (R, 8) and partial (R, 49)
    stand in slots. Inverse Hessians are taken to be symmetric.
    """
    start = tl.program_id(0) * BLOCK
    end = tl.load(bounds + classes)
    i = tl.arange(0, 8)
    while start < end:
        slot = start + tl.arange(0, BLOCK)
        inside = slot < end
        at = tl.load(run + slot, mask=inside, other=0)
        own, own_matrix = at[:, None] * 8 + i[None, :], at[:, None, None] * 64 + (i[:, None] * 8 + i[None, :])[None]
        z = tl.load(latents + own, mask=inside[:, None], other=0.0)
        gradient = tl.load(gradients + own, mask=inside[:, None], other=0.0)
        inverse = tl.load(inverses + own_matrix, mask=inside[:, None, None], other=0.0)
        step = tl.load(steps + at, mask=inside, other=0.0)
        in_slot = slot[:, None] * 8 + i[None, :]
        if TRIED:
            value = tl.load(values + at, mask=inside, other=0.0)
            z_new = tl.load(trial + in_slot, mask=inside[:, None], other=0.0)
            gradient_new = tl.load(trial_gradient + in_slot, mask=inside[:, None], other=0.0)
            value_new = objective(partial, slot, inside, z_new, prior)
            slope = dot(quasi_newton(inverse, gradient, longest), gradient)
            begins = step == 0
            accepted = begins | (value_new <= value + armijo * step * slope)

            s, y = z_new - z, gradient_new - gradient
            curvature = dot(s, y)
            least = least_curvature * tl.sqrt(dot(s, s)) * tl.sqrt(dot(y, y))
            updates = accepted & (step != 0) & (curvature > least)
            rho = tl.where(updates, 1 / tl.where(updates, curvature, 1.0), 0.0)[:, None, None]
            hy = times(inverse, y)
            mixed = s[:, :, None] * hy[:, None, :] + hy[:, :, None] * s[:, None, :]
            inverse += rho * ((1 + rho * dot(y, hy)[:, None, None]) * (s[:, :, None] * s[:, None, :]) - mixed)

            parabola = -slope * step / (2 * (value_new - value - slope * step))
            shortened = step * tl.minimum(tl.maximum(parabola, strongest), 0.5)
            step = tl.where(accepted, 1.0, shortened)
            z = tl.where(accepted[:, None], z_new, z)
            gradient = tl.where(accepted[:, None], gradient_new, gradient)
            tl.store(values + at, tl.where(accepted, value_new, value), mask=inside)
            tl.store(steps + at, step, mask=inside)
            tl.store(latents + own, z, mask=inside[:, None])
            tl.store(gradients + own, gradient, mask=inside[:, None])
            tl.store(inverses + own_matrix, inverse, mask=inside[:, None, None])
        next_trial = z + step[:, None] * quasi_newton(inverse, gradient, longest)
        tl.store(trial + in_slot, next_trial, mask=inside[:, None])
        start += tl.num_programs(0) * BLOCK


@triton.jit
def adam(z, gradient, partial, mean, square, best, best_z, count, rate, unbiased_square, BLOCK: tl.constexpr):
    """Keep the latent if it is the best so far, and take a step of Adam: z, mean, square, best_z (R, 8), best (R,)."""
    slot = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = slot < count
    own = slot[:, None] * 8 + tl.arange(0, 8)[None, :]
    latent = tl.load(z + own, mask=inside[:, None], other=0.0)
    value = objective(partial, slot, inside, latent, 1.0)
    better = inside & (value < tl.load(best + slot, mask=inside, other=0.0))
    tl.store(best + slot, value, mask=better)
    tl.store(best_z + own, latent, mask=better[:, None])
    slope = tl.load(gradient + own, mask=inside[:, None], other=0.0)
    m = tl.load(mean + own, mask=inside[:, None], other=0.0)
    m += 0.1 * (slope - m)
    v = 0.999 * tl.load(square + own, mask=inside[:, None], other=0.0) + 0.001 * slope * slope
    tl.store(mean + own, m, mask=inside[:, None])
    tl.store(square + own, v, mask=inside[:, None])
    tl.store(z + own, latent - rate * m / (tl.sqrt(v / unbiased_square) + 1e-8), mask=inside[:, None])


@triton.jit
def invert(matrices, count, BLOCK: tl.constexpr):
    """Symmetric positive definite matrices (R, 8, 8) become their inverses, by Gauss and Jordan without pivots."""
    r = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    i = tl.arange(0, 8)
    place = matrices + r[:, None, None] * 64 + (i[:, None] * 8 + i[None, :])[None]
    inside = (r < count)[:, None, None]
    a = tl.load(place, mask=inside, other=0.0)
    a = tl.where(inside, a, (i[:, None] == i[None, :])[None].to(tl.float32))
    for k in tl.static_range(8):
        in_row, in_column = (i == k)[None, :, None], (i == k)[None, None, :]
        row = tl.sum(tl.where(in_row, a, 0.0), 1)
        column = tl.sum(tl.where(in_column, a, 0.0), 2)
        pivot = 1 / tl.sum(tl.where((i == k)[None, :], row, 0.0), 1)[:, None, None]
        rest = a - column[:, :, None] * row[:, None, :] * pivot
        rest = tl.where(in_row, row[:, None, :] * pivot, tl.where(in_column, -column[:, :, None] * pivot, rest))
        a = tl.where(in_row & in_column, pivot, rest)
    tl.store(place, a, mask=inside)


@dataclass(frozen=True)
class Slots:
    """Where each of R problems stands among those of its class.

    Attributes:
        run: the problem in each slot (R,), int32.
        classes: of the slots (R,); C where there is no class.
        bounds: the first slot of each class, and the end of the last one (C + 1,), int32.
    """

    run: Tensor
    classes: Tensor
    bounds: Tensor

    @classmethod
    def of(cls, classes: Tensor, count: int) -> "Slots":
        """For problems of these classes (R,); those that aren't among the `count` ones are none."""
        none = (classes < 0) | (classes >= count)
        of_slot, run = classes.masked_fill(none, count).byte().sort(stable=True)  # fewer bits are sorted faster
        bounds = torch.searchsorted(of_slot, torch.arange(count + 1, dtype=torch.uint8, device=classes.device))
        return cls(run.int(), of_slot.long(), bounds.int())


class TritonDecoders:
    """The decoders G_c of C classes.

    Wherever problems have classes (R,), one that isn't among 0 ... C - 1 is none: such a problem costs nothing, and what is
    returned for it means nothing.

    Attributes:
        blocks: rows that a program takes at once, by kernel (powers of two).
        programs: that share the rows of a class, at most; a launch of more takes longer where there are few rows.
    """

    blocks: ClassVar[dict[str, int]] = {
        "first": 32,
        "up": 64,
        "last": 128,
        "last_back": 128,
        "down": 128,
        "first_back": 32,
    }
    programs = 512

    def __init__(self, decoders: Sequence[VAEDecoder]) -> None:
        self.classes = len(decoders)
        device = next(decoders[0].parameters()).device
        weights, biases = zip(*(folded(decoder) for decoder in decoders))
        w0, w1, w2, w3 = (torch.stack(of_layer).float().to(device) for of_layer in zip(*weights))
        b0, self.b1, self.b2, self.b3 = (torch.stack(of_layer).float().to(device) for of_layer in zip(*biases))
        self.w0, self.b0 = w0.permute(0, 1, 3, 4, 2).flatten(2).contiguous(), b0.repeat(1, 16)
        self.w1, self.w2 = (w.permute(0, 3, 4, 1, 2).contiguous() for w in (w1, w2))
        self.w3 = w3[:, :, 0].permute(0, 2, 3, 1).contiguous()
        self.w0_back, self.w1_back, self.w2_back = (w.mT.contiguous() for w in (self.w0, self.w1, self.w2))

    def decode(self, classes: Tensor, latents: Tensor) -> Tensor:
        """G_c(z) (R, 1, 28, 28) for latents (R, 8) of classes (R,)."""
        layers = Layers(self, classes, latents)
        layers.forward()
        return layers.in_order(layers.decoded()).view(-1, 1, 28, 28)

    def jacobian(self, classes: Tensor, latents: Tensor) -> Tensor:
        """dG_c/dz, transposed: (R, 8, 784) for latents (R, 8) of classes (R,)."""
        layers = Layers(self, classes, latents)
        layers.forward()
        return layers.in_order(layers.tangents())

    def inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        """(2 J'J + I)^-1 (R, 8, 8), J the Jacobian for latents (R, 8) of classes (R,)."""
        of_each = self.jacobian(classes, latents)
        hessian = torch.eye(LATENT_DIM, dtype=latents.dtype, device=latents.device) + 2 * of_each @ of_each.mT
        invert[(triton.cdiv(len(hessian), 16),)](hessian, len(hessian), 16)
        return hessian

    def bfgs(
        self, x: Tensor, image: Tensor, runs: Runs, classes: Tensor, evaluations: int, prior: float, how: BFGSSettings
    ) -> Runs:
        """Take R runs, each for the image x[image] and its class, further by BFGS; those of no class stay as they are."""
        runs = runs.copy()
        layers = Layers(self, classes, runs.latent, (x, image))
        state = *runs.fields(), layers.slots.run, layers.slots.bounds, layers.z, layers.partial, layers.gradient
        constants = self.classes, prior, how.armijo, how.max_step, how.min_backtrack, how.min_curvature
        grid = (min(triton.cdiv(len(image), 16), 1024),)
        bfgs[grid](*state, *constants, False, 16)
        for _ in range(evaluations):
            layers.evaluate(prior)
            bfgs[grid](*state, *constants, True, 16)
        return runs

    def adam(
        self, x: Tensor, image: Tensor, classes: Tensor, latents: Tensor, how: ProtocolSettings
    ) -> tuple[Tensor, Tensor]:
        """Adam from latents (R, 8), each for the image x[image] and its class: the least D (R,), and where (R, 8)."""
        layers, count = Layers(self, classes, latents, (x, image)), len(latents)
        mean, square, best_z = torch.zeros_like(layers.z), torch.zeros_like(layers.z), layers.z.clone()
        best = torch.full_like(layers.z[:, 0], torch.inf)
        state = layers.z, layers.gradient, layers.partial, mean, square, best, best_z
        for t in range(1, how.steps + 2):
            layers.evaluate(1.0)
            rate, unbiased_square = how.learning_rate / (1 - 0.9**t), 1 - 0.999**t
            adam[(triton.cdiv(count, 64),)](*state, count, rate, unbiased_square, 64)
        return layers.in_order(best), layers.in_order(best_z)

    def launch(self, kernel: triton.JITFunction, rows: int, *arguments, parts: int = 1) -> None:
        """For at most so many rows of one class."""
        block = self.blocks[kernel.__name__]
        kernel[(min(triton.cdiv(rows, block), self.programs // parts), self.classes, parts)](*arguments, BLOCK=block)


class Layers:
    """The activations of R problems, in their slots, and the launches that fill them.

    Args:
        g: the decoders.
        classes: of the problems (R,).
        latents: (R, 8).
        target: images x (N, ...) and which of them (R,) a problem is about, where D is wanted.

    Attributes:
        z: the latents in their slots (R, 8); they may be changed.
        partial: ||G(z) - x||^2, by 16 pixels (R, 49).
        gradient: dD/dz (R, 8).
    """

    def __init__(
        self, g: TritonDecoders, classes: Tensor, latents: Tensor, target: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.g, self.slots = g, Slots.of(classes, g.classes)
        self.z = latents[self.slots.run].contiguous()
        sizes = 512, 11 * 11 * 16, 25 * 25 * 16, PIXELS, PIXELS // 16, LATENT_DIM
        space = (latents.new_empty(len(latents), size) for size in sizes)
        self._h0, self._h1, self._h2, self._pixels, self.partial, self.gradient = space
        if target is not None:
            x, image = target
            self._x, self._image = x.contiguous(), image[self.slots.run].int()

    def forward(self) -> None:
        g, r, bounds = self.g, len(self.z), self.slots.bounds
        g.launch(first, r, self.z, g.w0, g.b0, self._h0, bounds)
        g.launch(up, r * 36, self._h0, g.w1, g.b1, self._h1, self._h1, bounds, 4, 11, 32, 1, parts=4)
        g.launch(up, r * 169, self._h1, g.w2, g.b2, self._h2, self._h2, bounds, 11, 25, 16, 1, parts=4)

    def evaluate(self, prior: float) -> None:
        """Fill partial and gradient."""
        self.forward()
        g, r, bounds = self.g, len(self.z), self.slots.bounds
        on_images = self._x, self._image, self._pixels, self.partial
        g.launch(last, r * PIXELS, self._h2, g.w3, g.b3, *on_images, bounds, "objective", 1)
        g.launch(last_back, r * 625, self._pixels, g.w3, self._h2, bounds)
        g.launch(down, r * 121, self._h2, g.w2_back, self._h1, bounds, 11, 25, 16)
        g.launch(down, r * 16, self._h1, g.w1_back, self._h0, bounds, 4, 11, 32)
        g.launch(first_back, r, self._h0, g.w0_back, self.z, self.gradient, bounds, prior)

    def decoded(self) -> Tensor:
        """G(z) (R, 784) in slots, after `forward`."""
        g, images, slots = self.g, self._pixels, self.slots
        on_images = images, slots.run, images, self.partial
        g.launch(last, len(self.z) * PIXELS, self._h2, g.w3, g.b3, *on_images, slots.bounds, "image", 1)
        return images

    def tangents(self) -> Tensor:
        """dG/dz (R, 8, 784) in slots, after `forward`."""
        g, r, bounds, images = self.g, LATENT_DIM * len(self.z), self.slots.bounds, self.decoded()
        of_slot = self.slots.classes.clamp(max=g.classes - 1)
        t0 = g.w0[of_slot] * (self._h0 + 1).clamp(max=1)[:, None]
        t1, t2, tangents = (images.new_empty(r, size) for size in (11 * 11 * 16, 25 * 25 * 16, PIXELS))
        g.launch(up, r * 36, t0, g.w1, g.b1, self._h1, t1, bounds, 4, 11, 32, 8, parts=4)
        g.launch(up, r * 169, t1, g.w2, g.b2, self._h2, t2, bounds, 11, 25, 16, 8, parts=4)
        on_images = images, self.slots.run, tangents, self.partial
        g.launch(last, r * PIXELS, t2, g.w3, g.b3, *on_images, bounds, "tangent", 8)
        return tangents.view(-1, LATENT_DIM, PIXELS)

    def in_order(self, of_slots: Tensor) -> Tensor:
        """What stands in slots (R, ...), as the problems were given."""
        return torch.empty_like(of_slots).index_copy_(0, self.slots.run.long(), of_slots)
