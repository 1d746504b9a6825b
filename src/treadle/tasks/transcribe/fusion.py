"""What a language model says to a beam search: an n-gram model of a text file, or a Treadle language model."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import Vocabulary
from treadle.data.encoding import read_text
from treadle.data.paths import existing
from treadle.data.vocabulary import UNKNOWN
from treadle.errors import InputError
from treadle.evaluation.baselines.ngram import KneserNey
from treadle.nn.prefix_beam import Scorer
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.transcribe.settings import SearchSettings
from treadle.tasks.transcribe.units import FOREIGN, Units

ORDERS = {"word": 3, "subword": 5, "char": 7}
"""Length of the longest n-gram, by unit."""

KEPT = 4096
"""Histories whose continuations an n-gram model keeps at hand."""

Floats = NDArray[np.float64]


class Speller(Protocol):
    """A language model over a recogniser's units."""

    def begin(self) -> Any:
        """Its state before the first unit."""

    def after(self, state: Any, unit: int) -> Any:
        """Its state after one more."""

    def following(self, state: Any) -> Floats:
        """The log-probability of every unit as the next, `[units]`; of number 0, of the end."""


class Fusion:
    r"""Shallow fusion: what a language model and a bonus for words add to the score of a hypothesis.

    $$s(y) = \alpha \log p_{\mathrm{LM}}(y) + \beta\, |y|_{\mathrm{words}}$$

    Args:
        units: The recogniser's.
        speller: The language model, or None.
        settings: With \(\alpha\) and \(\beta\).

    Source: Hannun et al. 2014, section 3; for units below the word, A. Graves & N. Jaitly 2014.
    """

    def __init__(self, units: Units, speller: Speller | None, settings: SearchSettings) -> None:
        self.speller, self.weight = speller, settings.language_weight
        self._bonus = np.array([0.0, *(_words_begun(units, unit) for unit in range(1, len(units)))])
        self._bonus *= settings.insertion_bonus
        self._first = settings.insertion_bonus if units.unit == "char" else 0.0  # no space stands before the first word

    def begin(self) -> tuple[Any, bool]:
        """The language model's state, and whether nothing was said yet."""
        return None if self.speller is None else self.speller.begin(), True

    def after(self, state: tuple[Any, bool], unit: int) -> tuple[Any, bool]:
        """After one more unit."""
        return None if self.speller is None else self.speller.after(state[0], unit), False

    def following(self, state: tuple[Any, bool]) -> Sequence[float]:
        """What each unit adds."""
        added: Floats = self._bonus + (self._first if state[1] else 0.0)
        if self.speller is not None:
            added = added + self.weight * self.speller.following(state[0])
        found: list[float] = added.tolist()
        return found

    def end(self, state: tuple[Any, bool]) -> float:
        """What the end adds."""
        return 0.0 if self.speller is None else self.weight * float(self.speller.following(state[0])[FOREIGN])


class NgramSpeller:
    """A Kneser-Ney model of a recogniser's units, which also knows where texts end.

    Args:
        units: The recogniser's.
        texts: A sentence each; what of them cannot be written is left out.

    Raises:
        InputError: Nothing of them can be written.
    """

    def __init__(self, units: Units, texts: Sequence[str]) -> None:
        rows = [[unit for unit in units.encode(text) if unit != FOREIGN] for text in texts]
        documents = [np.array([*row, FOREIGN]) for row in rows if row]
        self._model = KneserNey(len(units), ORDERS[units.unit], padding=None).fit(documents)
        self._keep = self._model.order - 1
        self.following = lru_cache(KEPT)(self._following)

    def begin(self) -> tuple[int, ...]:
        """Nothing."""
        return ()

    def after(self, state: tuple[int, ...], unit: int) -> tuple[int, ...]:
        """The last units, as many as matter; one more at the beginning, which has a mark of its own."""
        return (*state, unit)[-self._keep - 1 :]

    def _following(self, state: tuple[int, ...]) -> Floats:
        return self._model.distribution(np.array(state, dtype=np.int64), start=len(state) <= self._keep)


class NeuralSpeller:
    """A Treadle language model with the recogniser's units.

    Args:
        units: The recogniser's.
        language: The language model.

    Raises:
        InputError: Its symbols are others.
    """

    def __init__(self, units: Units, language: Pretrained) -> None:
        codec = language.codec
        if codec.unit != units.unit or units.unit == "subword" or not isinstance(codec.vocabulary, Vocabulary):
            raise InputError(
                f"{language.folder}: is a language model of the unit {codec.unit!r}, and this recogniser writes "
                f"{units.unit!r}; expected the same, of characters or of words"
            )
        spelt = [units.spell(unit) for unit in range(1, len(units))]
        line_end = codec.vocabulary.encode(["\n"])[0]
        self._symbols = torch.from_numpy(np.array([line_end, *codec.vocabulary.encode(spelt)]))
        self._ends = line_end != UNKNOWN
        self._network = language.network.eval()

    def begin(self) -> tuple[Any, Tensor]:
        """What stands before a sentence is the end of another."""
        return self._step(None, 0)

    def after(self, state: tuple[Any, Tensor], unit: int) -> tuple[Any, Tensor]:
        """The state of its layers, and the log-probabilities of what follows."""
        return self._step(state[0], unit)

    def following(self, state: tuple[Any, Tensor]) -> Floats:
        """The log-probability of every unit; of the end, 0 where it was not learnt."""
        found: Floats = state[1][self._symbols].double().numpy()
        return found if self._ends else np.array([0.0, *found[1:]])

    @torch.no_grad()
    def _step(self, states: Any, unit: int) -> tuple[Any, Tensor]:
        said, after = self._network.step(self._symbols[unit : unit + 1], states)
        return after, said[0]


def scorer_of(units: Units, settings: SearchSettings) -> Scorer | None:
    """What is added to the network's own score, or None for nothing.

    Raises:
        InputError: The language model cannot be read, or is one of other units.
    """
    if settings.language_model is None:
        return Fusion(units, None, settings) if settings.insertion_bonus else None
    path = existing(settings.language_model)
    speller: Speller
    if path.is_dir():
        speller = NeuralSpeller(units, Pretrained.open(str(path)))
    else:
        lines = [line for line in read_text(Path(path)).split("\n") if line.strip()]
        try:
            speller = NgramSpeller(units, lines)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return Fusion(units, speller, settings)


def _words_begun(units: Units, unit: int) -> float:
    """1 for a unit with which a word begins; between characters, that is the space before it."""
    spelt = units.spell(unit)
    return float(units.unit == "word" or spelt.startswith("▁") or (units.unit == "char" and spelt == " "))
