"""A recogniser on a stream: sound in as it comes, words out as they are complete."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.data.audio import AudioEncoder
from treadle.data.audio.waveform import to_samples
from treadle.errors import InputError
from treadle.nn.ctc import BLANK, Emission
from treadle.streaming import StreamModel
from treadle.streaming.layers import LayerSteps, settled
from treadle.streaming.model import Reads, identity
from treadle.tasks.transcribe.network import SpeechNetwork
from treadle.tasks.transcribe.units import LONGEST_WORD, Units, Word, WordBuilder

Array = NDArray[Any]

HELD, SAMPLES = "audio.held", "audio.samples"
"""Samples that wait for a window to be whole: how many, and which."""
FILLED, FRAMES = "frames.filled", "frames.block"
"""Frames that wait for a step to be whole, likewise."""
BUFFER = "front."
"""What each layer of convolution remembers, by this prefix and its number."""
STEPS, RUN, SURE = "heard.steps", "heard.run", "heard.sure"
"""Steps so far; the unit that is being said and the step it began at; the largest probability that it had."""
WORD, WORD_UNITS, WORD_SURE, WORDS = "word.place", "word.units", "word.sure", "words"
"""The word that has begun: how many units, from which step to which; which units; how sure; and words before it."""
END = -1.0
"""In the place of a number of samples: the utterance ends."""


class SpeechStreamModel(StreamModel):
    r"""A causal recogniser that hears sound piece by piece.

    A step is a list or array of samples from -1 to 1 (or whole numbers of 8 to 32 bits, as an array) at the model's
    rate, as many as there are; None ends an utterance. The answer holds `text`, what was completed by this step, with
    the space before it; its `words`, each with `start`, `end` and `confidence`; `partial`, the word that has begun; and
    `seconds`, how much was heard of the utterance. The `text`s put together are, once None was given, the transcript
    of the whole file as `predict` gives it with a beam of one: samples, frames, convolutions, layers and units each
    wait for what makes them whole, and remember what came before.

    Args:
        audio: From samples to frames.
        units: What is written with.
        network: The fitted network.
        step: Seconds of a step of the network.
        rows: Streams at most.
        threads: Threads at most.

    Raises:
        InputError: The network also reads recordings from their end.
    """

    reads: Reads = "numbers"

    def __init__(
        self, audio: AudioEncoder, units: Units, network: SpeechNetwork, step: float, rows: int = 1, threads: int = 1
    ) -> None:
        if network.stack.bidirectional:
            raise InputError(
                "this recogniser is bidirectional: it also reads every recording from its end, which a stream does not "
                "have; train a causal one with bidirectional=False"
            )
        self.rows, self.audio, self.units, self._step = rows, audio, units, step
        self.identity = identity(network, str(audio.to_json()), str(units.to_json()))
        self._network: SpeechNetwork = settled(network)
        self._front = self._network.front_end
        self._layers = LayerSteps(self._network.stack, rows, threads)
        self.explanation = self._layers.explanation
        self._windows = audio.bank.by_window()
        bank, block = audio.bank, (self._front.reduction, audio.features)
        one: dict[str, Array] = {
            HELD: np.zeros(1, np.int64),
            SAMPLES: np.zeros(bank.window + bank.shift, np.float32),
            FILLED: np.zeros(1, np.int64),
            FRAMES: np.zeros(block, np.float32),
            STEPS: np.zeros(1, np.int64),
            RUN: np.array([BLANK, 0]),
            SURE: np.zeros(1),
            WORD: np.zeros(3, np.int64),
            WORD_UNITS: np.zeros(LONGEST_WORD, np.int64),
            WORD_SURE: np.zeros(1),
            WORDS: np.zeros(1, np.int64),
        }
        one |= {f"{BUFFER}{place}": buffer[0].numpy() for place, buffer in enumerate(self._front.buffers_of(1))}
        own = {name: np.repeat(field[None], rows, 0) for name, field in one.items()}
        self.initial = {**self._layers.initial, **one}
        self.state = {**self._layers.state, **own}
        self._told: list[list[Word]] = [[] for _ in range(rows)]

    def read(self, step: Any) -> Array:
        """Samples in pieces of a shift, `[pieces, 1 + shift]`: how many are real, and these.

        Raises:
            InputError: They are no samples.
        """
        shift = self.audio.bank.shift
        if step is None:
            return np.array([[END, *[0.0] * shift]], dtype=np.float32)
        if isinstance(step, torch.Tensor):
            step = step.detach().cpu().numpy()
        try:
            samples = to_samples(step)
        except InputError as error:
            raise InputError(f"a step of this stream is a list of samples, or None for the end: {error}") from None
        pieces = np.zeros((-(-len(samples) // shift), 1 + shift), np.float32)
        pieces[:, 0] = shift
        pieces[:, 1:].flat[: len(samples)] = samples
        if len(samples) % shift:
            pieces[-1, 0] = len(samples) % shift
        return pieces

    def advance(self, x: Array) -> None:
        """A piece of the first rows."""
        held, samples, bank = self.state[HELD], self.state[SAMPLES], self.audio.bank
        for row, piece in enumerate(x):
            if piece[0] == END:
                self._end(row)
                continue
            count, at = int(piece[0]), int(held[row, 0])
            samples[row, at : at + count] = piece[1 : 1 + count]
            held[row] += count
        whole = np.flatnonzero(held[: len(x), 0] >= bank.window)
        if len(whole) == 0:
            return
        frames = self.audio.scaled(self._windows.compute(samples[whole, : bank.window]))
        samples[whole, : bank.window] = samples[whole, bank.shift :]
        held[whole] -= bank.shift
        filled = self.state[FILLED]
        self.state[FRAMES][whole, filled[whole, 0]] = frames
        filled[whole] += 1
        full = np.flatnonzero(filled[: len(x), 0] == self._front.reduction)
        if len(full):
            filled[full] = 0
            self._hear(full, len(x))

    @torch.no_grad()
    def _hear(self, full: NDArray[np.int64], rows: int) -> None:
        """A step of the network of those rows that have all frames of one."""
        layers = self._layers
        before = [torch.from_numpy(self.state[f"{BUFFER}{n}"][full]) for n in range(len(self._front.layers))]
        block = torch.from_numpy(self.state[FRAMES][full]).flatten(1)
        layers.x[full] = self._front.step(block, before).numpy()
        for number, buffer in enumerate(before):
            self.state[f"{BUFFER}{number}"][full] = buffer.numpy()
        resting = np.setdiff1d(np.arange(rows), full)
        kept = {name: field[resting].copy() for name, field in layers.state.items()} if len(resting) else {}
        layers.run(rows)
        for name, field in kept.items():
            layers.state[name][resting] = field
        said = self._network.head(torch.from_numpy(layers.y[full])).float().log_softmax(1)
        best, units = said.max(1)
        for row, unit, sure in zip(full.tolist(), units.tolist(), best.exp().tolist(), strict=True):
            self._take(row, unit, sure)

    def _take(self, row: int, unit: int, sure: float) -> None:
        """The likeliest unit of a step: the same as before goes on, another one ends it."""
        run, steps, peak = self.state[RUN][row], self.state[STEPS][row], self.state[SURE][row]
        if unit == run[0]:
            peak[0] = max(float(peak[0]), sure)
        else:
            self._close(row)
            run[:], peak[0] = (unit, steps[0]), sure
        steps += 1

    def _close(self, row: int) -> None:
        """The unit that was being said is whole."""
        unit, start = self.state[RUN][row].tolist()
        if unit == BLANK:
            return
        builder = self._builder(row)
        word = builder.feed(Emission(unit, start, int(self.state[STEPS][row, 0]), float(self.state[SURE][row, 0])))
        self._tell(row, word)
        self.state[WORD][row] = len(builder.held), builder.start, builder.stop
        self.state[WORD_UNITS][row, : len(builder.held)] = builder.held
        self.state[WORD_SURE][row] = builder.sure

    def _end(self, row: int) -> None:
        """The utterance ends: its last word is whole, and the row begins anew."""
        self._close(row)
        self._tell(row, self._builder(row).end())
        for name, field in self.initial.items():
            self.state[name][row] = field

    def _tell(self, row: int, word: Word | None) -> None:
        if word is not None:
            first = self.state[WORDS][row, 0] == 0
            self._told[row].append(word if first else Word(f" {word.text}", word.start, word.end, word.confidence))
            self.state[WORDS][row] += 1

    def _builder(self, row: int) -> WordBuilder:
        """The word that a row is in."""
        held, start, stop = self.state[WORD][row].tolist()
        units = self.state[WORD_UNITS][row, :held].tolist()
        return WordBuilder(self.units, self._step, units, start, stop, float(self.state[WORD_SURE][row, 0]))

    def answers(self, rows: int) -> Sequence[Any]:
        """What each row has heard in this step."""
        told = []
        for row in range(rows):
            words, self._told[row] = self._told[row], []
            unit = int(self.state[RUN][row, 0])
            told.append(
                {
                    "text": "".join(word.text for word in words),
                    "words": [
                        Word(one.text.lstrip(" "), one.start, one.end, one.confidence).to_json() for one in words
                    ],
                    "partial": self._builder(row).text(None if unit == BLANK else unit).strip(),
                    "seconds": round(int(self.state[STEPS][row, 0]) * self._step, 3),
                }
            )
        return told
