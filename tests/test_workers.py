"""Many workers: the order of their work, what they leave, and what becomes of it when some are killed."""

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import SimpleNamespace

import psutil
import pytest
import torch
import toy_project
import yaml
from dvc.repo import Repo

from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import INTERRUPTED
from analysis_by_synthesis.pipeline.work import Work
from analysis_by_synthesis.workers import cluster, engine
from analysis_by_synthesis.workers.engine import Engine, only_run
from analysis_by_synthesis.workers.graph import Stage, read_stages
from analysis_by_synthesis.workers.task import DeathError, Task
from analysis_by_synthesis.workers.worker import work_of

# --- The order of work, without DVC and without processes -------------------------------------------------------------------


class Pool:
    """Makes the pieces when it is asked for, here; `fail` may raise."""

    def __init__(self, fail=lambda task: None):
        self.fail, self.done = fail, []

    def submit(self, task):
        future = Future()
        try:
            self.fail(task)
            self.done.append((task.stage, list(task.pieces)))
            future.set_result(dict.fromkeys(task.pieces.values(), b"made elsewhere"))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self):
        self.done.append("closed")


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """Stages with so many pieces each, some up to date, and what DVC was asked to run."""
    monkeypatch.chdir(tmp_path)

    def build(stages, fresh=(), cards=None):
        reproduced = []
        entries = {
            name: Stage(name, ("python", f"{name}.py"), frozenset(needs), (), (Path(f"{name}.json"),))
            for name, (needs, _) in stages.items()
        }

        def work_of(script, arguments):
            pieces = stages[script.removesuffix(".py")][1]
            checkpoints = Checkpoints(script, {}, {}, [], Path(".work"))
            return Work(checkpoints, dict.fromkeys(map(str, range(pieces))), pieces, script) if pieces else None

        monkeypatch.setattr(engine, "read_stages", lambda project: entries)
        monkeypatch.setattr(engine, "stale", lambda project, names: set(names) - set(fresh))
        monkeypatch.setattr(engine, "repro", lambda names: reproduced.append(set(names)))
        monkeypatch.setattr(engine, "work_of", work_of)
        monkeypatch.setattr("analysis_by_synthesis.workers.costs.read_card", lambda path: (cards or {}).get(path.stem))
        return reproduced

    return build


def card(seconds, samples):
    return {"seconds": seconds, "samples": samples}


def test_a_stage_waits_for_what_it_needs_and_the_dearest_piece_comes_first(pipeline):
    stages = {"data": ((), 0), "cheap": (("data",), 2), "dear": (("data",), 2), "table": (("cheap", "dear"), 0)}
    reproduced = pipeline(stages, cards={"cheap": card(1.0, 2), "dear": card(400.0, 1)})
    pool = Pool()
    engine.run(Project(Path()), pool)
    assert pool.done == [("dear", ["0"]), ("dear", ["1"]), ("cheap", ["0", "1"]), "closed"]
    assert reproduced[0] == {"data"} and reproduced[-1] == {"table"}
    assert set().union(*reproduced) == set(stages)


@pytest.mark.parametrize(
    ("needs", "group", "order"),
    [
        ((), 3, [{"a", "b", "slow"}, {"last"}]),
        ((), 2, [{"a", "b"}, {"slow"}, {"last"}]),
        (("a",), 3, [{"a", "b"}, {"slow", "last"}]),
    ],
)
def test_dvc_runs_complete_stages_together_unless_others_wait_for_them(pipeline, monkeypatch, needs, group, order):
    """While `slow` is being made: so many of them as a group has, or those that `last` waits for."""
    reproduced = pipeline({"slow": ((), 1), "a": ((), 1), "b": ((), 1), "last": (needs or ("slow",), 0)})
    monkeypatch.setattr(engine, "GROUP", group)

    class Late(Pool):
        def submit(self, task):
            made = super().submit(task)
            if task.stage != "slow":
                return made
            future = Future()
            Timer(0.5, lambda: future.set_result(made.result())).start()
            return future

    engine.run(Project(Path()), Late())
    assert reproduced == order


def test_what_is_up_to_date_is_left_alone_and_kept_pieces_are_not_made_again(pipeline):
    reproduced = pipeline({"old": ((), 3), "new": (("old",), 3)}, fresh=["old"])
    Checkpoints("new.py", {}, {}, [], Path(".work")).save("1", {})
    pool = Pool()
    engine.run(Project(Path()), pool)
    assert pool.done == [("new", ["0", "2"]), "closed"]
    assert reproduced == [{"new"}]


def test_what_comes_from_elsewhere_is_written_where_the_stage_looks_for_it(pipeline):
    pipeline({"far": ((), 1)})
    engine.run(Project(Path()), Pool())
    assert Checkpoints("far.py", {}, {}, [], Path(".work")).path("0").read_bytes() == b"made elsewhere"


def test_a_worker_may_die_twice(pipeline, caplog):
    deaths = iter([DeathError("signal 9")] * 2)

    def fail(task):
        for death in deaths:
            raise death

    reproduced = pipeline({"hard": ((), 1)})
    pool = Pool(fail)
    engine.run(Project(Path()), pool)
    assert pool.done == [("hard", ["0"]), "closed"] and reproduced == [{"hard"}]
    assert caplog.text.count("A worker has died (signal 9); another one goes on with hard.") == 2


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(UserError("mend this."), r"mend this\."), (DeathError("signal 9"), r"3 workers have died of hard \(signal 9\)")],
)
def test_what_the_user_has_to_mend_ends_the_run(pipeline, error, sentence):
    def fail(task):
        raise error

    reproduced, pool = pipeline({"hard": ((), 1)}), Pool(fail)
    with pytest.raises(UserError, match=sentence):
        engine.run(Project(Path()), pool)
    assert pool.done == ["closed"] and reproduced == []


def test_only_one_run_at_a_time(tmp_path):
    refused = pytest.raises(UserError, match=r"process \d+ is at work here already; wait for it, or stop it")
    with only_run(tmp_path / "lock"), refused, only_run(tmp_path / "lock"):
        pass
    with only_run(tmp_path / "lock"):
        pass


def test_what_dvc_can_not_read_ends_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="DVC can't read the project"):
        read_stages(Project(tmp_path))
    Repo.init(str(tmp_path), no_scm=True).close()
    (tmp_path / "dvc.yaml").write_text("stages: [")
    with pytest.raises(UserError, match=r"DVC can't read the project .*dvc\.yaml"):
        read_stages(Project(tmp_path))
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: one, outs: [one]}}")
    (tmp_path / "dvc.lock").write_text("")
    with pytest.raises(UserError, match=r"DVC can't read the project .*dvc\.lock"):
        read_stages(Project(tmp_path))


def test_what_is_left_is_expected_from_the_run_cards(pipeline):
    """So much of what was expected is done, and what isn't known to be stale yet counts if it needs what is."""
    pipeline(
        {"done": ((), 0), "now": (("done",), 2), "later": (("now",), 1), "other": (("done",), 1)},
        fresh=["done", "other"], cards={name: card(100.0, 2) for name in ("now", "later", "other")},
    )  # fmt: skip
    run = Engine(Project(Path()), SimpleNamespace(submit=lambda task: Future()))
    with engine.Progress(run.stages, run.costs) as run.progress:
        run._begin()
        run._begin()
        assert run.progress.total == pytest.approx(100 + 100)
        run.progress.finish(next(iter(run.running.values())))
        assert run.progress.done == pytest.approx(50) and run.progress.total == pytest.approx(200)


# --- Processes ----------------------------------------------------------------------------------------------------------------


def start(folder, *arguments):
    command = [sys.executable, "-m", "analysis_by_synthesis", "work", *arguments]
    environment = toy_project.environment(folder)
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def ended(folder, *arguments):
    with start(folder, *arguments) as process:
        _, words = process.communicate()
    return process.returncode, words


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What `dvc repro` makes, without workers."""
    folder = toy_project.make(tmp_path_factory.mktemp("alone") / "toy")
    subprocess.run(["dvc", "repro", "--quiet"], cwd=folder, env=toy_project.environment(folder), check=True)
    assert toy_project.made(folder) == toy_project.ALL
    return toy_project.results(folder)


def test_workers_leave_what_dvc_leaves_alone_even_if_one_is_killed(tmp_path, alone):
    folder = toy_project.make(tmp_path / "toy", deadly=True)
    code, words = ended(folder, "--jobs", "2")
    assert code == 0, words
    assert toy_project.results(folder) == alone
    assert toy_project.made(folder) == toy_project.ALL
    assert words.count("A worker has died (signal 9); another one goes on with") == 1
    status = ["dvc", "status", "--quiet"]
    assert subprocess.run(status, cwd=folder, env=toy_project.environment(folder), check=False).returncode == 0


def test_a_machine_that_has_nothing_makes_the_same_pieces(tmp_path, monkeypatch):
    folder, node = toy_project.make(tmp_path / "toy"), tmp_path / "node"
    for name, value in toy_project.environment(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    subprocess.run([sys.executable, "stages/code.py"], check=True)
    command, inputs = ("stages/roll.py", "first", "table.txt"), map(Path, ("code.json", "params.yaml", "table.txt"))
    work = work_of(command[0], command[1:])
    sent = [cluster.content(folder, path) for path in inputs]
    cluster.pack(folder, Path(), node)
    monkeypatch.chdir(node)
    made = cluster.perform_here(Task("first", command, {"2": work.missing()["2"]}, (), 1.0), Path(), *sent)
    monkeypatch.chdir(folder)
    for path, piece in made.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(piece)
    assert work.missing().keys() == {"0", "1", "3", "4", "5"}
    assert torch.equal(work.make("2")["dice"], work.pieces["2"]()["dice"])


def kept(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / ".work").rglob("*.pt")}


@pytest.mark.extras
def test_a_run_that_is_killed_ten_times_ends_in_the_same_bytes(tmp_path, alone):
    folder, chance, before = toy_project.make(tmp_path / "toy"), random.Random(0), {}
    for pieces in sorted(chance.choices(range(len(toy_project.ALL)), k=10)):
        with start(folder, "--jobs", "2") as process:
            while process.poll() is None and len(toy_project.made(folder)) < pieces:
                time.sleep(0.1)
            time.sleep(chance.random())
            process.kill()
            process.communicate()
        now = kept(folder)
        assert before.items() <= now.items()  # nothing that was kept is made again
        before = now
    code, words = ended(folder, "--jobs", "2")
    assert code == 0, words
    assert toy_project.results(folder) == alone
    assert before.items() <= kept(folder).items()


def test_a_worker_s_sentence_is_the_last(tmp_path):
    folder = toy_project.make(tmp_path / "toy", broken=True)
    code, words = ended(folder, "--jobs", "1")
    assert code == 1
    assert words.splitlines()[-1] in ("ERROR: first: the dice are loaded.", "ERROR: second: the dice are loaded.")


def at_work(folder):
    """The command lines of the processes in a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(folder):
                found.append(process.cmdline())
    return found


@pytest.mark.parametrize("ending", [pytest.param(signal.SIGINT, marks=pytest.mark.extras), signal.SIGTERM])
def test_what_ends_the_run_ends_all_that_it_has_begun(tmp_path, ending):
    """Also in the background, where a shell has Ctrl-C ignored, and while DVC runs a stage."""
    folder = toy_project.make(tmp_path / "toy", pause=60.0)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start(folder, "--jobs", "1")
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        while process.poll() is None and not any("stages/roll.py" in command[-3:-2] for command in at_work(folder)):
            time.sleep(0.1)
        process.send_signal(ending)
        _, words = process.communicate(timeout=600)
    assert process.returncode == INTERRUPTED
    assert words.splitlines()[-1].startswith("Interrupted") and not at_work(folder)


def test_a_failing_stage_takes_nothing_from_the_others(tmp_path):
    """dvc.lock is written once, and has what was run before."""
    (tmp_path / "dvc.yaml").write_text("stages: {good: {cmd: echo 1 > one, outs: [one]}, later: {cmd: 'false'}}")
    subprocess.run(
        ["dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, env=toy_project.environment(tmp_path), check=True
    )
    command = [sys.executable, "-m", "analysis_by_synthesis.workers.repro", "good", "later"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 1
    assert list(yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]) == ["good"]
