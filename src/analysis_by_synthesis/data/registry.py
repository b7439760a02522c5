"""Data sets by name, and the one that a project is about."""

from analysis_by_synthesis.data import mnist, two_class_cifar
from analysis_by_synthesis.data.dataset import Dataset
from analysis_by_synthesis.params.reader import read_tree
from analysis_by_synthesis.pipeline.project import Project


def dataset(project: Project) -> Dataset:
    """MNIST, unless `dataset` in the project's params.yaml names another."""
    name = read_tree(project.params).get("dataset", "mnist")
    if name == "mnist":
        return mnist.dataset(project.mnist)
    return two_class_cifar.dataset(project.root / "data" / name)
