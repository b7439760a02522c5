"""experiment.json: what the cells of Table 1 and the bounds share, from params.yaml."""

from typing import Any

from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    seed, order, evaluation = read({"seed": int, "order": int, "evaluation": dict[str, Any]}, project.params)
    write_json(project.experiment, {"seed": seed, "order": order, "evaluation": evaluation})
    print(f"seed {seed}, order {order}")


if __name__ == "__main__":
    run(main)
