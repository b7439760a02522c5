"""Train one classifier: weights and learning curve."""

from typing import Any

import pandas as pd

from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.networks.registry import build_network
from analysis_by_synthesis.networks.weights import save_weights
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.classifiers import ClassifierTraining
from analysis_by_synthesis.params.models.trained import Config
from analysis_by_synthesis.params.reader import read, typed
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work
from analysis_by_synthesis.training.classifier import fit


def main(project: Project, name: str) -> Steps:
    seed, n, settings = read(
        {"seed": int, "training_images": Count, f"classifiers.{name}": ClassifierTraining}, project.params
    )
    data = dataset(project)
    code = recorded(project, "stages.train_classifier", f"networks.{name}")
    config = project.models / name / "config.json"
    parameters = {"seed": seed, "training_images": n, "settings": settings}
    checkpoints = Checkpoints(f"training/{name}", code, parameters, [*data.paths("train"), config], project.work)
    model = typed(read_json(config), "", Config, config)

    def training() -> dict[str, Any]:
        network, history, seconds = fit(model, data, n, settings, seed, checkpoints, name)
        return {"weights": network.state_dict(), "history": history, "seconds": seconds}

    (trained,) = yield Work(checkpoints, {"trained": training}, n, name)
    network, history = build_network(model.network), trained["history"]
    network.load_state_dict(trained["weights"])
    save_weights(network.half() if settings.half_precision else network, project.models / name / "weights.safetensors")
    write_csv(project.plots / "training" / f"{name}.csv", pd.DataFrame(history))
    write_card(project.training / f"{name}.json", code, samples=n, seed=seed, **checkpoints.origin())
    checkpoints.discard()
    print(f"{name}: {history[-1]['accuracy']:.2%} of the images of the last epoch")


if __name__ == "__main__":
    run(main)
