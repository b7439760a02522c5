"""Where things lie in a project."""

from pathlib import Path

from analysis_by_synthesis.pipeline.errors import UserError


class Project:
    """A folder with params.yaml, models, results, and what is made of them.

    An evaluation of other weights writes a folder of the same layout.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.params = root / "params.yaml"
        self.code = root / "code.json"
        self.lock = root / "dvc.lock"
        self.requirements = root / "requirements.txt"
        beside = root / ".." / "data/mnist"  # a pipeline below another has its MNIST
        self.mnist = beside if beside.is_dir() and not (root / "data/mnist").is_dir() else root / "data/mnist"
        self.paper = root / "paper"
        self.models = root / "models"
        self.results = root / "results"
        self.experiment = self.results / "experiment.json"
        self.attacks = self.results / "attacks"
        self.bounds = self.results / "bounds"
        self.calibration = self.results / "calibration"
        self.clean = self.results / "clean"
        self.distal = self.results / "distal"
        self.protocol = self.results / "protocol"
        self.search_attack = self.results / "search_attack"
        self.training = self.results / "training"
        self.metrics = root / "metrics"
        self.plots = root / "plots"
        self.page = root / "results.html"
        self.work = root / ".work"

    @classmethod
    def here(cls) -> "Project":
        """The project in the working directory.

        Raises:
            UserError: there is none.
        """
        project = cls(Path())
        if not project.params.is_file():
            raise UserError(f"{project.params} is not here; run this from the project's root.")
        return project
