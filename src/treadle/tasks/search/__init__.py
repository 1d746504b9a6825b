"""Finding the best sequence of a model that tells the next symbol: greedy, beam, sampling, ensembles."""

from treadle.tasks.search.beam import BeamSettings, beam_search
from treadle.tasks.search.ensemble import Ensemble
from treadle.tasks.search.model import Hypothesis, SearchModel, Told
from treadle.tasks.search.single import greedy_search, sample_search

__all__ = [
    "BeamSettings",
    "Ensemble",
    "Hypothesis",
    "SearchModel",
    "Told",
    "beam_search",
    "greedy_search",
    "sample_search",
]
