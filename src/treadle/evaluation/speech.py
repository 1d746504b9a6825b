"""How much of what was said was heard: word and character error rates, by jiwer, with intervals over recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from treadle.errors import InputError
from treadle.evaluation.comparison import Comparison, compare_figures
from treadle.evaluation.intervals import bootstrap_interval, wilson_interval
from treadle.evaluation.scores import Estimate

Part = Literal["word", "char"]
RATES: Final[dict[str, Part]] = {"wer": "word", "cer": "char"}
"""The error rates, and what each counts."""


@dataclass(frozen=True)
class Chunk:
    """Neighbouring words, or characters, that went the same way.

    Attributes:
        kind: "equal", "substitute", "delete" (not heard) or "insert" (heard and not said).
        said: Those of the truth.
        heard: Those of the answer.
    """

    kind: str
    said: Sequence[str]
    heard: Sequence[str]

    @property
    def errors(self) -> int:
        """How many were wrong."""
        return 0 if self.kind == "equal" else max(len(self.said), len(self.heard))


def alignments(said: Sequence[str], heard: Sequence[str], part: Part = "word") -> list[list[Chunk]]:
    """Each answer beside its truth, with as few errors as can be.

    Args:
        said: What is true.
        heard: What was answered, as many texts.
        part: What is compared.

    Raises:
        InputError: jiwer is not installed.
        ValueError: There are not as many answers.

    Example:
        >>> [(chunk.kind, *chunk.said, *chunk.heard) for chunk in alignments(["one two"], ["one too"])[0]]
        [('equal', 'one', 'one'), ('substitute', 'two', 'too')]
    """
    if len(said) != len(heard):
        raise ValueError(f"{len(said)} texts and {len(heard)} answers: expected equally many")
    if not said:
        return []
    library = _jiwer()
    process = library.process_words if part == "word" else library.process_characters
    done: Any = process(list(said), list(heard))
    return [
        [
            Chunk(
                one.type,
                true[one.ref_start_idx : one.ref_end_idx],
                given[one.hyp_start_idx : one.hyp_end_idx],
            )
            for one in chunks
        ]
        for true, given, chunks in zip(done.references, done.hypotheses, done.alignments, strict=True)
    ]


def error_counts(said: Sequence[str], heard: Sequence[str], part: Part) -> npt.NDArray[np.float64]:
    """`[texts, 2]`: errors, and what was said, so that the quotient of the sums is the error rate."""
    found = alignments(said, heard, part)
    counts = [[sum(one.errors for one in chunks), sum(len(one.said) for one in chunks)] for chunks in found]
    return np.array(counts, dtype=np.float64).reshape(-1, 2)


def rate(counts: npt.NDArray[np.float64]) -> float:
    """The error rate of some texts' counts; where nothing was said, the errors themselves."""
    errors, said = counts.sum(0)
    return float(errors / max(1.0, said))


def error_rate(said: Sequence[str], heard: Sequence[str], part: Part) -> float:
    r"""Substitutions, deletions and insertions for every word (or character) that was said.

    $$\frac{S + D + I}{N}$$

    Example:
        >>> round(error_rate(["one two three"], ["one too three four"], "word"), 3)
        0.667
    """
    return rate(error_counts(said, heard, part))


def speech_scores(said: Sequence[str], heard: Sequence[str]) -> dict[str, Estimate]:
    """`wer`, `cer`, and `exact`, the share of recordings without a mistake, each with its 95 % interval.

    The intervals are bootstraps over recordings, and Wilson's for the share.

    Raises:
        InputError: jiwer is not installed.
        ValueError: There is no text.
    """
    scores = {}
    for name, part in RATES.items():
        counts = error_counts(said, heard, part)
        scores[name] = Estimate(rate(counts), *bootstrap_interval(rate, counts))
    right = sum(map(str.__eq__, said, heard))
    return scores | {"exact": Estimate(right / len(said), *wilson_interval(right, len(said)))}


def compare_speech(
    said: Sequence[str], model: Sequence[str], baseline: Sequence[str], name: str, metric: str = "wer"
) -> Comparison:
    """Is the model better than the baseline, beyond what chance on these recordings explains?

    Args:
        said: What is true.
        model: What the model answered.
        baseline: What the baseline answered.
        name: How the verdict calls the baseline.
        metric: "wer" or "cer".
    """
    ours, theirs = (error_counts(said, one, RATES[metric]) for one in (model, baseline))
    gap = bootstrap_interval(lambda a, b: rate(a) - rate(b), ours, theirs)
    return compare_figures(metric, rate(ours), rate(theirs), gap, name)


def _jiwer() -> Any:
    try:
        return import_module("jiwer")
    except ModuleNotFoundError:
        raise InputError(
            "error rates need the package jiwer, which is not installed; pip install 'treadle[audio]'"
        ) from None
