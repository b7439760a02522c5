"""Binary ABS twice: the authors' VAEs with the gamma that the paper prints, and with one that is fitted to them."""

import pandas as pd

from analysis_by_synthesis.calibration.class_scalars import copy_decoders, fit_binary_abs, write_class_scalars
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    (settings,) = read({"class_scalars": ClassScalars}, project.params)
    vaes, printed, where = project.models / "abs", project.models / "binary_abs", device()
    copy_decoders(vaes, printed)
    paper = pd.read_csv(Project(project.root / "..").paper / "class_scalars.csv")
    write_class_scalars(printed, paper["gamma"].astype(float).tolist())
    images, labels = (part.to(where) for part in load("train", project.mnist))
    fitted = fit_binary_abs(vaes, project.models / "fitted_binary_abs", settings, images, labels)
    print(f"gamma from {fitted.gamma.min():.3g} to {fitted.gamma.max():.3g}")


if __name__ == "__main__":
    run(main)
