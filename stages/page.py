"""Everything on one page: results.html."""

from pathlib import Path

from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.paths import METRICS, PLOTS
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.reporting.page import render


def main() -> None:
    seed, order = read({"seed": int, "order": int})
    page = render(METRICS, PLOTS, Path("requirements.txt"), {"seed": seed, "order": order})
    with replacing(Path("results.html")) as partial:
        partial.write_text(page)


if __name__ == "__main__":
    run(main)
