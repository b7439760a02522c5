"""`dvc repro`, in as few lines as tell what happens."""

import logging
import sys

from dvc.cli import main

from analysis_by_synthesis.pipeline.stage import INTERRUPTED


def repro() -> None:
    """Bring the pipeline of the working directory up to date; the program ends here if that fails.

    Raises:
        KeyboardInterrupt: on Ctrl-C, unless a stage has said already what is kept.
    """
    said, log = _Said(), logging.getLogger("dvc")
    log.propagate = False  # to the handler of this program, beside DVC's own
    for handler in log.handlers:
        handler.addFilter(said)
    code = main(["repro"])
    if said.unchanged:
        print(f"{said.unchanged} stages didn't change.")
    if said.interrupted:
        raise KeyboardInterrupt
    if code:
        sys.exit(INTERRUPTED if said.stage_interrupted else code)


class _Said(logging.Filter):
    """Takes from DVC's messages what a reader needn't see.

    Attributes:
        unchanged: stages that were skipped.
        interrupted: whether Ctrl-C ended DVC.
        stage_interrupted: whether it ended a stage.
    """

    unchanged = 0
    interrupted = stage_interrupted = False

    def filter(self, record: logging.LogRecord) -> bool:
        message, cause = record.getMessage(), record.exc_info and record.exc_info[1]
        skipped = message.endswith("didn't change, skipping")
        self.unchanged += skipped
        self.interrupted |= message == "interrupted by the user"
        self.stage_interrupted |= str(cause and cause.__cause__).endswith(f"exited with {INTERRUPTED}")
        return not (skipped or self.interrupted or self.stage_interrupted)
