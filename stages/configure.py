"""config.json beside a model's weights: what the model has to know, from params.yaml."""

from typing import Any

from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project, model: str) -> None:
    (config,) = read({f"models.{model}": dict[str, Any]}, project.params)
    write_json(project.models / model / "config.json", config)
    print(f"{model}: {config['module']}")


if __name__ == "__main__":
    run(main)
