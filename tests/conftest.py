"""What several test files share."""

import subprocess

import pytest
import smoke
import torch
from pipeline import ROOT

from analysis_by_synthesis.inference import tables


@pytest.fixture(scope="module")
def single_thread():
    """Tiny batches don't gain from PyTorch's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Tables of toy decoders are kept in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "WORK", tmp_path_factory.mktemp("work"))
        yield


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A copy of this project after a run of the whole pipeline with tiny parameters.

    Files whose tests use it are of the group "smoke", so that they share a process, and this run.
    """
    before = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    folder = tmp_path_factory.mktemp("smoke")
    smoke.prepare(folder)
    smoke.repro(folder)
    after = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert before == after
    return folder
