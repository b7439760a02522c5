"""Calibrate one model's softmax: alpha, eta, and the confidence in each image before and after."""

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.calibration.softmax import calibrate, posterior
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.models import load_model, logits
from analysis_by_synthesis.params.calibration import Calibration
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work


def main(project: Project, model: str) -> Steps:
    order, settings = read({"order": int, "calibration": Calibration}, project.params)
    code = recorded(project, "stages.calibrate", f"models.{model}")
    parameters, inputs = {"order": order, "images": settings.images}, [project.models / model, project.mnist]
    checkpoints = Checkpoints(f"calibrate/{model}", code, parameters, inputs, project.work)
    chosen = sorted(in_order(order)[-settings.images :])
    images, labels = (part[chosen] for part in load("test", project.mnist))

    def classification() -> dict[str, Tensor]:
        where = device()
        return {"logits": logits(load_model(model, project.models, where), images.to(where)).cpu()}

    (found,) = yield Work(checkpoints, {"logits": classification}, len(labels), f"{model}, calibration")
    scores = found["logits"].numpy()
    alpha, eta = calibrate(scores, labels.numpy(), settings.median_confidence)
    table = pd.DataFrame({
        "image": chosen, "label": labels, "predicted": scores.argmax(1),
        "before": posterior(scores, 1, 0).max(1), "after": posterior(scores, alpha, eta).max(1),
    })  # fmt: skip
    write_csv(project.calibration / f"{model}.csv", table)
    result = {"alpha": alpha, "eta": eta, "median_confidence": table["after"].median(), "images": len(labels)}
    write_json(project.metrics / "calibration" / f"{model}.json", result)
    facts = {"samples": len(labels), "order": order}
    write_card(project.calibration / f"{model}.json", code, **checkpoints.origin(), **facts)
    checkpoints.forget_others()
    print(f"{model}: alpha {alpha:.3g}, eta {eta:.3g}")


if __name__ == "__main__":
    run(main)
