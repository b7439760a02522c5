"""Everything on one page: results.html."""

from pathlib import Path

from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting.page import render
from analysis_by_synthesis.stage import replacing, run


def main() -> None:
    seed, inference_seed = read({"seed": int, "inference.seed": int})
    page = render(Path("metrics"), Path("plots"), {"seed": seed, "inference.seed": inference_seed})
    with replacing(Path("results.html")) as partial:
        partial.write_text(page)


if __name__ == "__main__":
    run(main)
