"""What has to be done before a graph runs and after it, in words and numbers that need nothing of Treadle."""

from typing import Any

from treadle.data.audio import AudioEncoder
from treadle.data.codec import TokenCodec
from treadle.data.numeric import SeriesScaler
from treadle.data.text import CHARACTER_PATTERN, WORD_PATTERN, TextEncoder
from treadle.data.vocabulary import PADDING, UNKNOWN, SubwordVocabulary, Vocabulary
from treadle.tasks.sequence.features import Feature

LOWER = "replace 'İ' by 'i', then lower case"
BREAKS = "replace every HTML line break <br> by as many spaces as it has characters"

SERIES = [
    "clip every channel to low..high, where these are numbers",
    "scaling 'series': shift and scale are mean and standard deviation of this series (1 where it stands still); else "
    "they are those given here; then x = (x - shift) / scale",
    "fill missing values (NaN). 'forward': the last one before, at the head the first one after; 'linear': on the line "
    "between the neighbours, at either end the nearest one; 'mean': (mean - shift) / scale, or 0 with 'series'. A "
    "channel without any value takes that of 'mean' always",
    "append a channel for each number in 'masked': 1 where that channel had a value, 0 where it was filled",
]

AUDIO = [
    "resample to 'rate' samples a second, from -1 to 1; of several channels take 'channel', or their mean",
    "cut windows of 'window' samples, one every 'shift'; what fills no whole window at the end is left out",
    "log-mel energies of each window as Kaldi computes them (kaldi-native-fbank): samples times 'full_scale', mean "
    "removed, pre-emphasis 0.97, Povey's window, no dither, 'bins' bands from 20 Hz to half the rate",
    "x = (x - mean) / scale, a number a band",
]


def vocabulary(known: Vocabulary | SubwordVocabulary) -> dict[str, Any]:
    """A vocabulary: token i of the list has number i + 2."""
    numbers = {"padding": PADDING, "unknown": UNKNOWN}
    if isinstance(known, SubwordVocabulary):
        how = "tokenizers.Tokenizer.from_str(tokenizer).encode(text).ids, with encode_special_tokens = True"
        return {"how": how, **numbers, **known.to_json()}
    return {"how": "token i of 'tokens' has number i + 2; others are 'unknown'", **numbers, **known.to_json()}


def text(encoder: TextEncoder) -> dict[str, Any]:
    """How texts become tokens."""
    how = [BREAKS, *([LOWER] if encoder.lowercase else [])]
    pattern = None
    if encoder.unit == "word":
        how.append("all matches of 'pattern', in Python's regular expressions")
        pattern = WORD_PATTERN
    elif encoder.unit == "char":
        how.append("all matches of 'pattern', in Python's regular expressions; one that is white space is one space")
        pattern = CHARACTER_PATTERN
    else:
        how.append("pieces of words, by the tokenizer of the vocabulary")
    return {"unit": encoder.unit, "how": how, "pattern": pattern, "vocabulary": vocabulary(encoder.vocabulary)}


def codec(known: TokenCodec) -> dict[str, Any]:
    """How texts become the symbols of a language model or translator, and these text again."""
    how = [LOWER] if known.lowercase else []
    pattern = None
    match known.unit:
        case "byte":
            how.append("every byte b of the text in UTF-8 is number b + 2")
        case "char":
            how.append("every character is a token, white space and line ends too")
        case "subword":
            how.append("pieces of words, by the tokenizer of the vocabulary; '▁' in a piece is a space")
        case _:
            pattern = None if known.tokenised else WORD_PATTERN
            cut = "what white space separates" if known.tokenised else "all matches of 'pattern'"
            how.append(f"of every line {cut}; between two lines the token of a line end")
            if not known.tokenised:
                how.insert(0, BREAKS)
    table = None if known.vocabulary is None else vocabulary(known.vocabulary)
    return {"unit": known.unit, "how": how, "pattern": pattern, "vocabulary": table}


def series(scaler: SeriesScaler) -> dict[str, Any]:
    """How numeric series become a network's input."""
    return {"how": SERIES, "channels": scaler.channels, **scaler.to_json()}


def audio(encoder: AudioEncoder) -> dict[str, Any]:
    """How recordings become frames."""
    bank = encoder.bank
    shape = {"window": bank.window, "shift": bank.shift, "bins": bank.bins, "full_scale": 32768}
    return {"how": AUDIO, **shape, **encoder.to_json()}


def feature(column: Feature) -> dict[str, Any]:
    """How a column of sequences becomes a graph's input."""
    encoder = column.encoder
    if isinstance(encoder, SeriesScaler):
        said = series(encoder)
    elif isinstance(encoder, AudioEncoder):
        said = audio(encoder)
    elif isinstance(encoder, TextEncoder):
        said = text(encoder)
    elif isinstance(encoder, TokenCodec):
        said = codec(encoder)
    else:
        said = {"vocabulary": vocabulary(encoder)}
    return {"kind": column.kind.value, "max_length": column.max_length, **said}
