"""What holds for every test of the suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# torch says so once a process where it runs a projected LSTM without oneDNN: true, and no concern of these tests.
QUIET = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(QUIET)


@pytest.fixture(autouse=True)
def small_and_seeded() -> Iterator[None]:
    """One thread, since the tensors are too small to share among cores, and the same numbers in every run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(20)
    yield
    torch.set_num_threads(threads)
