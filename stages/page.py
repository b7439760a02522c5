"""Everything on one page: results.html."""

from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.reporting.page import render


def main(project: Project) -> None:
    seed, order = read({"seed": int, "order": int}, project.params)
    page = render(project.metrics, project.plots, project.requirements, {"seed": seed, "order": order})
    with replacing(project.page) as partial:
        partial.write_text(page)
    print(f"{project.page}: {len(page) / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
