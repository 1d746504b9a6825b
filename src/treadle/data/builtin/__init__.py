"""Data sets that come with the package: no network, no download."""

from treadle.data.builtin.datasets import DATASETS, Dataset, load

__all__ = ["DATASETS", "Dataset", "load"]
