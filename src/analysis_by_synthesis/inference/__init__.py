"""Optimisation-based inference: the search for D_c(x) = min_z ||G_c(z) - x||^2 + 1/2 ||z||^2."""

import logging
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

import torch

from analysis_by_synthesis.inference.batched import BatchedInference
from analysis_by_synthesis.inference.engine import Inference, Solution
from analysis_by_synthesis.inference.following import Following
from analysis_by_synthesis.inference.objective import objective
from analysis_by_synthesis.inference.reference import ReferenceInference
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.networks.vae import VAEDecoder
from analysis_by_synthesis.params.inference import InferenceSettings

__all__ = [
    "Following",
    "Inference",
    "ReferenceInference",
    "Solution",
    "build_inference",
    "objective",
]

AMPERE = 8, 0  # compute capability from which there are tf32 products

log = logging.getLogger(__name__)


def build_inference(decoders: Sequence[Decoder], settings: InferenceSettings) -> Inference:
    """The engine for the decoders' kind and device.

    For the paper's decoders there are compiled kernels, on CPUs with AVX2 or AVX-512 and on GPUs with Triton; PyTorch does
    for all others. The first call for a set of weights takes some seconds; what it computes on a CPU is cached.
    """
    device = next(decoders[0].parameters()).device.type
    papers = [decoder for decoder in decoders if isinstance(decoder, VAEDecoder)]
    if len(papers) < len(decoders):
        return ReferenceInference(decoders, settings)
    if device == "cuda":
        if find_spec("triton") and torch.cuda.get_device_capability() >= AMPERE:
            from analysis_by_synthesis.inference.triton_inference import TritonInference

            return TritonInference(papers, settings)
        return BatchedInference(papers, settings)
    if device == "cpu" and _can_run_kernels():
        from analysis_by_synthesis.inference.fast import FastInference

        return FastInference(papers, settings)
    return ReferenceInference(decoders, settings)


@cache
def _can_run_kernels() -> bool:
    try:
        from llvmlite import binding

        features = binding.get_host_cpu_features()
        if features.get("avx2", False) and features.get("fma", False):
            return True
        reason = "this CPU has no AVX2"
    except ImportError:
        reason = "numba is not installed"
    log.warning("Inference runs in plain PyTorch, many times slower than it could: %s.", reason)
    return False
