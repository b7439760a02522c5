"""Where tensors are computed, and with how many threads."""

import torch


def device() -> torch.device:
    """The GPU, where there is one, without the shorter floats that its convolutions take by default.

    On a CPU PyTorch is given a single thread: how it rounds depends on their number, and results must not. The compiled
    kernels of the inference round alike with any number, and take all cores.
    """
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """For run cards: "cpu", or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
