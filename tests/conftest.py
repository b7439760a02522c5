"""What several test files share."""

import pytest
import torch

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
