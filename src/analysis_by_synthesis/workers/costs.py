"""What work is expected to cost, from the run cards of its last run. It decides about the order of work alone."""

from collections.abc import Iterable
from statistics import median

from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import read_card
from analysis_by_synthesis.workers.graph import Stage

UNKNOWN = 1.0  # seconds a sample, where there is no card


class Costs:
    """Seconds of stages.

    Args:
        stages: their run cards are among their outputs.
    """

    def __init__(self, project: Project, stages: Iterable[Stage]) -> None:
        self.seconds: dict[str, float] = {}
        self.samples: dict[str, int] = {}
        for stage in stages:
            cards = [card for out in stage.outs if (card := read_card(project.root / out))]
            if cards and cards[0]["seconds"]:
                self.seconds[stage.name], self.samples[stage.name] = cards[0]["seconds"], cards[0]["samples"]
        known = [seconds / self.samples[name] for name, seconds in self.seconds.items()]
        self.a_sample = median(known) if known else UNKNOWN

    def of(self, name: str, samples: int) -> float:
        """Seconds that a stage will take, for so many samples."""
        if name not in self.seconds:
            return self.a_sample * samples
        return self.seconds[name] / self.samples[name] * samples

    def last(self, name: str) -> float:
        """Seconds that it has taken the last time; 0 if that isn't known."""
        return self.seconds.get(name, 0.0)
