"""A recogniser as far as it hears: transcripts, words with times and confidence, a stream."""

from abc import abstractmethod
from typing import Any

from sklearn.utils.validation import check_is_fitted

from treadle.data.audio import AudioEncoder, Utterances
from treadle.evaluation.speech import RATES, error_rate
from treadle.streaming import Streaming
from treadle.tasks.transcribe.fusion import scorer_of
from treadle.tasks.transcribe.inputs import to_utterances
from treadle.tasks.transcribe.network import SpeechNetwork
from treadle.tasks.transcribe.predictions import Transcript, rows_of, transcripts
from treadle.tasks.transcribe.settings import SearchSettings
from treadle.tasks.transcribe.streaming import SpeechStreamModel
from treadle.tasks.transcribe.units import Units


class Reader(Streaming):
    """What a fitted recogniser says of recordings.

    Attributes:
        audio_: From recordings to frames.
        units_: What it writes with.
        network_: The trained network.
    """

    audio_: AudioEncoder
    units_: Units
    network_: SpeechNetwork

    @property
    def step_seconds(self) -> float:
        """Seconds of sound of a step of the network."""
        return self.network_.front_end.reduction * self.audio_.bank.shift / self.audio_.bank.rate

    @property
    def lookahead_seconds(self) -> float:
        """How much later than its beginning a step of a causal model can be answered: its last frame must be whole."""
        bank = self.audio_.bank
        return (bank.window + (self.network_.front_end.reduction - 1) * bank.shift) / bank.rate

    def hear(self, data: Utterances, search: SearchSettings) -> list[Transcript]:
        """What is said in recordings as readers give them.

        Args:
            data: The recordings; their transcripts are not looked at.
            search: How it is found.

        Raises:
            InputError: A recording or the language model cannot be read.
        """
        check_is_fitted(self, "network_")
        scorer = scorer_of(self.units_, search)
        frames = rows_of(self.audio_.encode(data.audio, data.where), self.audio_.features)
        return transcripts(self.network_, self.units_, frames, self.step_seconds, search.beam_size, scorer)

    def transcribe(self, X: Any, **search: Any) -> list[Transcript]:
        """The text of every recording, and its words with times and confidence.

        Args:
            X: Files of sound, `Waveform`s, or arrays of samples at the model's own rate.
            **search: The fields of `SearchSettings`: `beam_size`, `language_model`, `language_weight`,
                `insertion_bonus`; what is not given is as the estimator's argument of that name.

        Raises:
            InputError: A recording cannot be read, or an option is not valid.
        """
        check_is_fitted(self, "network_")
        return self.hear(to_utterances(X, rate=self.audio_.bank.rate), self.search_settings(**search))

    @abstractmethod
    def search_settings(self, **given: Any) -> SearchSettings:
        """How transcripts are found: what is given, and otherwise the estimator's arguments.

        Raises:
            InputError: An option is not known or not valid.
        """

    def predict(self, X: Any) -> list[str]:
        """The text of every recording.

        Raises:
            InputError: A recording cannot be read.
        """
        return [one.text for one in self.transcribe(X)]

    def score(self, X: Any, y: Any) -> float:
        """One minus the word error rate: 1 where every word is right, below 0 where more is wrong than was said.

        Raises:
            InputError: `X` or `y` does not fit.
        """
        check_is_fitted(self, "network_")
        data = to_utterances(X, y, rate=self.audio_.bank.rate)
        assert data.texts is not None
        said = [self.units_.normalise(text) for text in data.texts]
        heard = [one.text for one in self.hear(data, self.search_settings())]
        return 1 - error_rate(said, heard, RATES["wer"])

    def stream_model(self, rows: int = 1, threads: int = 1) -> SpeechStreamModel:
        """The fitted model for up to `rows` streams at once; `stream` and `stream_pool` run it.

        Raises:
            InputError: It also reads from the end; the sentence says what to train instead.
        """
        check_is_fitted(self, "network_")
        return SpeechStreamModel(self.audio_, self.units_, self.network_, self.step_seconds, rows, threads)
