"""The six classifiers that are attacked, each an ordinary module: images (N, 1, 28, 28) in [0, 1] to logits (N, 10)."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from analysis_by_synthesis.params import read

MODELS = {  # name: the module that defines it
    "cnn": "trained",
    "binary_cnn": "trained",
    "nearest_neighbor": "nearest_neighbor",
    "madry": "trained",
    "binary_abs": "binary_abs",
    "abs": "abs",
}
SEARCHES = ("default", "arbitrate", "protocol")  # of ABS; all other models have but one way
BATCH = 500  # bounds the memory of a prediction; no result depends on it
BINARY = ("binary_cnn", "binary_abs")  # these binarise their input


def model_module(name: str) -> ModuleType:
    """The module that defines a model: `PARAMETERS`, the keys of params.yaml that it needs, and `load`.

    It is imported only when asked for, so that an attack on the CNN doesn't depend on the code of ABS.

    Raises:
        ValueError: there is no such model.
    """
    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}; the models are {', '.join(MODELS)}.")
    return import_module(f"{__name__}.{MODELS[name]}")


def load_model(name: str, directory: Path | str = "models", device: torch.device | str = "cpu") -> nn.Module:
    """A model with the weights in `directory`, in evaluation mode, parameters as in params.yaml.

    Raises:
        Problem: weights are missing, or don't fit the network.
        ValueError: there is no such model.
    """
    module = model_module(name)
    return module.load(name, Path(directory), *read(module.PARAMETERS)).to(device).eval()


@torch.no_grad()
def logits(model: nn.Module, x: Tensor, search: str = "default") -> Tensor:
    """Logits (N, 10) of images (N, 1, 28, 28), for ABS by one of the `SEARCHES`.

    Raises:
        ValueError: there is no such search.
    """
    if search not in SEARCHES:
        raise ValueError(f"there is no search {search!r}; the searches are {', '.join(SEARCHES)}.")
    classify = getattr(model, search, model)
    return torch.cat([classify(part) for part in x.split(BATCH)])


def predict(model: nn.Module, x: Tensor, search: str = "arbitrate") -> Tensor:
    """Classes (N,) of images (N, 1, 28, 28).

    The arbiter, a converged search from several starts, decides what is an adversarial; "protocol" is the paper's search.
    """
    return logits(model, x, search).argmax(1) if len(x) else x.new_zeros(0).long()
