"""Fingerprints: what changes them and what doesn't, and that every stage names all that it runs."""

import ast
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
import yaml
from project import PACKAGE_FOLDER, PARAMS, ROOT, SOURCE, SOURCES, keys_read, modules, stages

from analysis_by_synthesis.params.registry import settings_type
from analysis_by_synthesis.pipeline import code
from analysis_by_synthesis.pipeline.code import LEFT_OUT, PACKAGE, Sources, dump, fingerprints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project

# --- Syntax trees ---------------------------------------------------------------------------------------------------------

SNIPPET = '''
"""A module."""
import os.path as p
from typing import Generic, TypeVar

T = TypeVar("T")

class A(Generic[T], metaclass=type):
    """A class."""
    x: int = -1
    def f(self, a, /, b=2.5, *args, c: "str" = u"é\\u0378", **kw) -> None:
        """A method."""
        async def g():
            async with a as b, c:
                yield [i async for i in b if i]
        return f"{a!r:>{b}} and" f" {c:%Y}{{}}" "." if a else lambda *, q=(): (q, *args)

match [1, 2j, b"x", ..., None]:
    case [1, *rest] | {"k": rest, **kw}:
        del rest
try:
    x[1:, ::2], *y = 0, 1
except* ValueError as error:
    raise error from None
'''
EXPECTED = "234919f8ceb561ee"


def words(text):
    return dump(ast.parse(text))


def test_the_dump_is_what_it_has_always_been():
    assert code.hashlib.sha256(words(SNIPPET).encode()).hexdigest()[:16] == EXPECTED


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_the_dump_is_the_same_on_another_python(version, tmp_path):
    pythons = [path for path in map(shutil.which, (f"python{version}",)) if path]
    pythons += map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    works = [path for path in pythons if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0]
    if not works:
        pytest.skip(f"no Python {version} here")
    source = Path(code.__file__).read_text()
    trees = source[source.index("DOCUMENTED =") : source.index("# --- Imports")]
    program = (
        f"import ast, hashlib\n{trees}\nprint(hashlib.sha256(dump(ast.parse({SNIPPET!r})).encode()).hexdigest()[:16])"
    )
    done = subprocess.run([works[0], "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == EXPECTED


FIELDS = 'class A:\n    """Say."""\n    x: int\n    """Of it."""\n    y: int = 1\n\n    def f(self):\n        "Say."\n        x = 1\n        "no docstring"\n'


def test_docstrings_of_fields_change_nothing_and_other_strings_of_a_function_do():
    described = FIELDS.replace("Of it.", "Of it, in pixels.").replace("y: int = 1", 'y: int = 1\n    """How many."""')
    assert words(described) == words(FIELDS) == words(FIELDS.replace('    """Of it."""\n', ""))
    assert words(FIELDS.replace('"no docstring"', '"another"')) != words(FIELDS)
    assert words(FIELDS.replace("y: int = 1", "y: str = 'in pixels'")) != words(FIELDS)


ORIGINAL = 'def f(a, b=(1, 2)):\n    """Say."""\n    return a + b[0]  # sum\n'


@pytest.mark.parametrize(
    "text",
    [
        "# A comment.\n" + ORIGINAL,
        '"""A docstring."""\n' + ORIGINAL.replace("Say.", "Say more."),
        ORIGINAL.replace('    """Say."""\n', ""),
        "def f(\n    a,\n    b=(1,\n       2),\n):\n    return (a + b[0])\n",
    ],
)
def test_comments_docstrings_and_layout_change_nothing(text):
    assert words(text) == words(ORIGINAL)


@pytest.mark.parametrize(
    ("old", "new"), [("(1, 2)", "(1, 3)"), ("b[0]", "b[1]"), ("a + b", "a - b"), ("def f", "def g"), ("1, 2", "1.0, 2")]
)
def test_whatever_may_change_a_result_changes_the_dump(old, new):
    assert words(ORIGINAL.replace(old, new)) != words(ORIGINAL)


# --- Imports ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path):
    """A small package, as a function that writes a module."""

    def write(name, text):
        path = tmp_path / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    for folder in ("", "rooms/"):
        write(f"{folder}__init__", "")
    return write


def reached(path):
    sources = Sources(path.parents[len(path.parts) - 1 - path.parts.index(PACKAGE)])
    return {found.stem for found in sources.closure(path)} - {"__init__"}


@pytest.mark.parametrize(
    "statement",
    [
        f"import {PACKAGE}.rooms.a",
        f"import {PACKAGE}.rooms.a as b",
        f"from {PACKAGE}.rooms import a",
        f"from {PACKAGE}.rooms.a import x",
        f"from {PACKAGE}.rooms.a import *",
        "from .rooms import a",
        "from .rooms.a import x",
        f"def f():\n    from {PACKAGE}.rooms import a",
        f"try:\n    import {PACKAGE}.rooms.a\nexcept ImportError:\n    pass",
    ],
)
def test_an_import_is_found_however_it_is_written(package, statement):
    package("rooms/a", "x = 1")
    assert reached(package("main", statement)) == {"main", "a"}


def test_cycles_end_and_names_that_are_no_modules_are_ignored(package):
    package("rooms/a", "from . import b\nimport numpy\nfrom .. import nothing")
    package("rooms/b", f"import {PACKAGE}.rooms.a")
    assert reached(package("main", f"from {PACKAGE}.rooms import a")) == {"main", "a", "b"}


def test_a_package_s_own_code_counts_for_its_modules(package):
    package("rooms/a", "x = 1")
    main = package("main", f"import {PACKAGE}.rooms.a")
    before = Sources(main.parents[1]).fingerprint([main])
    package("rooms/__init__", "y = 1")
    assert Sources(main.parents[1]).fingerprint([main]) != before


def test_a_new_file_counts_once_it_is_imported(package):
    main = package("main", f"def f():\n    from {PACKAGE}.rooms import a")
    before = Sources(main.parents[1]).fingerprint([main])
    package("rooms/b", "")
    assert Sources(main.parents[1]).fingerprint([main]) == before
    package("rooms/a", "")
    assert Sources(main.parents[1]).fingerprint([main]) != before


def test_what_is_no_python_is_named(package):
    main = package("main", "x = (")
    with pytest.raises(UserError, match=r"main\.py, line 1: '\(' was never closed; correct it"):
        Sources(main.parents[1]).fingerprint([main])


# --- This project -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the code, which tests may change."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("src", "stages"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "params.yaml", folder)
    return folder


@cache
def as_they_are(project):
    return fingerprints(Project(project), source=project / "src")


def changed_keys(project, file, old, new):
    """The entry points whose fingerprints are others once `old` has become `new` in a file."""
    path = project / file
    original = path.read_text()
    assert old in original
    before = as_they_are(project)
    path.write_text(original.replace(old, new, 1))
    try:
        after = fingerprints(Project(project), source=project / "src")
    finally:
        path.write_text(original)
    return {key for key in before if before[key] != after[key]}


def attacks_by(*names):
    return {f"attacks.{name}" for name, block in PARAMS["attacks"].items() if block["module"] in names}


def package_file(name):
    return f"src/{PACKAGE}/{name}"


def test_an_attack_changes_its_own_cells_and_those_that_use_it(project):
    changed = changed_keys(
        project, package_file("attacks/fast_gradient.py"), "range(1, steps + 1)", "range(2, steps + 1)"
    )
    assert changed == attacks_by("fast_gradient", "transfer")


def test_a_settings_class_changes_its_attack(project):
    changed = changed_keys(
        project, package_file("params/attacks/ddn.py"), "gamma: Annotated[Share", "gamma: Annotated[Positive"
    )
    assert changed == attacks_by("ddn")


def test_a_model_changes_what_attacks_it_and_no_other(project):
    assert changed_keys(project, package_file("models/nearest_neighbor.py"), "SLACK = 8.0", "SLACK = 9.0") == {
        "models.nearest_neighbor"
    }
    assert changed_keys(project, package_file("networks/madry.py"), "1024", "1025") == {
        "models.madry",
        "networks.madry",
    }


def test_the_engine_of_the_inference_changes_abs_and_its_stages(project):
    """Imported inside a function."""
    changed = changed_keys(project, package_file("inference/fast.py"), "TIE = 1e-2", "TIE = 1e-1")
    assert {"models.abs", "models.binary_abs", "stages.bounds", "stages.class_scalars"} <= changed
    assert not any(key.startswith(("networks.", "stages.attack", "stages.report")) for key in changed)
    assert "models.cnn" not in changed


def test_what_cannot_change_a_result_changes_nothing(project):
    before = as_they_are(project)
    originals = {project / "src" / Path(*module.split(".")).with_suffix(".py"): "" for module in LEFT_OUT}
    for path in originals:
        originals[path] = path.read_text()
        path.write_text(originals[path].replace('"""\n', '"""\nchanged = 1\n', 1))
    try:
        assert fingerprints(Project(project), source=project / "src") == before
    finally:
        for path, original in originals.items():
            assert path.read_text() != original
            path.write_text(original)


def test_a_comment_in_the_most_shared_module_changes_nothing(project):
    assert changed_keys(project, package_file("params/base.py"), '"""What every', '# Hello.\n"""What any') == set()


def test_a_new_attack_changes_no_other(project):
    before = as_they_are(project)
    (project / package_file("attacks/magic.py")).write_text("from analysis_by_synthesis.attacks import ddn\n")
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("\nattacks:", "\nattacks:\n  magic: {module: magic}\n  #", 1))
    try:
        after = fingerprints(Project(project), source=project / "src")
    finally:
        (project / "params.yaml").write_text(params)
    assert {key for key in after if after[key] != before.get(key)} == {"attacks.magic"}


def test_left_out_modules_import_nothing_that_computes():
    computing = {"torch", "numpy", "scipy", "numba", "pandas", "foolbox", "eagerpy", "matplotlib", "safetensors"}
    keeping = {  # arrays as they are, or those of files whose sums are checked
        f"{PACKAGE}.pipeline.checkpoints": {"torch"},
        f"{PACKAGE}.data.sources": {"numpy"},
    }
    for module in LEFT_OUT:
        path = SOURCES.file(module)
        names = {
            alias.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(SOURCES.tree(path))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert {name.split(".")[0] for name in names} & computing == keeping.get(module, set())


# --- Stages and their keys --------------------------------------------------------------------------------------------------

STAGES = {name: stage for name, stage in stages().items() if name != "code"}
BY_NAME = {  # what imports by name, by the entry points that it imports
    "attacks": ("attacks.registry", "params.registry"),
    "models": ("models.__init__",),
    "networks": ("networks.registry",),
}


def test_only_registries_import_by_name():
    found = {
        path.relative_to(SOURCE / PACKAGE).with_suffix("").as_posix().replace("/", ".")
        for path in SOURCE.rglob("*.py")
        if "import_module(" in path.read_text() or "__import__" in path.read_text()
    }
    assert found == {registry for registries in BY_NAME.values() for registry in registries}


@pytest.mark.parametrize("name", sorted({name.partition("@")[0] for name in STAGES}))
def test_a_stage_names_all_that_it_runs(name):
    """Its script, and an entry point for whatever it imports by name."""
    for full, stage in STAGES.items():
        if full.partition("@")[0] != name:
            continue
        assert f"stages.{stage['script'].stem}" in stage["keys"]
        reached_modules = modules(stage["script"])
        for kind, registries in BY_NAME.items():
            named = any(key.partition(".")[0] == kind for key in stage["keys"])
            used = [name for name in registries if name in reached_modules and stage["script"].stem in USES[name]]
            assert named == bool(used)
        assert not any(dep.endswith(".py") for dep in stage["deps"])


USES = {  # the scripts that import by name, and not only reach the code that could
    "attacks.registry": {"attack", "seeds"},
    "models.__init__": {
        "ablation",
        "agreement",
        "attack",
        "bounds",
        "bounds_check",
        "calibrate",
        "classify",
        "distal",
        "distal_matrix",
        "figure1",
        "paper_bounds",
        "pgd_accuracy",
        "protocol",
        "reconstructions",
        "search_attack",
    },
    "networks.registry": {"seeds", "train_classifier", "train_vae"},
    "params.registry": {"attack", "report", "seeds"},  # the report's flags ask what attacks are
}


def test_scripts_that_use_a_registry_are_known():
    for stage in {stage["script"] for stage in STAGES.values()}:
        text = stage.read_text()
        assert ("load_attack(" in text) == (stage.stem in USES["attacks.registry"])
        builds = any(f"{call}(" in text for call in ("build_network", "build_vae", " fit"))
        assert builds == (stage.stem in USES["networks.registry"])
        loads = "load_model(" in text or "experiment.run(" in text
        assert loads == (stage.stem in USES["models.__init__"])


@pytest.mark.parametrize("name", sorted({name.partition("@")[0] for name in STAGES}))
def test_a_stage_declares_the_parameters_that_it_reads_and_no_other(name):
    for full, stage in STAGES.items():
        if full.partition("@")[0] == name:
            read = keys_read(stage["script"])
            assert all(any(fnmatch(key, pattern) for pattern in read) for key in stage["params"])
            assert all(any(fnmatch(key, pattern) for key in stage["params"]) for pattern in read)


def test_the_other_seeds_depend_on_their_attacks_alone():
    for full, stage in stages().items():
        if full.startswith("seeds@"):
            named = {key.removeprefix("attacks.") for key in stage["keys"] if key.startswith("attacks.")}
            assert named == set(PARAMS["seeds"]["attacks"])
            assert {f"attacks.{attack}" for attack in named} <= stage["params"]


def test_a_cell_depends_on_the_models_that_its_attack_needs():
    for full, stage in STAGES.items():
        if stage["script"].stem == "attack":
            model, _, attack = full.partition("@")[2].partition("-")
            asked = {model, *settings_type(PARAMS["attacks"][attack]["module"]).needs}
            assert {dep for dep in stage["deps"] if dep.startswith("models/")} == {f"models/{name}" for name in asked}
            assert {key for key in stage["keys"] if key.startswith("models.")} == {f"models.{name}" for name in asked}


def test_only_stages_read_parameters():
    for path in (SOURCE / PACKAGE).rglob("*.py"):
        if path.parent.name not in ("cli", "audit") and path.stem != "check":
            assert not keys_read(path), path


def test_no_code_is_left_out():
    used = set().union(*(modules(stage["script"]) for stage in STAGES.values()))
    for kind, folder in (("attacks", "attacks"), ("models", "models")):
        for block in PARAMS[kind].values():
            used |= modules(SOURCE / PACKAGE / folder / f"{block['module']}.py")
    for block in PARAMS["models"].values():
        if "network" in block:
            used |= modules(SOURCE / PACKAGE / "networks" / f"{block['network']}.py")
    commands = (PACKAGE_FOLDER / "__main__.py", PACKAGE_FOLDER / "workers" / "repro.py")
    for path in (*commands, *(ROOT / "benchmarks").glob("*.py"), *ROOT.glob("*/stages/*.py")):
        used |= modules(path)
    for block in yaml.safe_load((ROOT / "two_class_cifar" / "params.yaml").read_text())["models"].values():
        used |= modules(SOURCE / PACKAGE / "networks" / f"{block['network']}.py")
    files = {path for path in (SOURCE / PACKAGE).rglob("*.py") if len(ast.parse(path.read_text()).body) > 1}
    found = {path.relative_to(SOURCE / PACKAGE).with_suffix("").as_posix().replace("/", ".") for path in files}
    assert found - used - {module.removeprefix(f"{PACKAGE}.") for module in LEFT_OUT} == set()


def test_every_parameter_is_declared_by_a_stage():
    declared = {key.split(".")[0] for stage in STAGES.values() for key in stage["params"]}
    assert declared | {"digits", "cells"} == set(PARAMS)


def test_only_the_download_has_outputs_outside_of_git():
    cached = {out for stage in STAGES.values() for out, use_cache in stage["outs"].items() if use_cache}
    assert cached == {"data/mnist"}


def test_other_code_than_the_project_s_own_is_refused(project):
    """As in another worktree, or in a queued experiment, with an editable install of this clone."""
    command = [sys.executable, str(project / "stages" / "attack.py"), "cnn", "fgm"]
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(SOURCE)}
    )
    assert done.returncode == 1
    assert "the code that would run is" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_a_stale_code_json_is_refused(project):
    with pytest.raises(UserError, match="run: dvc repro code"):
        code.recorded(Project(project), "attacks.fgm")
    with pytest.raises(UserError, match=r"no attacks\.magic"):
        code.recorded(Project(project), "attacks.magic")
