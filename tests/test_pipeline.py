"""dvc.yaml declares exactly what the code uses."""

import ast

import pytest
from pipeline import (
    CELLS,
    PARAMS,
    ROOT,
    SOURCE,
    attack_file,
    closure,
    keys_read,
    stages,
    used_files,
)

STAGES = stages()
GROUPS = sorted({stage["group"] for stage in STAGES.values()})


def members(group):
    return [stage for stage in STAGES.values() if stage["group"] == group]


def declared_code(stage):
    """The Python files among a stage's dependencies, folders expanded."""
    files = set()
    for dep in stage["deps"]:
        path = ROOT / dep
        if path.suffix == ".py":
            files.add(path)
        elif SOURCE in path.parents:
            files |= set(path.glob("*.py"))
    return {path for path in files if len(ast.parse(path.read_text()).body) > 1}


@pytest.mark.parametrize("group", GROUPS)
def test_a_stage_depends_on_the_modules_that_it_uses_and_on_no_other(group):
    # The stages of a group share their dependencies, but for the module of the attack.
    shared = set().union(*(used_files(stage) - {attack_file(stage)} for stage in members(group)))
    for stage in members(group):
        expected = shared | ({attack_file(stage)} - {None})
        assert {str(path.relative_to(ROOT)) for path in declared_code(stage)} == {
            str(path.relative_to(ROOT)) for path in expected
        }


@pytest.mark.parametrize("group", GROUPS)
def test_a_stage_declares_the_parameters_that_it_reads_and_no_other(group):
    read = set().union(*(keys_read(path) for stage in members(group) for path in used_files(stage) if path != SCHEMA))
    for stage in members(group):
        assert {matching(key, read) for key in stage["params"]} == read


SCHEMA = SOURCE / "analysis_by_synthesis" / "schema.py"


def matching(declared, read):
    """The key as the code has it: "attacks.fgm" for "attacks.*"."""
    block, _, rest = declared.partition(".")
    return f"{block}.*" if rest and f"{block}.*" in read else declared


def test_no_code_is_left_out():
    used = set().union(*(used_files(stage) for stage in STAGES.values()))
    code = {
        path for path in (SOURCE / "analysis_by_synthesis").rglob("*.py") if len(ast.parse(path.read_text()).body) > 1
    }
    commands = ("schema.py", "audit/__main__.py", "bounds/__main__.py", "evaluate.py", "networks/convert.py")
    by_hand = set().union(*(closure(SCHEMA.parent / name) for name in commands))
    assert code <= used | by_hand


def test_every_parameter_is_declared_by_a_stage():
    declared = {key.split(".")[0] for stage in STAGES.values() for key in stage["params"]}
    assert declared | {"digits", "models"} == set(PARAMS)


def test_results_belong_to_cells():
    found = {path.stem for path in (ROOT / "results" / "attacks").glob("*")}
    assert found <= set(CELLS)


def test_only_the_download_has_outputs_outside_of_git():
    cached = {out for stage in STAGES.values() for out, use_cache in stage["outs"].items() if use_cache}
    assert cached == {"data/mnist"}
