"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# The same examples in every run, so that a change is judged by what it changed; `make fuzz` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the kernels of tests out of the user's cache, and from one run to the next, as a user's are kept."""
    if getattr(config, "cache", None) is not None:
        os.environ.setdefault("TREADLE_CACHE", str(config.cache.mkdir("kernels")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `data` where the data sets are missing, with the reason."""
    if SHARED_DATA.is_dir():
        return
    for item in items:
        if item.get_closest_marker("data") is not None:
            item.add_marker(pytest.mark.skip(reason=f"needs the data sets in {SHARED_DATA}"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a file's bytes `bytes`: compressed ones hold the time, and every worker must give a test the same name."""
    return "bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real data beside the repository, never part of it; for tests marked `data`."""
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """The networks of tests are too small for several threads to help, and one thread gives the same sums anywhere."""
    import torch

    torch.set_num_threads(1)
