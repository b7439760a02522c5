"""The decoder, its gradient and the searches, compiled: each lane of a vector works on a problem of its own.

The only file of low-level code. The problems of one task, as many as there are lanes, are of the same class. A thread keeps
everything about them in one workspace that fits the L2 cache; each lane computes what it would compute alone, so results
don't depend on who the neighbours are, nor on how many: a CPU with AVX-512 has 16 lanes and 32 registers, one with AVX2
half of each.
"""

import hashlib
import operator
from pathlib import Path

import numpy as np
from llvmlite import binding, ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel
from numba.extending import intrinsic, overload, register_model

from analysis_by_synthesis import cache

WIDE = binding.get_host_cpu_features().get("avx512f", False)
LANES = 16 if WIDE else 8
# Sums that are kept in registers: of the channels of one pixel, of some channels of three, of a part of an image's row.
BLOCK = 16 if WIDE else 8
CHANNELS = 8 if WIDE else 4
STRIP = 14 if WIDE else 7

COMPILED = cache.folder("kernels") / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
cache.touch(COMPILED)
COMPILED_SIZE = 8 * 2**20  # bytes, amply


def compiled(function):
    """Compiled, run without Python's lock, and kept in the user's cache rather than beside this file."""
    keep, elsewhere = cache.can_store("kernels", COMPILED_SIZE), config.CACHE_DIR
    config.CACHE_DIR = elsewhere or str(COMPILED)  # a user may have told numba where
    try:
        return njit(nogil=True, cache=keep)(function)
    finally:
        config.CACHE_DIR = elsewhere


# --- Vectors: the few instructions that everything is made of ---------------------------------------------------------

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)


class Vector(types.Type):
    """A float in each lane, in a register."""

    def __init__(self) -> None:
        super().__init__(name="Vector")


vector = Vector()
COLUMN_SUMS = types.UniTuple(vector, BLOCK)
TILE_SUMS = types.UniTuple(vector, 3 * CHANNELS)
PIXEL_SUMS = types.UniTuple(vector, CHANNELS)
STRIP_SUMS = types.UniTuple(vector, STRIP)


@register_model(Vector)
class _VectorModel(PrimitiveModel):
    def __init__(self, manager, type_) -> None:
        super().__init__(manager, type_, _VECTOR)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * LANES)


def _integer(value: int) -> ir.Constant:
    return ir.Constant(_INTEGERS, [value] * LANES)


def _splat(builder, scalar):
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, _integer(0))


def _fma(builder, a, b, c):
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32"), (a, b, c))


def _sqrt(builder, a):
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{LANES}f32"), (a,))


def _smaller(builder, a, b):
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _larger(builder, a, b):
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _exp(builder, a):
    """e^a = 2^n e^r, n an integer, |r| <= ln(2) / 2, to 2 units in the last place; a <= 88 (constant below -87)."""
    a = _larger(builder, a, _constant(-87.0))
    shifted = _fma(builder, a, _constant(1.44269504), _constant(12582912.0))  # has n in its lowest bits
    n = builder.fsub(shifted, _constant(12582912.0))
    r = _fma(builder, n, _constant(-0.693359375), a)
    r = _fma(builder, n, _constant(2.12194440e-4), r)
    p = _constant(1.9875691500e-4)
    for coefficient in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1.0, 1.0):
        p = _fma(builder, p, r, _constant(coefficient))
    exponent = builder.shl(builder.bitcast(shifted, _INTEGERS), _integer(23))
    return builder.bitcast(builder.add(builder.bitcast(p, _INTEGERS), exponent), _VECTOR)


class _Array:
    """A one-dimensional array of floats, inside an intrinsic."""

    def __init__(self, context, builder, type_, value) -> None:
        self.builder = builder
        self.data = context.make_array(type_)(context, builder, value).data

    def pointer(self, index, shift: int = 0):
        return self.builder.gep(self.data, [self.builder.add(index, index.type(shift))])

    def vector_pointer(self, index, shift: int = 0):
        return self.builder.bitcast(self.pointer(index, shift), _VECTOR.as_pointer())

    def load(self, index, shift: int = 0):
        return self.builder.load(self.vector_pointer(index, shift), align=4 * LANES)

    def store(self, value, index, shift: int = 0) -> None:
        self.builder.store(value, self.vector_pointer(index, shift), align=4 * LANES)

    def splat(self, index, shift: int = 0):
        return _splat(self.builder, self.builder.load(self.pointer(index, shift)))


@intrinsic
def load(typing, array, index):
    """The vector at array[index:index + LANES]; the array is aligned to 64 bytes and the index a multiple of LANES."""

    def generate(context, builder, signature, arguments):
        return _Array(context, builder, signature.args[0], arguments[0]).load(arguments[1])

    return vector(array, types.intp), generate


@intrinsic
def store(typing, array, index, value):
    """array[index:index + LANES] = value."""

    def generate(context, builder, signature, arguments):
        _Array(context, builder, signature.args[0], arguments[0]).store(arguments[2], arguments[1])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def splat(typing, scalar):
    """All lanes equal."""
    return vector(types.float32), lambda context, builder, signature, arguments: _splat(builder, *arguments)


def _operation(instruction, arity: int):
    """An intrinsic from vectors to a vector."""

    def typed(*operands):
        signature = vector(*[vector] * len(operands))
        return signature, lambda context, builder, signature, arguments: instruction(builder, *arguments)

    if arity == 1:
        return intrinsic(lambda typing, a: typed(a))
    if arity == 2:
        return intrinsic(lambda typing, a, b: typed(a, b))
    if arity == 3:
        return intrinsic(lambda typing, a, b, c: typed(a, b, c))
    return intrinsic(lambda typing, a, b, c, d: typed(a, b, c, d))


sqrt = _operation(_sqrt, 1)
smaller = _operation(_smaller, 2)
larger = _operation(_larger, 2)
fma = _operation(_fma, 3)  # a * b + c
where_less = _operation(lambda builder, a, b, c, d: builder.select(builder.fcmp_ordered("<", a, b), c, d), 4)


def _overload_operator(symbol, instruction: str) -> None:
    operation = _operation(lambda builder, a, b: getattr(builder, instruction)(a, b), 2)

    @overload(symbol)
    def implementation(a, b):
        if isinstance(a, Vector) and isinstance(b, Vector):
            return lambda a, b: operation(a, b)


_overload_operator(operator.add, "fadd")
_overload_operator(operator.sub, "fsub")
_overload_operator(operator.mul, "fmul")
_overload_operator(operator.truediv, "fdiv")


def _fill(kind):
    """An intrinsic that repeats a vector."""

    @intrinsic
    def fill(typing, value):
        def generate(context, builder, signature, arguments):
            return context.make_tuple(builder, kind, [arguments[0]] * kind.count)

        return kind(vector), generate

    return fill


def _load_splats(kind, period: int):
    """An intrinsic that loads array[index], ..., array[index + period - 1], each in all lanes, and repeats them."""

    @intrinsic
    def load_splats(typing, array, index):
        def generate(context, builder, signature, arguments):
            numbers = _Array(context, builder, signature.args[0], arguments[0])
            items = [numbers.splat(arguments[1], i) for i in range(period)]
            return context.make_tuple(builder, kind, items * (kind.count // period))

        return kind(array, types.intp), generate

    return load_splats


def _store_all(kind, change=lambda builder, a, other: a):
    """An intrinsic that stores vectors at array[index], array[index + LANES], ..., each after `change`.

    What stands at array[other], array[other + LANES], ... can be read by `change`.
    """

    @intrinsic
    def store_all(typing, sums, array, index, other):
        def generate(context, builder, signature, arguments):
            sums, value, index, other = arguments
            memory = _Array(context, builder, signature.args[1], value)
            for i in range(kind.count):
                changed = change(builder, builder.extract_value(sums, i), lambda: memory.load(other, i * LANES))
                memory.store(changed, index, i * LANES)
            return context.get_dummy_value()

        return types.void(kind, array, types.intp, types.intp), generate

    return store_all


def _elu(builder, a, _):
    """max(a, 0) + e^min(a, 0) - 1."""
    negative = builder.fsub(_exp(builder, _smaller(builder, a, _constant(0.0))), _constant(1.0))
    return builder.fadd(_larger(builder, a, _constant(0.0)), negative)


def _chain_elu(builder, a, activation):
    """a ELU', which is min(1, ELU + 1)."""
    return builder.fmul(a, _smaller(builder, builder.fadd(activation(), _constant(1.0)), _constant(1.0)))


def _sigmoid(builder, a, _):
    e = _exp(builder, _smaller(builder, builder.fsub(_constant(0.0), a), _constant(88.0)))
    return builder.fdiv(_constant(1.0), builder.fadd(_constant(1.0), e))


def _chain_sigmoid(builder, a, image):
    """a y (1 - y)."""
    y = image()
    return builder.fmul(a, builder.fmul(y, builder.fsub(_constant(1.0), y)))


fill_column, load_column = _fill(COLUMN_SUMS), _load_splats(COLUMN_SUMS, BLOCK)
store_column, store_column_elu, store_column_chain = (
    _store_all(COLUMN_SUMS),
    _store_all(COLUMN_SUMS, _elu),
    _store_all(COLUMN_SUMS, _chain_elu),
)
load_tile = _load_splats(TILE_SUMS, CHANNELS)
store_pixel, store_pixel_elu, store_pixel_chain = (_store_all(PIXEL_SUMS, *f) for f in ((), (_elu,), (_chain_elu,)))
fill_strip = _fill(STRIP_SUMS)
store_strip_sigmoid, store_strip_chain = _store_all(STRIP_SUMS, _sigmoid), _store_all(STRIP_SUMS, _chain_sigmoid)


@intrinsic
def fma_column(typing, sums, x, array, index):
    """sums[i] + x * array[index + i]."""

    def generate(context, builder, signature, arguments):
        sums, x, value, index = arguments
        weights = _Array(context, builder, signature.args[2], value)
        items = [_fma(builder, x, weights.splat(index, i), builder.extract_value(sums, i)) for i in range(BLOCK)]
        return context.make_tuple(builder, COLUMN_SUMS, items)

    return COLUMN_SUMS(COLUMN_SUMS, vector, array, types.intp), generate


@intrinsic
def fma_tile(typing, sums, a, b, c, array, index):
    """sums[CHANNELS k + i] + pixel[k] * array[index + i], the three pixels being a, b, c."""

    def generate(context, builder, signature, arguments):
        sums, *pixels, value, index = arguments
        weights = _Array(context, builder, signature.args[4], value)
        items = [builder.extract_value(sums, i) for i in range(3 * CHANNELS)]
        for i in range(CHANNELS):  # one weight at a time: the sums, three pixels and the weight fit the registers
            weight = weights.splat(index, i)
            for k in range(3):
                at = CHANNELS * k + i
                items[at] = _fma(builder, pixels[k], weight, items[at])
        return context.make_tuple(builder, TILE_SUMS, items)

    return TILE_SUMS(TILE_SUMS, vector, vector, vector, array, types.intp), generate


@intrinsic
def split_tile(typing, sums):
    """The channels of each pixel."""
    pixel_sums = types.UniTuple(PIXEL_SUMS, 3)

    def generate(context, builder, signature, arguments):
        items = [builder.extract_value(arguments[0], i) for i in range(3 * CHANNELS)]
        pixels = [context.make_tuple(builder, PIXEL_SUMS, items[k * CHANNELS :][:CHANNELS]) for k in range(3)]
        return context.make_tuple(builder, pixel_sums, pixels)

    return pixel_sums(TILE_SUMS), generate


@intrinsic
def fma_strip(typing, sums, array, index, weights, at):
    """One channel of STRIP + 3 source pixels in a row, times 4 weights in a row, added to STRIP pixels of the image."""

    def generate(context, builder, signature, arguments):
        sums, value, index, weights, at = arguments
        pixels = _Array(context, builder, signature.args[1], value)
        kernel = _Array(context, builder, signature.args[3], weights)
        taps = [kernel.splat(at, k) for k in range(4)]
        items = [builder.extract_value(sums, i) for i in range(STRIP)]
        for source in range(STRIP + 3):
            x = pixels.load(index, source * 16 * LANES)
            for k in range(4):
                target = source - 3 + k
                if 0 <= target < STRIP:
                    items[target] = _fma(builder, x, taps[k], items[target])
        return context.make_tuple(builder, STRIP_SUMS, items)

    return STRIP_SUMS(STRIP_SUMS, array, types.intp, weights, types.intp), generate


# --- Memory -----------------------------------------------------------------------------------------------------------

LATENT = 8
PIXELS = 28 * 28
PITCH = 28  # of the 25 x 25 activations: three zeros between rows spare the last layer all edge cases


def _offsets(sizes: dict[str, int]) -> tuple[dict[str, int], int]:
    starts = np.cumsum([0, *sizes.values()])
    return dict(zip(sizes, map(int, starts))), int(starts[-1])


# The parameters of a decoder, one float each; W0T is W0 with channels swapped, for the gradient.
_P, PARAMETERS = _offsets(
    {
        "W0": 16 * 8 * 32, "B0": 32, "W0T": 16 * 32 * 16,
        "W1": 25 * 32 * 16, "B1": 16, "W1T": 25 * 16 * 32,
        "W2": 25 * 16 * 16, "B2": 16, "W2T": 25 * 16 * 16,
        "W3": 16 * 16, "B3": 16, "W3T": 16 * 16,
        "ZEROS": 32,
    }
)  # fmt: skip
W3, B3, ZEROS = (_P[name] for name in ("W3", "B3", "ZEROS"))

# The activations, and what the searches know about the problems; one vector each.
_A, _NETWORK = _offsets(
    {"Z": 8, "H0": 16 * 32, "H1": 121 * 16, "MARGIN": 3 * 16, "H2": (25 * PITCH) * 16, "Y": PIXELS, "GZ": 16}
)
Z, H0, H1, H2, Y, GZ = (LANES * _A[name] for name in ("Z", "H0", "H1", "H2", "Y", "GZ"))
TANGENT = LANES * _NETWORK  # a second network, for directional derivatives
_S, _STATE = _offsets({"X": PIXELS, "BEST": 8, "G": 8, "D": 8, "H": 64, "HY": 8, "VALUE": 1, "STEP": 1, "M": 8, "V": 8})
X, BEST, G, D, H, HY, VALUE, STEP, M, V = (LANES * (_NETWORK + offset) for offset in _S.values())
JACOBIAN = 2 * TANGENT
WORKSPACE = JACOBIAN + LANES * LATENT * PIXELS


# --- The decoder's layers, as tables that one loop reads --------------------------------------------------------------

ELU, SIGMOID, CHAIN, LINEAR = range(4)

_LAYER = np.dtype([(name, np.int64) for name in (
    "source", "target", "chain", "weight", "bias", "inputs", "outputs", "finish", "triples", "singles", "end",
)])  # fmt: skip
_layers: list[tuple] = []
_groups: list[tuple] = []  # up to 3 targets that use the same taps: their offsets, then a range of links
_links: list[tuple] = []  # the offsets of the sources, then of the weights


def _links_of_transposed_convolution(size: int, kernel: int, stride: int, source_pitch: int, target_pitch: int):
    """All (target pixel, source pixel, tap) of a transposed convolution of size x size pixels.

    Targets of the same parity follow one another, as they use the same weights.
    """
    pixels = [(y, x, i, j) for y in range(size) for x in range(size) for i in range(kernel) for j in range(kernel)]
    pixels.sort(key=lambda p: ((stride * p[0] + p[2]) % stride, (stride * p[1] + p[3]) % stride))
    return [
        ((stride * y + i) * target_pitch + stride * x + j, y * source_pitch + x, i * kernel + j)
        for y, x, i, j in pixels
    ]


def _add_layer(
    links, source: int, target: int, chain: int, weight: str, bias: str, inputs: int, outputs: int, finish: int
) -> int:
    """Add a layer to the tables; returns how many there are then."""
    links_of: dict[int, dict[int, int]] = {}
    for target_pixel, source_pixel, tap in links:
        links_of.setdefault(target_pixel, {})[tap] = source_pixel
    alike: dict[tuple, list[int]] = {}
    for pixel, sources in links_of.items():
        alike.setdefault(tuple(sorted(sources)), []).append(pixel)

    def add_groups(size: int) -> None:
        for taps, pixels in alike.items():
            triples = len(pixels) // 3 * 3
            of_size = range(0, triples, 3) if size == 3 else range(triples, len(pixels))
            for first in of_size:
                group = (pixels[first : first + size] * 3)[:3]
                for tap in taps:
                    sources = (links_of[pixel][tap] * inputs * LANES for pixel in group)
                    _links.append((*sources, tap * inputs * outputs))
                targets = (pixel * outputs * LANES for pixel in group)
                _groups.append((*targets, len(_links) - len(taps), len(_links)))

    ranges = [len(_groups)]
    for size in (3, 1):
        add_groups(size)
        ranges.append(len(_groups))
    _layers.append((source, target, chain, _P[weight], _P[bias], inputs, outputs, finish, *ranges))
    return len(_layers)


def _transposed(links):
    return [(source, target, tap) for target, source, tap in links]


_CONVOLUTIONS = [
    _links_of_transposed_convolution(1, 4, 1, 1, 4),
    _links_of_transposed_convolution(4, 5, 2, 4, 11),
    _links_of_transposed_convolution(11, 5, 2, 11, PITCH),
    _links_of_transposed_convolution(25, 4, 1, PITCH, 28),
]
_add_layer(_CONVOLUTIONS[0], Z, H0, H0, "W0", "B0", 8, 32, ELU)
_add_layer(_CONVOLUTIONS[1], H0, H1, H1, "W1", "B1", 32, 16, ELU)
FORWARD = 0, _add_layer(_CONVOLUTIONS[2], H1, H2, H2, "W2", "B2", 16, 16, ELU)
_add_layer(_transposed(_CONVOLUTIONS[3]), Y, H2, H2, "W3T", "ZEROS", 1, 16, CHAIN)
_add_layer(_transposed(_CONVOLUTIONS[2]), H2, H1, H1, "W2T", "ZEROS", 16, 16, CHAIN)
_add_layer(_transposed(_CONVOLUTIONS[1]), H1, H0, H0, "W1T", "ZEROS", 16, 32, CHAIN)
BACKWARD = FORWARD[1], _add_layer(_transposed(_CONVOLUTIONS[0]), H0, GZ, GZ, "W0T", "ZEROS", 32, 16, LINEAR)
_add_layer(_CONVOLUTIONS[0], TANGENT + Z, TANGENT + H0, H0, "W0", "ZEROS", 8, 32, CHAIN)
_add_layer(_CONVOLUTIONS[1], TANGENT + H0, TANGENT + H1, H1, "W1", "ZEROS", 32, 16, CHAIN)
DERIVATIVE = BACKWARD[1], _add_layer(_CONVOLUTIONS[2], TANGENT + H1, TANGENT + H2, H2, "W2", "ZEROS", 16, 16, CHAIN)
_LAYERS, _GROUPS, _LINKS = np.array(_layers, _LAYER), np.array(_groups, np.int64), np.array(_links, np.int64)


def pack_parameters(weights: list[np.ndarray], biases: list[np.ndarray]) -> np.ndarray:
    """A decoder's four transposed convolutions (in, out, k, k), batch norm folded in, as the kernels read them."""
    packed = np.zeros(PARAMETERS, np.float32)
    for i, (weight, bias) in enumerate(zip(weights, biases)):
        forward = weight.transpose(2, 3, 0, 1)
        backward = forward.swapaxes(2, 3)
        if i == 0:
            backward = np.concatenate([backward, np.zeros_like(backward)], 3)
        if i == 3:
            forward = weight.transpose(2, 0, 3, 1)
        for name, values in ((f"W{i}", forward), (f"B{i}", bias), (f"W{i}T", backward)):
            packed[_P[name] : _P[name] + values.size] = values.ravel()
    return packed


# --- The decoder ------------------------------------------------------------------------------------------------------


@njit
def convolve(ws, p, layers):
    """Run a range of layers: sums over linked pixels and channels; then ELU, the chain rule or nothing.

    Tiles of three pixels keep the multipliers busy, what is left over goes pixel by pixel.
    """
    for number in range(layers[0], layers[1]):
        layer = _LAYERS[number]
        inputs, outputs, finish = layer.inputs, layer.outputs, layer.finish
        for i in range(layer.triples, layer.singles):
            for block in range(0, outputs, CHANNELS):
                sums = load_tile(p, layer.bias + block)
                for link in range(_GROUPS[i, 3], _GROUPS[i, 4]):
                    a, b = layer.source + _LINKS[link, 0], layer.source + _LINKS[link, 1]
                    c = layer.source + _LINKS[link, 2]
                    weight = layer.weight + _LINKS[link, 3] + block
                    for channel in range(inputs):
                        at = channel * LANES
                        weights = weight + channel * outputs
                        sums = fma_tile(sums, load(ws, a + at), load(ws, b + at), load(ws, c + at), p, weights)
                pixels = split_tile(sums)
                for k in range(3):
                    offset = _GROUPS[i, k] + block * LANES
                    target, chain = layer.target + offset, layer.chain + offset
                    if finish == ELU:
                        store_pixel_elu(pixels[k], ws, target, chain)
                    elif finish == CHAIN:
                        store_pixel_chain(pixels[k], ws, target, chain)
                    else:
                        store_pixel(pixels[k], ws, target, chain)
        for i in range(layer.singles, layer.end):
            for block in range(0, outputs, BLOCK):
                sums = load_column(p, layer.bias + block)
                for link in range(_GROUPS[i, 3], _GROUPS[i, 4]):
                    pixel = layer.source + _LINKS[link, 0]
                    weight = layer.weight + _LINKS[link, 3] + block
                    for channel in range(inputs):
                        sums = fma_column(sums, load(ws, pixel + channel * LANES), p, weight + channel * outputs)
                offset = _GROUPS[i, 0] + block * LANES
                target, chain = layer.target + offset, layer.chain + offset
                if finish == ELU:
                    store_column_elu(sums, ws, target, chain)
                elif finish == CHAIN:
                    store_column_chain(sums, ws, target, chain)
                else:
                    store_column(sums, ws, target, chain)


@njit
def last_layer(ws, source, target, image, p, bias, finish):
    """A strip of a row at a time; then the sigmoid or its chain rule."""
    for y in range(28):
        for x in range(0, 28, STRIP):
            sums = fill_strip(splat(p[bias]))
            for i in range(max(0, y - 24), min(3, y) + 1):
                pixel = source + ((y - i) * PITCH + x - 3) * 16 * LANES
                for channel in range(16):
                    sums = fma_strip(sums, ws, pixel + channel * LANES, p, W3 + (i * 16 + channel) * 4)
            offset = (y * 28 + x) * LANES
            if finish == SIGMOID:
                store_strip_sigmoid(sums, ws, target + offset, image + offset)
            else:
                store_strip_chain(sums, ws, target + offset, image + offset)


@njit
def forward(ws, p):
    """G(z): the latents at Z to the images at Y."""
    convolve(ws, p, FORWARD)
    last_layer(ws, H2, Y, Y, p, B3, SIGMOID)


@njit
def value_and_gradient(ws, p, prior):
    """||G(z) - x||^2 + prior/2 ||z||^2 of the latents at Z and the images at X; its gradient is left at GZ.

    The way back overwrites each activation by the gradient with respect to it.
    """
    forward(ws, p)
    value = splat(np.float32(0))
    one, two = splat(np.float32(1)), splat(np.float32(2))
    weight, half = splat(np.float32(prior)), splat(np.float32(prior / 2))
    for i in range(0, PIXELS * LANES, LANES):
        y = load(ws, Y + i)
        residual = y - load(ws, X + i)
        value = fma(residual, residual, value)
        store(ws, Y + i, two * residual * y * (one - y))
    convolve(ws, p, BACKWARD)
    for i in range(0, LATENT * LANES, LANES):
        z = load(ws, Z + i)
        value = fma(half * z, z, value)
        store(ws, GZ + i, fma(weight, z, load(ws, GZ + i)))
    return value


# --- From and to the lanes --------------------------------------------------------------------------------------------


@njit
def gather(ws, offset, rows, indices):
    """Row indices[lane] of `rows` becomes lane `lane`; the last one stands in for missing ones."""
    for lane in range(LANES):
        row = indices[min(lane, len(indices) - 1)]
        for i in range(rows.shape[1]):
            ws[offset + i * LANES + lane] = rows[row, i]


@njit
def scatter(ws, offset, rows, indices):
    """Lane `lane` becomes row indices[lane] of `rows`."""
    for lane in range(len(indices)):
        for i in range(rows.shape[1]):
            rows[indices[lane], i] = ws[offset + i * LANES + lane]


# --- Tasks: each of them is one call from Python, for as many problems as there are lanes or fewer ------------------------------------------


@compiled
def decode(p, latents, images, indices, ws):
    """images[indices] = G(latents[indices])."""
    gather(ws, Z, latents, indices)
    forward(ws, p)
    scatter(ws, Y, images, indices)


@compiled
def project(images, indices, mean, basis, points, ws):
    """Coordinates of images[indices] less `mean` in a basis, then their squared norm.

    Args:
        basis: D vectors (D / BLOCK * 784 * BLOCK,).
        points: receives the result ((D + 1) * LANES,).
    """
    gather(ws, X, images, indices)
    squares = splat(np.float32(0))
    for i in range(PIXELS):
        centred = load(ws, X + i * LANES) - splat(mean[i])
        squares = fma(centred, centred, squares)
        store(ws, X + i * LANES, centred)
    for block in range(len(points) // (BLOCK * LANES)):
        sums = fill_column(splat(np.float32(0)))
        for i in range(PIXELS):
            sums = fma_column(sums, load(ws, X + i * LANES), basis, (block * PIXELS + i) * BLOCK)
        store_column(sums, points, block * BLOCK * LANES, 0)
    store(points, len(points) - LANES, squares)


@compiled
def nearest(points, candidates, constants, found, scores, ws):
    """The best candidates of one class, best first, for some groups of as many images as there are lanes.

    Args:
        points: D coordinates and a constant of each image (groups * (D + 1) * LANES,).
        candidates: -2 times the coordinates of the decoded candidates (K / BLOCK * D * BLOCK,).
        constants: (K,); the score is the sum of both constants and the product of the coordinates.
        found: receives the indices (groups, LANES, finalists).
        scores: receives the scores (groups, LANES, finalists).
        ws: BLOCK * LANES floats.
    """
    groups, last = len(found), found.shape[2] - 1
    size = len(points) // groups
    dimensions = size // LANES - 1
    scores[:] = np.inf
    for block in range(len(constants) // BLOCK):  # it stays in the cache for all groups
        for group in range(groups):
            sums = load_column(constants, block * BLOCK)
            for i in range(dimensions):
                weights = (block * dimensions + i) * BLOCK
                sums = fma_column(sums, load(points, group * size + i * LANES), candidates, weights)
            store_column(sums, ws, 0, 0)
            for i in range(BLOCK):
                for lane in range(LANES):
                    if ws[i * LANES + lane] < scores[group, lane, last]:
                        insert(scores[group, lane], found[group, lane], ws[i * LANES + lane], block * BLOCK + i)
    for group in range(groups):
        for lane in range(LANES):
            scores[group, lane] += points[group * size + dimensions * LANES + lane]


@njit
def insert(values, items, value, item):
    """Into ascending values, all below it move on by one; the last one is lost."""
    at = len(values) - 1
    while at > 0 and values[at - 1] > value:
        values[at], items[at] = values[at - 1], items[at - 1]
        at -= 1
    values[at], items[at] = value, item


@compiled
def first_steps(points, found, scores, latents, offsets, slopes, inverse_hessians, limits, chosen, ends, values, ws):
    """One quasi-Newton step from each finalist of one class, predicted from the tables; the best ends that lie apart first.

    Args:
        points: of a group, as in `nearest`.
        found, scores: of the finalists (LANES, F), by `nearest`.
        latents, offsets, slopes, inverse_hessians: of all candidates of the class, as in `tables.Tables`; slopes are flat.
        limits: the longest step, and how far apart ends have to lie.
        chosen: receives the index of the candidate (LANES, starts).
        ends: receives where its step ends (LANES, starts, 8).
        values: receives D there, by the quadratic model (LANES, starts).
        ws: (8 * D + LANES) floats.
    """
    size = len(points) // LANES * LATENT - LATENT
    longest_step, separation = np.float32(limits[0]), np.float32(limits[1])
    finalists, starts = found.shape[1], chosen.shape[1]
    gradient, step = np.empty(LATENT, np.float32), np.empty(LATENT, np.float32)
    end, value = np.empty((finalists, LATENT), np.float32), np.empty(finalists, np.float32)
    near = np.empty(finalists, np.bool_)
    for lane in range(LANES):
        for i in range(size):
            ws[i] = points[i // LATENT * LANES + lane]
        for f in range(finalists):
            k = found[lane, f]
            sums = splat(np.float32(0))
            for i in range(0, size, LANES):
                sums = fma(load(slopes, k * size + i), load(ws, i), sums)
            store(ws, size, sums)
            gradient[:] = offsets[k]
            for i in range(LANES):
                gradient[i % LATENT] += ws[size + i]
            square, slope = np.float32(0), np.float32(0)
            for i in range(LATENT):
                step[i] = 0
                for j in range(LATENT):
                    step[i] -= inverse_hessians[k, i, j] * gradient[j]
                square += step[i] * step[i]
                slope += step[i] * gradient[i]
            scale = min(np.float32(1), longest_step / np.sqrt(square + np.float32(1e-30)))
            for i in range(LATENT):
                end[f, i] = latents[k, i] + scale * step[i]
            value[f] = scores[lane, f] + (scale - scale * scale / np.float32(2)) * slope
        count = 0
        near[:] = False
        for late in (False, True):
            for f in np.argsort(value, kind="mergesort"):
                if count == starts or near[f] != late:
                    continue
                for other in range(count):
                    near[f] |= square_distance(end[f], ends[lane, other]) < separation * separation
                if near[f] == late:
                    chosen[lane, count], ends[lane, count], values[lane, count] = found[lane, f], end[f], value[f]
                    count += 1


@njit
def square_distance(a, b):
    total = np.float32(0)
    for i in range(LATENT):
        total += (a[i] - b[i]) * (a[i] - b[i])
    return total


@njit
def differentiate(ws, p):
    """The Jacobian of G at the latents at Z: its columns one after the other at JACOBIAN, the images at Y."""
    forward(ws, p)
    zero, one = splat(np.float32(0)), splat(np.float32(1))
    for k in range(LATENT):
        for i in range(LATENT):
            store(ws, TANGENT + Z + i * LANES, one if i == k else zero)
        convolve(ws, p, DERIVATIVE)
        last_layer(ws, TANGENT + H2, JACOBIAN + k * PIXELS * LANES, Y, p, ZEROS, CHAIN)


@compiled
def jacobian(p, latents, jacobians, indices, ws):
    """jacobians[indices] = the Jacobians of G (8 * 784) at latents[indices], latents first."""
    gather(ws, Z, latents, indices)
    differentiate(ws, p)
    scatter(ws, JACOBIAN, jacobians, indices)


@compiled
def gauss_newton(p, latents, hessians, indices, ws):
    """hessians[indices] = 2 J'J + I (8, 8), J the Jacobian of G at latents[indices]."""
    gather(ws, Z, latents, indices)
    differentiate(ws, p)
    zero, one, two = splat(np.float32(0)), splat(np.float32(1)), splat(np.float32(2))
    for i in range(LATENT):
        for j in range(i + 1):
            product = zero
            for pixel in range(0, PIXELS * LANES, LANES):
                a, b = load(ws, JACOBIAN + i * PIXELS * LANES + pixel), load(ws, JACOBIAN + j * PIXELS * LANES + pixel)
                product = fma(a, b, product)
            product = two * product
            if i == j:
                product = product + one
            store(ws, TANGENT + (i * LATENT + j) * LANES, product)
            store(ws, TANGENT + (j * LATENT + i) * LANES, product)
    scatter(ws, TANGENT, hessians, indices)


@compiled
def adam(p, images, latents, values, indices, steps, learning_rate, ws):
    """Adam from latents[indices] for images[indices]; the best of the latents visited replaces the start."""
    gather(ws, X, images, indices)
    gather(ws, BEST, latents, indices)
    zero = splat(np.float32(0))
    for i in range(0, LATENT * LANES, LANES):
        store(ws, Z + i, load(ws, BEST + i))
        store(ws, M + i, zero)
        store(ws, V + i, zero)
    store(ws, VALUE, splat(np.float32(np.inf)))
    for step in range(1, steps + 2):
        value, best = value_and_gradient(ws, p, 1.0), load(ws, VALUE)
        store(ws, VALUE, smaller(value, best))
        rate = splat(np.float32(learning_rate / (1 - 0.9**step)))
        root = splat(np.float32(1 / np.sqrt(1 - 0.999**step)))
        for i in range(0, LATENT * LANES, LANES):
            z, g = load(ws, Z + i), load(ws, GZ + i)
            store(ws, BEST + i, where_less(value, best, z, load(ws, BEST + i)))
            m = splat(np.float32(0.9)) * load(ws, M + i) + splat(np.float32(0.1)) * g
            v = splat(np.float32(0.999)) * load(ws, V + i) + splat(np.float32(0.001)) * g * g
            store(ws, M + i, m)
            store(ws, V + i, v)
            store(ws, Z + i, z - rate * m / (sqrt(v) * root + splat(np.float32(1e-8))))
    scatter(ws, BEST, latents, indices)
    scatter(ws, VALUE, values, indices)


@compiled
def bfgs(p, images, image, latents, values, gradients, inverses, steps, runs, evaluations, constants, ws):
    """BFGS, as in the reference: `runs` are rows of the state arrays, image[runs] rows of `images`."""
    armijo, longest_step, strongest_backtrack, least_curvature, prior = constants
    gather(ws, X, images, image[runs])
    gather(ws, BEST, latents, runs)
    gather(ws, VALUE, values, runs)
    gather(ws, G, gradients, runs)
    gather(ws, H, inverses, runs)
    gather(ws, STEP, steps, runs)
    zero, one, two, half = splat(np.float32(0)), splat(np.float32(1)), splat(np.float32(2)), splat(np.float32(0.5))
    tiny = splat(np.float32(1e-30))
    for _ in range(evaluations):
        squares, slope = zero, zero
        for i in range(LATENT):
            d = zero
            for j in range(LATENT):
                d = d - load(ws, H + (i * LATENT + j) * LANES) * load(ws, G + j * LANES)
            store(ws, D + i * LANES, d)
            squares = fma(d, d, squares)
            slope = fma(d, load(ws, G + i * LANES), slope)
        scale = smaller(one, splat(np.float32(longest_step)) / sqrt(squares + tiny))
        slope = slope * scale
        step = load(ws, STEP)
        for i in range(0, LATENT * LANES, LANES):
            s = step * scale * load(ws, D + i)
            store(ws, D + i, s)
            store(ws, Z + i, load(ws, BEST + i) + s)
        trial, value = value_and_gradient(ws, p, prior), load(ws, VALUE)
        later = where_less(zero, step, one, zero)
        accepted = where_less(fma(splat(np.float32(armijo)) * step, slope, value), trial, one - later, one)

        curvature, ss, yy, yhy = zero, zero, zero, zero
        for i in range(LATENT):
            s, y = load(ws, D + i * LANES), load(ws, GZ + i * LANES) - load(ws, G + i * LANES)
            curvature, ss, yy = fma(s, y, curvature), fma(s, s, ss), fma(y, y, yy)
            hy = zero
            for j in range(LATENT):
                hy = fma(load(ws, H + (i * LATENT + j) * LANES), load(ws, GZ + j * LANES) - load(ws, G + j * LANES), hy)
            store(ws, HY + i * LANES, hy)
            yhy = fma(y, hy, yhy)
        least = splat(np.float32(least_curvature)) * sqrt(ss * yy)
        rho = where_less(least, curvature, where_less(half, accepted * later, one / curvature, zero), zero)
        for i in range(LATENT):
            for j in range(LATENT):
                si, sj = load(ws, D + i * LANES), load(ws, D + j * LANES)
                hyi, hyj = load(ws, HY + i * LANES), load(ws, HY + j * LANES)
                change = (one + rho * yhy) * si * sj - si * hyj - hyi * sj
                store(ws, H + (i * LATENT + j) * LANES, fma(rho, change, load(ws, H + (i * LATENT + j) * LANES)))

        parabola = (zero - slope) * step / (two * (trial - value - slope * step))
        shortened = step * larger(splat(np.float32(strongest_backtrack)), smaller(half, parabola))
        store(ws, STEP, where_less(half, accepted, one, shortened))
        store(ws, VALUE, where_less(half, accepted, trial, value))
        for i in range(0, LATENT * LANES, LANES):
            store(ws, BEST + i, where_less(half, accepted, load(ws, Z + i), load(ws, BEST + i)))
            store(ws, G + i, where_less(half, accepted, load(ws, GZ + i), load(ws, G + i)))
    scatter(ws, BEST, latents, runs)
    scatter(ws, VALUE, values, runs)
    scatter(ws, G, gradients, runs)
    scatter(ws, H, inverses, runs)
    scatter(ws, STEP, steps, runs)


@compiled
def multiply_add(numbers, repetitions, ws):
    """Nothing but fused multiply-adds, 3 CHANNELS LANES a repetition: what the machine can do at best."""
    sums = load_tile(numbers, 0)
    a, b, c = load(numbers, 0), load(numbers, LANES), load(numbers, 2 * LANES)
    for i in range(repetitions):
        sums = fma_tile(sums, a, b, c, numbers, CHANNELS * (i % 8))
    pixels = split_tile(sums)
    for k in range(3):
        store_pixel(pixels[k], ws, k * CHANNELS * LANES, 0)
