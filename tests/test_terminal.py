"""What a person sees in a terminal: bars, the results in short, how a stage ends."""

import logging
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from dvc.exceptions import DvcException
from project import PROJECT, ROOT

from analysis_by_synthesis.cli.repro import _Said
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.progress import time_left
from analysis_by_synthesis.pipeline.stage import check_versions

PROGRAM = """
import logging, time
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.stage import ends_in_a_sentence
with ends_in_a_sentence("all is kept"):
    for i in progress(range(4), "abs-fgm"):
        time.sleep(0.3)
        if i == 1:
            logging.getLogger("x").warning("a warning")
        if i == 2 and INTERRUPTED:
            raise KeyboardInterrupt
print("done")
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def seen(interrupted):
    """What a terminal of 80 columns is sent."""
    program = PROGRAM.replace("INTERRUPTED", str(interrupted))
    environment = {"COLUMNS": "80", "TERM": "xterm", "PYTHONPATH": str(ROOT / "src")}
    command = f"import os, pty, sys; os.environ.update({environment}); sys.exit(pty.spawn([sys.executable, '-c', {program!r}]) >> 8)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout


def test_a_terminal_shows_one_bar_with_the_time_left():
    code, sent = seen(interrupted=False)
    lines = [line for line in re.split(r"[\r\n]+", ESCAPES.sub("", sent)) if line.strip()]
    bars = [line for line in lines if line.startswith("abs-fgm")]
    assert code == 0 and all(len(line) <= 80 for line in lines)
    assert any(re.search(r"2/4 0:00:0[01] left", bar) for bar in bars)
    assert "a warning" in lines and lines[-1] == "done"  # on lines of their own


def test_an_interruption_takes_the_bar_away_and_says_what_is_kept():
    code, sent = seen(interrupted=True)
    assert code == 130 and sent.rstrip().endswith("Interrupted; all is kept.")
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")  # the cursor is back


def test_pieces_that_were_kept_say_nothing_about_those_to_come():
    assert time_left([], 3) is None
    assert time_left([0.001, 0.002, 0.001], 5) is None
    assert time_left([0.001, 0.001, 100.0, 140.0], 3) == pytest.approx(360)
    assert time_left([10.0], 0) == 0


def summary(folder):
    command = [sys.executable, "-m", "analysis_by_synthesis", "summary"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_results_in_short_fit_into_100_columns_and_are_those_of_the_metrics():
    done = summary(ROOT)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and max(map(len, lines)) <= 100 and len(lines) <= 30
    assert "\x1b" not in done.stdout  # colours are for terminals
    assert len([line for line in lines if line.startswith("estimated too")]) <= 2  # in L0 that is the row above
    bounds = read_json(PROJECT.metrics / "bounds.json")
    lower = [line.split() for line in lines if line.startswith("lower bound")]
    assert [row[-2] for row in lower] == [
        format(bounds["abs"][norm]["median_lower"], digits) for norm, digits in zip(NORMS, (".2f", ".3f", "g"))
    ]


def test_table_2_in_short(tmp_path):
    (tmp_path / "params.yaml").write_text("")
    (tmp_path / "metrics").mkdir()
    assert summary(tmp_path).stderr.startswith("ERROR: metrics/table1.csv is not here")
    (tmp_path / "metrics/table2.csv").write_text(
        "model,attack,n,median,paper_median,accuracy,images,paper_accuracy\n"
        "cnn,BIM,50,0.81,0.8,0.97,2000,0.971\nabs,Lower bound,50,1.2,,0.89,2000,0.897\n"
    )
    lines = summary(tmp_path).stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line.split() for line in lines[2:6]] == [
        ["CNN", "97.0", "(97.1)", "2000"], ["BIM", "0.81", "(0.8)", "50"],
        ["ABS", "89.0", "(89.7)", "2000"], ["Lower", "bound", "1.20", "50"],
    ]  # fmt: skip


def test_a_stage_ends_when_dvc_was_killed(tmp_path):
    for name in ("src", "requirements.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").write_text("")
    script = tmp_path / "stages/script.py"
    script.parent.mkdir()
    script.write_text(
        "import time\nfrom analysis_by_synthesis.pipeline.stage import run\n"
        "def main(project):\n    print('runs', flush=True)\n    time.sleep(60)\nrun(main)\n"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, {str(script)!r}])"
    dvc = subprocess.Popen(
        [sys.executable, "-c", parent], cwd=tmp_path, env=os.environ | {"DVC_STAGE": "script"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert dvc.stdout.readline() == "runs\n"
    dvc.send_signal(signal.SIGKILL)
    began = time.monotonic()
    assert "Interrupted; what was finished is kept" in dvc.stderr.read()  # which the stage holds open
    assert time.monotonic() - began < 30


def test_what_dvc_records_is_made_by_the_locked_versions(tmp_path):
    check_versions(ROOT)
    lines = (ROOT / "requirements.txt").read_text()
    (tmp_path / "requirements.txt").write_text(re.sub("torch==.*", "torch==1.0", lines))
    with pytest.raises(UserError, match=r"has torch [\d.]+ instead of 1\.0; run: make setup"):
        check_versions(tmp_path)


def test_dvc_says_no_more_than_needed():
    said = _Said()
    stage = DvcException("failed to reproduce 'x'")
    stage.__cause__ = DvcException("failed to run: python x.py, exited with 130")
    messages = [
        ("Running stage 'page':", None, True),
        ("Stage 'code' didn't change, skipping", None, False),
        ("", (DvcException, DvcException("failed to run: python x.py, exited with 1"), None), True),
        ("", (DvcException, stage, None), False),
    ]
    for message, error, shown in messages:
        assert said.filter(logging.makeLogRecord({"msg": message, "exc_info": error})) is shown
    assert (said.unchanged, said.stage_interrupted, said.interrupted) == (1, True, False)
