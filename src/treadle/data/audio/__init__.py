"""Sound: files and arrays to samples, samples to log-mel features, and recordings with what is said in them."""

from treadle.data.audio.encoder import AudioEncoder
from treadle.data.audio.filterbank import FilterBank
from treadle.data.audio.reading import has_speech_columns, read_utterances
from treadle.data.audio.utterances import Utterances
from treadle.data.audio.waveform import AUDIO_SUFFIXES, Channel, Waveform, is_audio_file, read_audio

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioEncoder",
    "Channel",
    "FilterBank",
    "Utterances",
    "Waveform",
    "has_speech_columns",
    "is_audio_file",
    "read_audio",
    "read_utterances",
]
