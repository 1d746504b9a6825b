"""Text from a language model, token by token, in constant memory; its state can be saved at any moment."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from treadle.data.codec import TokenCodec
from treadle.data.streams import START
from treadle.data.text_writer import LINE_END
from treadle.data.vocabulary import UNKNOWN
from treadle.errors import InputError
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.network import LanguageNetwork, States
from treadle.tasks.language.places import NOUNS, alphabet, places, spellings, unknown_parts
from treadle.tasks.language.sampling import Sampling, generators, sample

_REPLAYED = 4  # symbols that tell all that a text writer remembers: the bytes of a character
_SHOWN = 5  # unknown parts of a prompt that a sentence names
_READ = 1024  # symbols of a prompt that are read at once


class Generator(Iterator[str]):
    r"""Writes on from a prompt, a token at a time, without end.

    The prompt is read once; after that every step reads one symbol and draws the next,

    $$s_{t+1} \sim \mathrm{sampling}\left(p(\cdot \mid s_{1 \dots t})\right), \qquad h_{t+1} = f(h_t, s_{t+1}),$$

    so time and memory of a step do not grow with the text. What `next` gives are pieces of text; a piece is empty in
    the middle of a character of several bytes, and where the text may yet turn out to be a stop.

    Args:
        model: A fitted language model.
        prompt: What stands before; it may be empty.
        sampling: How to draw.
        seed: Of what is drawn; zero or more.
        number: Of the text, from 0: every number draws differently from the same seed.
        stop: The text ends before the first of these that it would hold.

    Attributes:
        ids: The symbols drawn last, the latest at the end, as far as they are kept.
        drawn: How many symbols were drawn.
        stopped: The stop that ended the text, or None.
        note: A sentence on what of the prompt the model does not know; empty if it knows all.

    Raises:
        InputError: The model knows nothing of the prompt, a stop can never occur, or the seed is negative.

    Example:
        >>> model = LanguageModel(unit="char", hidden_size=16, layers=1, epochs=30, seed=1)
        >>> model = model.fit("to be or not to be. " * 40)
        >>> text = Generator(model, "to be", sampling=Sampling(temperature=0.5), seed=3)
        >>> len("".join(text.take(12)))
        12
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: str = "",
        *,
        sampling: Sampling | None = None,
        seed: int = 0,
        number: int = 0,
        stop: Sequence[str] = (),
    ) -> None:
        check_is_fitted(model, "network_")
        self._begin(model, sampling or Sampling(), stop)
        self.note = _note(self._codec, prompt)
        self._random = generators(seed, number + 1)[number]
        ids = self._codec.encode(prompt).tolist()
        self._read([START, *ids][:-1])
        self._pending: int = ids[-1] if ids else START
        for symbol in ids:
            self._writer.write(symbol)
        self.ids.extend(ids)

    def _begin(self, model: LanguageModel, sampling: Sampling, stop: Sequence[str]) -> None:
        """What a fresh and a restored text share."""
        self._codec: TokenCodec = model.codec_
        self._network: LanguageNetwork = model.network_.eval()
        self._device = self._network.embedding.weight.device
        self._writer = self._codec.writer()
        self._stops = [_checked_stop(self._codec, one) for one in stop]
        self._held = ""  # text that may be the beginning of a stop
        self._states: States | None = None
        self.sampling = sampling
        self.ids: deque[int] = deque(maxlen=max(sampling.repetition_window, _REPLAYED))
        self.drawn = 0
        self.stopped: str | None = None
        self.note = ""

    def _read(self, ids: list[int]) -> None:
        with torch.no_grad():
            for start in range(0, len(ids), _READ):
                part = torch.tensor([ids[start : start + _READ]], device=self._device)
                _, self._states = self._network(part, self._states)

    def __next__(self) -> str:
        """Draw a symbol.

        Returns:
            The text that it adds, or is settled by it.

        Raises:
            StopIteration: The text has come to a stop.
        """
        if self.stopped is not None:
            raise StopIteration
        with torch.no_grad():
            found, self._states = self._network.step(torch.tensor([self._pending], device=self._device), self._states)
        recent = torch.tensor([list(self.ids)], dtype=torch.int64)
        self._pending = int(sample(found.cpu(), self.sampling, [self._random], recent if self.ids else None))
        self.ids.append(self._pending)
        self.drawn += 1
        return self._settle(self._held + self._writer.write(self._pending))

    def _settle(self, text: str) -> str:
        """Give out text up to a stop, or up to what may be the beginning of one."""
        at, stop = min(((text.find(stop), stop) for stop in self._stops if stop in text), default=(-1, None))
        if stop is not None:
            self.stopped, self._held = stop, ""
            return text[:at]
        begun = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - begun :]
        return text[: len(text) - begun]

    def take(self, length: int) -> Iterator[str]:
        """The pieces of so many symbols, fewer where a stop comes first, and what is left when nothing follows.

        Args:
            length: Symbols to draw at most.

        Raises:
            InputError: The length is negative.
        """
        if length < 0:
            raise InputError(f"length is {length}; expected 0 or more")
        for _ in range(length):
            piece = next(self, None)
            if piece is None:
                return
            yield piece
        yield self.rest()

    def rest(self) -> str:
        """What is left of the text if it ends here: the beginning of a stop or of a character of several bytes."""
        if self.stopped is not None:
            return ""
        held, self._held = self._held, ""
        return held + self._writer.end()

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the text depends on besides the model: tensors, numbers and texts.

        `treadle.training.save_state` writes it to a file.
        """
        return {
            "states": None if self._states is None else [list(state) for state in self._states],
            "pending": self._pending,
            "ids": list(self.ids),
            "drawn": self.drawn,
            "held": self._held,
            "stop": list(self._stops),
            "stopped": self.stopped,
            "random": self._random.get_state(),
            "sampling": asdict(self.sampling) | {"forbidden": list(self.sampling.forbidden)},
        }

    @classmethod
    def restore(cls, model: LanguageModel, saved: Mapping[str, Any]) -> Self:
        """The text that `state_dict` was taken of: it goes on exactly as it would have.

        Args:
            model: The same model, or the same saved and loaded.
            saved: What `state_dict` gave.

        Raises:
            InputError: It belongs to another model.
        """
        self = cls.__new__(cls)
        self._begin(model, Sampling(**saved["sampling"] | {"forbidden": tuple(saved["sampling"]["forbidden"])}), ())
        states = saved["states"]
        own = [[field.shape for field in layer[0].cell.initial_state(1)] for layer in self._network.stack.layers]
        found = own if states is None else [[field.shape for field in layer] for layer in states]
        if found != own or max(saved["ids"], default=0) >= len(self._codec):
            raise InputError("the saved state of a text belongs to another model, expected the one it was begun with")
        self._states = None if states is None else self._network.states_of(states)
        self._pending = saved["pending"]
        self.ids.extend(saved["ids"])
        for symbol in list(self.ids)[-_REPLAYED:]:
            self._writer.write(symbol)
        self.drawn, self._held = saved["drawn"], saved["held"]
        self._stops, self.stopped = list(saved["stop"]), saved["stopped"]
        random: Tensor = saved["random"]
        self._random = torch.Generator()
        self._random.set_state(random)
        return self


def generate(
    model: LanguageModel,
    prompt: str = "",
    *,
    length: int = 200,
    sampling: Sampling | None = None,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> str:
    """A text that goes on from a prompt, without the prompt.

    Args:
        model: A fitted language model.
        prompt: As in `Generator`.
        length: Symbols to draw at most.
        sampling: As in `Generator`.
        seed: As in `Generator`.
        stop: As in `Generator`.

    Raises:
        InputError: As in `Generator`, or the length is negative.
    """
    return "".join(Generator(model, prompt, sampling=sampling, seed=seed, stop=stop).take(length))


def _note(codec: TokenCodec, prompt: str) -> str:
    """What of a prompt a model does not know, as a sentence.

    Raises:
        InputError: It knows nothing of it.
    """
    unknown = unknown_parts(codec, prompt)
    if not unknown:
        return ""
    named = ", ".join(map(repr, unknown[:_SHOWN])) + (f" and {len(unknown) - _SHOWN} more" if unknown[_SHOWN:] else "")
    if all(number == UNKNOWN for number in codec.encode(prompt)):
        raise InputError(
            f"the prompt has nothing that the model knows, found {named}; begin with a {NOUNS[codec.unit]} of its own"
        )
    return f"the model does not know {named} of the prompt"


def _checked_stop(codec: TokenCodec, stop: str) -> str:
    """A stop; `<eos>` among words is a line end, as they are shown.

    Raises:
        InputError: It can never occur.
    """
    stop = LINE_END if codec.unit == "word" and stop == "<eos>" else stop
    if not stop:
        raise InputError("a stop is empty; expected one character or more")
    if codec.unit == "byte":
        return stop
    foreign = [character for character in stop if character not in alphabet(codec)]
    if foreign:
        raise InputError(f"the stop {stop!r} can never occur: the model never writes {foreign[0]!r}")
    if codec.unit == "word" and ("  " in stop or not _occurs(codec, stop)):
        raise InputError(f"the stop {stop!r} can never occur: the model writes only the words of its vocabulary")
    return stop


def _occurs(codec: TokenCodec, stop: str) -> bool:
    """Whether a stop can be written with the words of a vocabulary; it may begin and end within one."""
    known = spellings(codec)
    parts = [stop[begin:end] for begin, end in places(codec, stop) or ()]
    if len(parts) < 2 or any(stop in word for word in known):
        return any(stop.strip(" ") in word for word in known)
    begins = any(word.endswith(parts[0]) for word in known)
    ends = any(word.startswith(parts[-1]) for word in known)
    return begins and ends and set(parts[1:-1]) <= set(known)


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text are the beginning of a stop."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-size:])), 0)
