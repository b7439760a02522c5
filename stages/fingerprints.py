"""code.json: what each entry point runs, as one hash of its code. It checks params.yaml before hours of work begin, too."""

from analysis_by_synthesis.params.check import check
from analysis_by_synthesis.pipeline.code import CODE_FILE, fingerprints, nested
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.stage import run


def main() -> None:
    check()
    write_json(CODE_FILE, nested(fingerprints()))


if __name__ == "__main__":
    run(main)
