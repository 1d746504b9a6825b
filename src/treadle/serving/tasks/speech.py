"""Recognisers of speech, as a server has them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from treadle.data.audio import Utterances, Waveform
from treadle.serving.served import Served
from treadle.serving.sound import waveform_of


class ServedSpeech(Served):
    """A recogniser. An input is `{"audio": "<a wav, flac or ogg file in base64>"}`."""

    tasks = ("transcribe",)
    options: ClassVar = {"beam_size": (1, 32)}

    def read(self, value: Any) -> Waveform:
        """A recording.

        Raises:
            InputError: It is none.
        """
        return waveform_of(value, self.estimator.audio_.channel, self.limits)

    def answer(self, cells: Sequence[Waveform], options: Mapping[str, int]) -> list[dict[str, Any]]:
        """The text, and its words with times and confidence."""
        search = self.estimator.search_settings(**options)
        heard = self.estimator.hear(Utterances(list(cells)), search)
        told = zip(heard, cells, strict=True)
        return [one.to_json() | {"seconds": round(sound.seconds, 3)} for one, sound in told]

    def describe(self) -> dict[str, Any]:
        """With the rate that streams take, in samples a second."""
        return super().describe() | {"rate": self.estimator.audio_.bank.rate}
