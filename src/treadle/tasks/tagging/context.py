"""Words in their context: what a language model makes of a sentence up to each of its words, for a tagger to read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from treadle.data.streams import START
from treadle.data.text import lower
from treadle.data.text_writer import LINE_END
from treadle.data.vocabulary import PADDING, Ids, Vocabulary
from treadle.nn import Stack, length_mask
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.language.settings import LanguageSettings
from treadle.tasks.settings import check


@dataclass(frozen=True)
class ContextFeature:
    """How a language model reads the words of a tagger: by its own numbers, whatever those of the tagger are.

    Attributes:
        words: The language model's vocabulary.
        lowercase: Whether it folds upper case.
        settings: Its shape.
    """

    words: Vocabulary
    lowercase: bool
    settings: LanguageSettings

    @classmethod
    def of(cls, pretrained: Pretrained) -> "ContextFeature":
        """That of a language model, whose vocabulary it shares.

        Raises:
            InputError: Its symbols are no words.
        """
        return cls(pretrained.words(), pretrained.codec.lowercase, pretrained.settings)

    def encode(self, tokens: Iterable[str]) -> Ids:
        """The number of every token, the unknown one's for those that the language model does not know."""
        return self.words.encode(map(lower, tokens) if self.lowercase else tokens)

    @property
    def begin(self) -> int:
        """The number of what stood before a sentence in the language model's text: a line end, if that had any."""
        return int(self.words.encode([LINE_END])[0]) if LINE_END in self.words else START

    def encoder(self, *, dropout: float, engine: str) -> "ContextEncoder":
        """A fresh network of the language model's shape.

        Args:
            dropout: Between its layers, in training.
            engine: That runs them.
        """
        return ContextEncoder(len(self.words), self.settings, begin=self.begin, dropout=dropout, engine=engine)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {
            "words": self.words.to_json(),
            "lowercase": self.lowercase,
            "settings": self.settings.model_dump(),
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "ContextFeature":
        """The feature that `to_json` saved.

        Raises:
            InputError: It is damaged.
            KeyError, TypeError, AttributeError: So is this.
        """
        return cls(
            Vocabulary.from_json(saved["words"]),
            bool(saved["lowercase"]),
            check(LanguageSettings, saved["settings"]),
        )


class ContextEncoder(nn.Module):
    r"""Words to what a language model holds after each of them.

    $$c_t = \mathrm{stack}(E_{\langle s \rangle}, E_{w_1}, \dots, E_{w_t})$$

    the outputs of the topmost layer after the words up to and with the t-th, from which the language model would tell
    the next. \(\langle s \rangle\) is what stood before a sentence where it learnt.

    Args:
        words: Numbers in the language model's vocabulary.
        settings: Its shape.
        begin: The number of \(\langle s \rangle\).
        dropout: Share of features dropped between its layers, in training.
        engine: As in `treadle.nn.Recurrent`.

    Raises:
        InputError: A size does not fit.

    Source: M. Peters, W. Ammar, C. Bhagavatula & R. Power, "Semi-supervised sequence tagging with bidirectional
    language models", ACL 2017, section 3, with the forward language model alone.
    """

    def __init__(self, words: int, settings: LanguageSettings, *, begin: int, dropout: float, engine: str) -> None:
        super().__init__()
        self.begin = begin
        self.embedding = nn.Embedding(words, settings.embedding_size)
        self.stack = Stack(
            settings.cell,
            settings.embedding_size,
            settings.hidden_size,
            settings.layers,
            dropout=dropout,
            residual=settings.residual,
            engine=engine,
        )
        self.output_size: int = self.stack.output_size

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Numbers of words to contexts.

        Args:
            words: `[batch, time]`; past a sentence's end anything.
            lengths: `[batch]`, zero allowed.

        Returns:
            `[batch, time, output_size]`, zero past a length.
        """
        real = length_mask(lengths.to(words.device), words.shape[1])
        words = nn.functional.pad(words.masked_fill(~real, PADDING), (1, 0), value=self.begin)
        y, _ = self.stack(self.embedding(words), lengths=lengths + 1)
        return y[:, 1:]  # type: ignore[no-any-return]  # nn.Module.__call__ carries no types

    def layers(self) -> list[list[nn.Module]]:
        """The modules in groups, from the topmost layer down to the embedding."""
        return [*([layer] for layer in reversed(self.stack.layers)), [self.embedding]]
