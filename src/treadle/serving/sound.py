"""Sound that comes in a request: a file in base64, or samples with their rate."""

from base64 import b64decode
from binascii import Error
from io import BytesIO
from typing import Any

from treadle.data.audio import Channel, Waveform
from treadle.data.audio.waveform import MOST_RATE, one_channel, optional
from treadle.errors import InputError
from treadle.serving.limits import Limits


def waveform_of(value: Any, channel: Channel, limits: Limits) -> Waveform:
    """The sound of an input `{"audio": "<a wav, flac or ogg file in base64>"}`.

    What a file declares is held to the limit before any sample is decoded, so that a file of silence, packed to a
    thousandth, costs nothing.

    Args:
        value: The input.
        channel: Which one is taken of several.
        limits: Of the server.

    Raises:
        InputError: It is no such input, no sound, or longer than the server takes.
    """
    if not isinstance(value, dict) or set(value) != {"audio"} or not isinstance(value["audio"], str):
        raise InputError('an input of this model is {"audio": "..."}, a file of sound in base64')
    try:
        content = b64decode(value["audio"], validate=True)
    except (Error, ValueError):
        raise InputError("the sound is no base64, expected a wav, flac or ogg file in it") from None
    soundfile = optional("soundfile")
    try:
        with soundfile.SoundFile(BytesIO(content)) as file:
            rate, frames = file.samplerate, file.frames
            if not 1 <= rate <= MOST_RATE or not 0 <= frames / rate <= limits.audio_seconds:
                raise InputError(f"a recording is longer than the {limits.audio_seconds:g} seconds the server takes")
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("the file cannot be read as sound, expected wav, flac or ogg") from None
    return Waveform(one_channel(samples, channel), int(rate))
