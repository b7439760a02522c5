"""The commands, as people type them."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from project import ROOT

from analysis_by_synthesis.cli.main import commands


def typed(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "analysis_by_synthesis", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", [None, *commands.commands])
def test_every_command_has_help(name):
    done = CliRunner().invoke(commands, [*filter(None, [name]), "--help"], prog_name="analysis-by-synthesis")
    assert done.exit_code == 0 and done.stdout.startswith("Usage: analysis-by-synthesis")
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert name or all(command in done.stdout for command in commands.commands)


@pytest.mark.parametrize("arguments", ["--help", "evaluate --help", "check"])
def test_help_and_the_check_need_nothing_that_computes(arguments):
    program = (
        "import json, sys\nfrom analysis_by_synthesis.cli.main import commands\n"
        f"commands({arguments.split()!r}, standalone_mode=False)\nprint(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.splitlines()[-1])
    assert not {"torch", "numpy", "pandas", "matplotlib", "scipy", "numba", "foolbox", "dvc"} & set(modules)


@pytest.mark.parametrize(
    "arguments", [("check",), ("code",), ("audit",), ("repro",), ("summary",), ("bounds", "abs", "l2", "0")]
)
def test_outside_of_a_project_a_command_says_where_to_run_it(monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(commands, arguments)
    said = "ERROR: params.yaml is not here; run this from the project's root.\n"
    assert (done.exit_code, done.stdout) == (1, said)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("bounds", "cnn", "l2", "0"), "'cnn' is not one of 'abs', 'binary_abs'"),
        (("bounds", "abs", "l2", "ten"), "'ten' is not a valid integer"),
        (("evaluate", "models"), "Missing argument 'OUTPUT'"),
        (("evaluat",), "No such command 'evaluat'"),
    ],
)
def test_a_mistyped_command_is_named(arguments, sentence):
    done = CliRunner().invoke(commands, arguments)
    assert done.exit_code == 2 and sentence in done.stderr


def test_an_image_that_does_not_exist_is_named():
    done = typed("bounds", "abs", "l2", "10000")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ERROR: there is no test image 10000; name some of 0 to 9999.\n"
