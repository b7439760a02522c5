"""The classifiers that are attacked, each an ordinary module: images (N, 1, 28, 28), usually in [0, 1], to logits (N, 10)."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.reader import typed
from analysis_by_synthesis.params.registry import model_config
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json

SEARCHES = ("default", "arbitrate", "protocol")  # of ABS; all other models have but one way
BATCH = 500  # bounds the memory of a prediction; no result depends on it


def load_model(name: str, directory: Path | str = "models", device: torch.device | str = "cpu") -> Classifier:
    """A model from its folder `directory`/`name`, in evaluation mode, in PyTorch's default dtype.

    The folder is complete: weights, and config.json, which names the module of this package that defines the model, and
    holds what that has to know.

    Raises:
        UserError: the folder or its weights are missing, or don't fit the model.
    """
    folder = Path(directory) / name
    if not folder.is_dir():
        raise UserError(f"{folder} is not here; a model is a folder with config.json and weights.")
    path = folder / "config.json"
    block = typed(read_json(path), "", dict[str, Any], path)
    config = model_config(block, "", path)
    definition = import_module(f"{__package__}.{block['module']}")
    with torch.inference_mode(False):  # it may be called outside as well
        model: Classifier = definition.load(folder, config)
        return model.to(device, torch.get_default_dtype()).eval()


@torch.no_grad()
def logits(model: Classifier, x: Tensor, search: str = "default") -> Tensor:
    """Logits (N, C) of images (N, *image_shape), for ABS by one of the `SEARCHES`.

    Raises:
        ValueError: there is no such search.
    """
    if search not in SEARCHES:
        raise ValueError(f"there is no search {search!r}; the searches are {', '.join(SEARCHES)}.")
    ways: dict[str, Callable[[Tensor], Tensor]]
    ways = {"default": model, "arbitrate": model.arbitrate, "protocol": model.protocol}
    return torch.cat([ways[search](part) for part in x.split(BATCH)])


def predict(model: Classifier, x: Tensor, search: str = "arbitrate") -> Tensor:
    """Classes (N,) of images (N, *image_shape).

    The arbiter, a converged search from several starts, decides what is an adversarial; "protocol" is the paper's search.
    """
    return logits(model, x, search).argmax(1) if len(x) else x.new_zeros(0).long()
