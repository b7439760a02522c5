"""Everything on one page: results.html."""

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.base import Positive
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.reporting.page.render import render


def main(project: Project) -> None:
    seed, order, thresholds = read({
        "seed": int, "order": int, "report.thresholds": dict[Norm, Positive],
    }, project.params)  # fmt: skip
    seeds = {"seed": seed, "order": order}
    page = render(project.metrics, project.plots, project.requirements, seeds, thresholds)
    with replacing(project.page) as partial:
        partial.write_text(page)
    print(f"{project.page}: {len(page) / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
