"""code.json: what each entry point runs, as one hash of its code; before that, a check of params.yaml."""

from analysis_by_synthesis.params.released import check
from analysis_by_synthesis.pipeline.code import fingerprints, nested
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    check(project.params)
    write_json(project.code, nested(fingerprints(project)))


if __name__ == "__main__":
    run(main)
