"""Workers of a Ray cluster: two nodes on this machine, one of which is lost."""

import subprocess
import sys
import time

import pytest
import toy_project

pytestmark = pytest.mark.extras


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Two nodes with a core each, one of them to be lost; they log the pieces of the toy project."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    for name, value in toy_project.environment(tmp_path / "toy").items():
        monkeypatch.setenv(name, value)
    try:
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        lost = cluster.add_node(num_cpus=1)
    except Exception as error:  # Ray gives its agents so many seconds, which a busy machine may exceed
        if "timed out" not in str(error):
            raise
        pytest.skip(f"Ray could not start two nodes here ({error})")
    yield cluster, lost
    cluster.shutdown()


def test_two_nodes_of_which_one_is_lost_leave_what_dvc_leaves_alone(tmp_path, cluster):
    cluster, lost = cluster
    alone, folder = (toy_project.make(tmp_path / name, seconds=1.0) for name in ("alone", "toy"))
    subprocess.run(["dvc", "repro", "--quiet"], cwd=alone, env=toy_project.environment(alone), check=True)

    command = [sys.executable, "-m", "analysis_by_synthesis", "work", "--ray", cluster.address]
    work = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    while work.poll() is None and not (folder / "log.txt").exists():
        time.sleep(0.1)
    cluster.remove_node(lost, allow_graceful=False)
    _, words = work.communicate(timeout=900)
    assert work.returncode == 0, words
    assert "A worker has died" in words
    assert toy_project.results(folder) == toy_project.results(alone)
    assert set(toy_project.made(folder)) == set(toy_project.ALL)


def test_without_a_cluster_one_sentence_says_so(tmp_path):
    pytest.importorskip("ray")
    folder = toy_project.make(tmp_path / "toy")
    command = [sys.executable, "-m", "analysis_by_synthesis", "work", "--ray", "127.0.0.1:1"]
    environment = toy_project.environment(folder)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ERROR: there is no Ray cluster at 127.0.0.1:1")
