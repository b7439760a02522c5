"""What several test files share."""

import shutil
import subprocess
from importlib import import_module

import pytest
import smoke
import torch
from filelock import FileLock
from project import ROOT

from analysis_by_synthesis import cache


@pytest.fixture(scope="module")
def single_thread():
    """Tiny batches don't gain from PyTorch's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """What is known of toy decoders is cached in a folder of their own; compiled kernels are the user's."""
    import_module("analysis_by_synthesis.inference.kernels")
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "folder", lambda kind: folder / kind)
        yield


TURNS = ["the smoke run", None, "after the smoke run"]  # groups of tests, each of which stays in one process


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One process begins with the smoke run, of minutes; the other does what needs it last, and may have to wait for it."""
    marks = {item: item.get_closest_marker("xdist_group") for item in items}
    for item in filter(marks.get, items):
        item.add_marker("extras")
    items.sort(key=lambda item: TURNS.index(marks[item].args[0] if marks[item] else None))


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory, worker_id):
    """A copy of this project after a run of the whole pipeline with tiny parameters, made by the first to ask for it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "smoke"
    with FileLock(f"{folder}.lock"):
        if not (folder / "results.html").exists():
            before = git_status()
            folder.mkdir(exist_ok=True)
            smoke.prepare(folder)
            smoke.repro_in_lanes(folder)
            assert git_status() == before
    return folder


@pytest.fixture(scope="module")
def project(smoke_run, tmp_path_factory):
    """The smoke run, for one file of tests."""
    return shutil.copytree(smoke_run, tmp_path_factory.mktemp("project"), dirs_exist_ok=True)


def git_status():
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
