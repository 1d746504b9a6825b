"""How good translations are: BLEU and chrF by sacrebleu, ROUGE, and how many are right to the letter."""

from collections.abc import Collection, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.errors import InputError
from treadle.evaluation.comparison import Comparison, compare_figures
from treadle.evaluation.intervals import bootstrap_interval, wilson_interval
from treadle.evaluation.rouge import rouge_l, rouge_n, rouge_words
from treadle.evaluation.scores import Estimate

METRICS = ("bleu", "chrf", "exact_match", "rouge_1", "rouge_2", "rouge_l")

PRIMARY = {True: "bleu", False: "exact_match"}
"""The figure by which systems are compared, where targets are sentences and where they are not."""

_BLEU_ORDER = 4


def translation_scores(
    true: Sequence[str], given: Sequence[str], unspaced: bool = False, *, only: Collection[str] = METRICS
) -> dict[str, Estimate]:
    """Every figure of translations, with its 95 % interval where there is one: a bootstrap over sentences, or Wilson's.

    - `bleu`, `chrf`: of the whole set, from 0 to 100, by sacrebleu on texts as they are (its own tokens; `signature`
      says which). BLEU is Papineni et al. 2002, chrF is Popović 2015.
    - `exact_match`: the share of texts that are the truth to the letter, white space at the ends aside.
    - `rouge_1`, `rouge_2`, `rouge_l`: the mean over texts (Lin 2004), from 0 to 1.

    Args:
        true: The truth.
        given: What was said.
        unspaced: Whether the truth is in a script without spaces, whose characters BLEU then takes for words.
        only: The figures that are wanted.

    Raises:
        InputError: BLEU or chrF is wanted, and sacrebleu is not installed.
        ValueError: The two differ in number, or there is none.
    """
    if len(true) != len(given) or not true:
        raise ValueError(f"{len(true)} true texts and {len(given)} given: expected equally many, at least one")
    scores: dict[str, Estimate] = {}
    if "bleu" in only:
        counts = bleu_counts(true, given, unspaced)
        scores["bleu"] = Estimate(bleu_of(counts), *bootstrap_interval(bleu_of, counts, resamples=300))
    if "chrf" in only:
        scores["chrf"] = Estimate(float(sacrebleu().CHRF().corpus_score(list(given), [list(true)]).score))
    if "exact_match" in only:
        right = int(exact(true, given).sum())
        scores["exact_match"] = Estimate(right / len(true), *wilson_interval(right, len(true)))
    words = [rouge_words(text) for text in true], [rouge_words(text) for text in given]
    for name in ("rouge_1", "rouge_2", "rouge_l"):
        if name not in only:
            continue
        pairs = zip(*words, strict=True)
        own = [rouge_l(*pair) if name == "rouge_l" else rouge_n(*pair, int(name[-1])) for pair in pairs]
        scores[name] = Estimate(float(np.mean(own)), *bootstrap_interval(_mean, np.array(own)))
    return scores


def compare_translations(
    true: Sequence[str], model: Sequence[str], baseline: Sequence[str], name: str, *, sentences: bool, unspaced: bool
) -> Comparison:
    """Is the model better than the baseline, beyond what chance on these sentences explains?

    The 95 % bootstrap interval of the difference, both on the same drawn sentences (Koehn 2004).

    Args:
        true: The truth.
        model: What the model said.
        baseline: What the baseline said.
        name: How the verdict calls the baseline.
        sentences: Whether BLEU decides, or whole texts that are right.
        unspaced: As in `translation_scores`.
    """
    if sentences:
        ours, theirs = (bleu_counts(true, given, unspaced) for given in (model, baseline))
        difference = bootstrap_interval(lambda a, b: bleu_of(a) - bleu_of(b), ours, theirs, resamples=300)
        return compare_figures("bleu", bleu_of(ours), bleu_of(theirs), difference, name)
    ours, theirs = (exact(true, given).astype(np.float64) for given in (model, baseline))
    difference = bootstrap_interval(lambda a, b: _mean(a) - _mean(b), ours, theirs)
    return compare_figures("exact_match", _mean(ours), _mean(theirs), difference, name)


def bleu_counts(true: Sequence[str], given: Sequence[str], unspaced: bool = False) -> npt.NDArray[np.float64]:
    """What BLEU sums over sentences: `[texts, 10]`, n-grams that are right, n-grams in all, lengths of both.

    Raises:
        InputError: sacrebleu is not installed.
    """
    metric = _bleu(unspaced, effective_order=True)  # else it warns at every sentence; the counts are the same
    rows = []
    for truth, answer in zip(true, given, strict=True):
        found = metric.sentence_score(answer, [truth])
        rows.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
    return np.array(rows, dtype=np.float64)


def bleu_of(counts: npt.NDArray[np.float64]) -> float:
    """BLEU of the texts whose counts these are, from 0 to 100."""
    total = counts.sum(0).astype(np.int64).tolist()
    n = _BLEU_ORDER
    found = sacrebleu().BLEU.compute_bleu(total[:n], total[n : 2 * n], total[-2], total[-1], smooth_method="exp")
    return min(100.0, float(found.score))


def signatures(true: Sequence[str], unspaced: bool = False) -> dict[str, str]:
    """How sacrebleu computed its figures, in its own words, so that others can compare theirs.

    Raises:
        InputError: sacrebleu is not installed.
    """
    found = {}
    for name, metric in (("bleu", _bleu(unspaced)), ("chrf", sacrebleu().CHRF())):
        metric.corpus_score([true[0]], [[true[0]]])
        found[name] = str(metric.get_signature())
    return found


def exact(true: Sequence[str], given: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each text is the truth to the letter, white space at the ends aside."""
    return np.array([a.strip() == b.strip() for a, b in zip(true, given, strict=True)], dtype=np.bool_)


def sacrebleu() -> ModuleType:
    """The library's metrics.

    Raises:
        InputError: It is not installed.
    """
    try:
        import sacrebleu.metrics as found
    except ImportError:
        raise InputError("BLEU and chrF need sacrebleu; install it by: pip install 'treadle[translate]'") from None
    return found


def _bleu(unspaced: bool, **options: Any) -> Any:
    return sacrebleu().BLEU(tokenize="zh" if unspaced else "13a", **options)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean())
