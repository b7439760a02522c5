"""Optimisation-based inference: the search for D_c(x) = min_z ||G_c(z) - x||^2 + 1/2 ||z||^2."""

import logging
from collections.abc import Sequence
from functools import cache

from analysis_by_synthesis.inference.batched import BatchedInference
from analysis_by_synthesis.inference.engine import Inference, Solution
from analysis_by_synthesis.inference.objective import objective
from analysis_by_synthesis.inference.reference import ReferenceInference
from analysis_by_synthesis.inference.settings import InferenceSettings
from analysis_by_synthesis.networks.vae import Decoder

__all__ = ["Inference", "InferenceSettings", "ReferenceInference", "Solution", "build_inference", "objective"]

log = logging.getLogger(__name__)


def build_inference(decoders: Sequence[Decoder], settings: InferenceSettings) -> Inference:
    """The engine for the decoders' device: compiled kernels on CPUs that have AVX-512, CUDA graphs on GPUs, else PyTorch.

    The first call for a set of weights takes some seconds; what it computes on a CPU is kept in .work/inference.
    """
    device = next(decoders[0].parameters()).device.type
    if device == "cuda":
        return BatchedInference(decoders, settings)
    if device == "cpu" and _has_avx512():
        from analysis_by_synthesis.inference.fast import FastInference

        return FastInference(decoders, settings)
    return ReferenceInference(decoders, settings)


@cache
def _has_avx512() -> bool:
    try:
        from llvmlite import binding

        if binding.get_host_cpu_features().get("avx512f", False):
            return True
        reason = "this CPU has no AVX-512"
    except ImportError:
        reason = "numba is not installed"
    log.warning("Inference runs in plain PyTorch, about ten times slower than it could: %s.", reason)
    return False
