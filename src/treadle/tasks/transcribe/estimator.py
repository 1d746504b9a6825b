"""Recordings to text."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import numpy as np
import torch

from treadle.data import Ragged
from treadle.data.audio import AudioEncoder, Utterances
from treadle.data.audio.augment import Augmentation
from treadle.data.split import held_out
from treadle.errors import InputError, counted, nearest
from treadle.tasks.estimator import Estimator
from treadle.tasks.settings import check
from treadle.tasks.transcribe.inputs import to_utterances
from treadle.tasks.transcribe.network import SpeechNetwork
from treadle.tasks.transcribe.objective import Spoken, check_lengths, speech_objective
from treadle.tasks.transcribe.predictions import rows_of
from treadle.tasks.transcribe.reporting import Reported
from treadle.tasks.transcribe.settings import (
    AugmentationSettings,
    SearchSettings,
    SpeechFeatureSettings,
    SpeechSettings,
)
from treadle.tasks.transcribe.units import Units
from treadle.training import Conduct


class SpeechRecognizer(Estimator, Reported):
    """Write down what is said, by connectionist temporal classification.

    Args:
        unit: What is written: "char", "word" or "subword".
        lowercase: Whether upper case is folded.
        alphabet: The characters that may be written, in one string, for the unit "char"; None for those of training. A
            training transcript with any other is refused.
        vocabulary_size: Pieces of words at most, for the unit "subword"; None for 500.
        sample_rate: Samples a second that recordings are brought to; None for the lowest of training, 16,000 at most.
        mel_bins: Bands of the filter bank.
        channel: Which channel is taken of recordings with several: a number from 0, or "mean". None refuses those.
        bidirectional: Whether layers also read from the end. False gives a causal model, fit for streams.
        reduction: Frames of 10 ms that make one step of the network.
        convolutions: Layers of convolution below the recurrent ones; causal if the model is.
        convolution_size: Channels of each.
        kernel_size: Steps that each looks at.
        speed: Every recording is also learnt so much faster and slower; 0 for never.
        noise: Probability of a steady noise behind a recording, in training.
        frequency_masks: Stretches of bands that are hidden from training.
        frequency_width: Bands of one, at most.
        time_masks: Stretches of time that are hidden.
        time_width: Frames of one, at most.
        beam_size: Prefixes of a beam search; 1 takes the likeliest unit of every step. Training always does.
        language_model: A text file for an n-gram model, or the folder of a `LanguageModel` of the same units; it needs
            a beam.
        language_weight: Its weight.
        insertion_bonus: What each word adds to the score in a beam search.
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        audio_: From recordings to frames, fitted on training recordings.
        units_: What is written with.
        network_: The trained network.
        history_: One record an epoch.
        train_rows_: The recordings that were trained on.
        dev_rows_: Those that were set aside, or None where dev recordings were given.

    Example:
        >>> from treadle.data.audio import Waveform
        >>> def sound(*pitches):  # each a tenth of a second
        ...     time = np.arange(800) / 8000
        ...     return Waveform(np.concatenate([np.sin(2 * np.pi * pitch * time) for pitch in pitches]), 8000)
        >>> X = [sound(300, 300), sound(300, 1500), sound(1500, 300), sound(1500, 1500)] * 4
        >>> y = ["low low", "low high", "high low", "high high"] * 4
        >>> model = SpeechRecognizer(unit="word", hidden_size=16, layers=1, epochs=60, learning_rate=0.01, batch_size=4)
        >>> _ = model.fit(X, y, dev=(X[:4], y[:4]))
        >>> len(model.predict(X[:2]))
        2
    """

    task = "transcribe"
    network_: SpeechNetwork  # both base classes know of one

    def __init__(
        self,
        *,
        hidden_size: int = 160,
        layers: int = 3,
        dropout: float = 0.2,
        unit: str = "char",
        lowercase: bool = True,
        alphabet: str | None = None,
        vocabulary_size: int | None = None,
        sample_rate: int | None = None,
        mel_bins: int = 40,
        channel: int | str | None = None,
        bidirectional: bool = True,
        reduction: int = 2,
        convolutions: int = 1,
        convolution_size: int = 160,
        kernel_size: int = 5,
        speed: float = 0.1,
        noise: float = 0.3,
        frequency_masks: int = 2,
        frequency_width: int = 8,
        time_masks: int = 2,
        time_width: int = 20,
        beam_size: int = 1,
        language_model: str | None = None,
        language_weight: float = 0.5,
        insertion_bonus: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(hidden_size=hidden_size, layers=layers, dropout=dropout, **options)
        self.unit = unit
        self.lowercase = lowercase
        self.alphabet = alphabet
        self.vocabulary_size = vocabulary_size
        self.sample_rate = sample_rate
        self.mel_bins = mel_bins
        self.channel = channel
        self.bidirectional = bidirectional
        self.reduction = reduction
        self.convolutions = convolutions
        self.convolution_size = convolution_size
        self.kernel_size = kernel_size
        self.speed = speed
        self.noise = noise
        self.frequency_masks = frequency_masks
        self.frequency_width = frequency_width
        self.time_masks = time_masks
        self.time_width = time_width
        self.beam_size = beam_size
        self.language_model = language_model
        self.language_weight = language_weight
        self.insertion_bonus = insertion_bonus

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        for settings in (SpeechSettings, SpeechFeatureSettings, AugmentationSettings, SearchSettings):
            check(settings, self.get_params())
        if self.init_from is not None:
            raise InputError("init_from is a language model's folder, which a recogniser cannot begin from")
        if self.language_model is not None and self.beam_size == 1:
            raise InputError("a language model speaks in a beam search, expected a beam_size above 1")

    def search_settings(self, **given: Any) -> SearchSettings:
        """How transcripts are found: what is given, and otherwise the arguments.

        Raises:
            InputError: An option is not known or not valid.
        """
        known = SearchSettings.model_fields
        for name in given:
            if name not in known:
                raise InputError(f"there is no option {name!r} of the search{nearest(name, known)}")
        return check(SearchSettings, self.get_params() | given)

    def fit(self, X: Any, y: Any, *, dev: Sequence[Any] | None = None) -> Self:
        """Train.

        Args:
            X: Files of sound, `treadle.data.audio.Waveform`s, or arrays of samples at `sample_rate`.
            y: What is said in each.
            dev: `(X, y)` to choose the best epoch by; by default a part of the recordings is set aside.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        if dev is not None and len(dev) != 2:
            raise InputError(f"dev is a {type(dev).__name__} of {len(dev)}, expected (X, y)")
        held = None if dev is None else to_utterances(*dev, rate=self.sample_rate)
        return self.fit_utterances(to_utterances(X, y, rate=self.sample_rate), dev=held)

    def fit_utterances(
        self,
        data: Utterances,
        *,
        dev: Utterances | None = None,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train on recordings as readers give them; what `fit` and the command line share.

        Args:
            data: Recordings with transcripts.
            dev: Others, to choose the best epoch by.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        self.check_arguments()
        train, held = np.arange(len(data)), None
        if dev is None:
            train, held = held_out(len(data), self.dev_fraction, seed=self.seed)
            data, dev = data.take(train), data.take(held)
        self.train_rows_, self.dev_rows_ = train, held
        train_spoken, dev_spoken = self._fit_features(data), None
        network = self.build_network()
        check_lengths(train_spoken, data, self.reduction)
        dev_spoken = self._encode(dev, rows_of(self.audio_.encode(dev.audio, dev.where), self.mel_bins))
        own = train_spoken.frames.lengths[: len(data)]
        a_pass = max(len(own) / self.batch_size, float(own.sum()) / self.batch_tokens)
        settings = self.training_settings(a_pass)
        objective = speech_objective(
            network, self.units_, train_spoken, dev_spoken, self._augmentation(), settings, self.step_seconds
        )
        self.train_network(objective, settings, **how)
        return self

    def _fit_features(self, data: Utterances) -> Spoken:
        """Fit units and filter bank, and bring the training recordings to frames, at every speed."""
        options = check(SpeechFeatureSettings, self.get_params())
        assert data.texts is not None
        fields = options.model_dump(include={"unit", "lowercase", "alphabet", "vocabulary_size"})
        self.units_ = Units.fit(data.texts, **fields)
        for row, text in enumerate(data.texts):
            if (foreign := self.units_.foreign(text)) is not None:
                raise InputError(
                    f"{data.where(row)}: the transcript has {foreign!r}, which the alphabet has not; expected symbols "
                    f"that can be written, such as {self.units_.spell(1)!r}"
                )
        self.audio_, frames = AudioEncoder.fit_encode(
            data.audio, rate=options.sample_rate, bins=options.mel_bins, channel=options.channel, where=data.where
        )
        for factor in (1 - self.speed, 1 + self.speed) if self.speed else ():
            frames += self.audio_.encode(data.audio, data.where, speed=factor)
        return self._encode(data, rows_of(frames, options.mel_bins))

    def _encode(self, data: Utterances, frames: Ragged) -> Spoken:
        assert data.texts is not None
        targets = [np.array(self.units_.encode(text), dtype=np.int64) for text in data.texts]
        texts = [self.units_.normalise(text) for text in data.texts]
        return Spoken(frames, Ragged.from_arrays(targets, dtype=torch.int64), texts)

    def _augmentation(self) -> Augmentation:
        settings = check(AugmentationSettings, self.get_params())
        mean, scale = torch.from_numpy(self.audio_.mean), torch.from_numpy(self.audio_.scale)
        return Augmentation(mean, scale, **settings.model_dump(exclude={"speed"}))

    def build_network(self) -> SpeechNetwork:
        """A fresh network for the fitted features, drawn by `seed`; it takes the place of `network_`.

        Raises:
            InputError: An argument lies outside its range.
        """
        settings = check(SpeechSettings, self.get_params())
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = SpeechNetwork(settings, bins=self.audio_.features, units=len(self.units_))
        return self.network_

    def describe(self) -> str:
        """The model in a few words: "3-layer bidirectional LSTM with CTC"."""
        return f"{super().describe()} with CTC"

    def describe_size(self) -> str:
        """The size of the fitted model, what it reads and writes, in one phrase."""
        names = {"char": "character", "word": "word", "subword": "piece of words"}
        kinds = {"piece of words": "pieces of words"}
        count, name = len(self.units_) - 1, names[self.units_.unit]
        written = f"{count:,} {name if count == 1 else kinds.get(name, f'{name}s')}"
        ahead = "" if self.bidirectional else f", looking {1000 * self.lookahead_seconds:.0f} ms ahead"
        steps = f"a step every {1000 * self.step_seconds:.0f} ms{ahead}"
        size = f"{self.count_parameters():,} parameters, {counted(self.hidden_size, 'unit')}"
        return f"{size}, {steps}; {self.audio_.describe()}; {written}"

    def explain(self) -> list[str]:
        """Which engine runs the recurrent layers and why not the others."""
        return [str(self.network_.stack.explain())]

    def fitted_to_json(self) -> dict[str, Any]:
        """Filter bank and units, as JSON can hold them."""
        return {"audio": self.audio_.to_json(), "units": self.units_.to_json()}

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            InputError: It is damaged.
            KeyError, TypeError, AttributeError, ValueError: So is this.
        """
        self.audio_ = AudioEncoder.from_json(saved["audio"])
        self.units_ = Units.from_json(saved["units"])
