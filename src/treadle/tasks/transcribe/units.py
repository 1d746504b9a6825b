"""What a recogniser writes with: characters, words or pieces of words, and how they make words again."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, get_args

from treadle.data.text import lower
from treadle.data.vocabulary import UNKNOWN, SubwordVocabulary, Vocabulary
from treadle.errors import InputError
from treadle.nn.ctc import Emission
from treadle.tasks.transcribe.settings import SpeechUnit

FOREIGN = 0
"""In an encoded text, what the vocabulary does not hold: the blank, which is never a target."""

LONGEST_WORD = 64
"""Units of a word; what goes on longer is written as several, so that a stream needs no more memory than this."""

_SPACE = "▁"  # how pieces of words show the space before them


@dataclass(frozen=True)
class Word:
    """A word that was heard.

    Attributes:
        text: The word.
        start: Where it begins, in seconds.
        end: Where it ends.
        confidence: The product over its units of the largest probability that a step gives each.
    """

    text: str
    start: float
    end: float
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """Its fields, times to the millisecond."""
        times = {"start": round(self.start, 3), "end": round(self.end, 3)}
        return {"word": self.text, **times, "confidence": round(self.confidence, 6)}


@dataclass(frozen=True)
class Units:
    """Transcripts to numbers of units, and units to words. Number 0 is CTC's blank, units count from 1.

    White space is one space between words and none at the ends.

    Attributes:
        unit: What a unit is.
        lowercase: Whether upper case is folded.
        vocabulary: Whose number 2 is unit 1.

    Example:
        >>> units = Units.fit(["One two"], unit="char")
        >>> [units.spell(unit) for unit in units.encode("two on")]
        ['t', 'w', 'o', ' ', 'o', 'n']
    """

    unit: SpeechUnit
    lowercase: bool
    vocabulary: Vocabulary | SubwordVocabulary

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        unit: SpeechUnit,
        lowercase: bool = True,
        alphabet: str | None = None,
        vocabulary_size: int | None = None,
    ) -> Self:
        """The units of training transcripts.

        Args:
            texts: Of training, and no others.
            unit: What a unit is.
            lowercase: Whether upper case is folded.
            alphabet: The characters that may be written, for the unit "char"; None for those of the transcripts.
            vocabulary_size: Of pieces of words, how many; None for 500.

        Raises:
            InputError: There is nothing to write, or an option is not for this unit.
        """
        folded = [_folded(text, lowercase) for text in texts]
        for name, value, own in (("alphabet", alphabet, "char"), ("vocabulary_size", vocabulary_size, "subword")):
            if value is not None and unit != own:
                raise InputError(f"{name} is for the unit {own!r}, found the unit {unit!r}")
        if not any(folded):
            raise InputError("all transcripts are empty, expected at least one with words")
        if unit == "subword":
            return cls(unit, lowercase, SubwordVocabulary.fit(folded, max_size=vocabulary_size or 500, min_count=1))
        if alphabet is not None:
            return cls(unit, lowercase, Vocabulary(sorted({*lower(alphabet)} if lowercase else {*alphabet})))
        return cls(unit, lowercase, Vocabulary.fit(_split(text, unit) for text in folded))

    def __len__(self) -> int:
        """How many numbers there are, the blank included."""
        return len(self.vocabulary) - 1

    def normalise(self, text: str) -> str:
        """A transcript as this recogniser would write it, if it could hear everything."""
        return _folded(text, self.lowercase)

    def encode(self, text: str) -> list[int]:
        """The units of a transcript, `FOREIGN` for what is none."""
        folded, known = _folded(text, self.lowercase), self.vocabulary
        if isinstance(known, SubwordVocabulary):
            numbers = known.encode(folded)
        else:
            numbers = known.encode(_split(folded, self.unit))
        return [FOREIGN if number == UNKNOWN else int(number) - 1 for number in numbers]

    def foreign(self, text: str) -> str | None:
        """The first part of a transcript that cannot be written, or None."""
        if FOREIGN not in (encoded := self.encode(text)):
            return None
        folded, known = _folded(text, self.lowercase), self.vocabulary
        if isinstance(known, SubwordVocabulary):
            start, end = known.spans(folded)[encoded.index(FOREIGN)]
            return folded[start:end]
        return _split(folded, self.unit)[encoded.index(FOREIGN)]

    def spell(self, unit: int) -> str:
        """A unit as text; of a piece of a word, `▁` stands for the space before it.

        Raises:
            IndexError: It is none of the units.
        """
        return self.vocabulary.decode([unit + 1])[0]

    def words(self, emissions: Iterable[Emission], step: float) -> list[Word]:
        """The words that units make.

        Args:
            emissions: In their order.
            step: Seconds of a step of the network.
        """
        builder = WordBuilder(self, step)
        found = [builder.feed(one) for one in emissions]
        return [word for word in [*found, builder.end()] if word is not None]

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {"unit": self.unit, "lowercase": self.lowercase, "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The units that `to_json` saved.

        Raises:
            InputError: They are damaged.
        """
        unit: Any = saved.get("unit")
        lowercase, vocabulary = saved.get("lowercase"), saved.get("vocabulary")
        if unit not in get_args(SpeechUnit) or not isinstance(lowercase, bool) or not isinstance(vocabulary, dict):
            raise InputError("the saved units are damaged: expected unit, lowercase and vocabulary")
        kind = SubwordVocabulary if unit == "subword" else Vocabulary
        return cls(unit, lowercase, kind.from_json(vocabulary))


@dataclass
class WordBuilder:
    """Units as they are heard to words as they are complete.

    Attributes:
        units: Whose.
        step: Seconds of a step.
        held: The units of the word that has begun.
        start: The step that it began at.
        stop: The step after its last unit.
        sure: The logarithm of its confidence.
    """

    units: Units
    step: float
    held: list[int] = field(default_factory=list)
    start: int = 0
    stop: int = 0
    sure: float = 0.0

    def feed(self, one: Emission) -> Word | None:
        """Take a unit; the word that is complete by it, if one is."""
        spelt = self.units.spell(one.unit)
        if self.units.unit == "char" and spelt == " ":
            return self.end()
        opens = self.units.unit == "word" or spelt.startswith(_SPACE) or len(self.held) == LONGEST_WORD
        done = self.end() if opens else None
        if not self.held:
            self.start, self.sure = one.start, 0.0
        self.held.append(one.unit)
        self.stop = one.end
        self.sure += math.log(max(one.probability, 1e-30))
        return done if self.units.unit != "word" else self.end()

    def end(self) -> Word | None:
        """Nothing more comes; the last word, if one has begun."""
        text = self.text()
        word = Word(text, self.start * self.step, self.stop * self.step, min(1.0, math.exp(self.sure)))
        self.held = []
        return word if text else None

    def text(self, then: int | None = None) -> str:
        """The word so far, with another unit behind it if one is given."""
        spelt = [self.units.spell(unit) for unit in (*self.held, *(() if then is None else (then,)))]
        return "".join(spelt).replace(_SPACE, "") if self.units.unit == "subword" else "".join(spelt)


def _folded(text: str, lowercase: bool) -> str:
    words = " ".join(text.split())
    return lower(words) if lowercase else words


def _split(text: str, unit: SpeechUnit) -> list[str]:
    return list(text) if unit == "char" else text.split()
