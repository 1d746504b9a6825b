"""Which encodings a file that is not UTF-8 may be in, for the user to name one of them.

A detector is right about long texts. Of Chinese, Japanese, Korean and Russian sentences it takes nearly all with fewer
than 16 bytes outside ASCII for something else, and some of up to 256; there, every usual encoding that gives letters of
its script is named.
"""

import re

FEW = 256
"""Bytes outside ASCII below which a detector is not relied on."""

_SIGNS = "\u3000-\u303f\uff00-\uffef"
_SCRIPTS = {
    "gb18030": f"[\u4e00-\u9fff{_SIGNS}]",
    "big5": f"[\u4e00-\u9fff{_SIGNS}]",
    "euc-kr": f"[\uac00-\ud7a3{_SIGNS}]",
    "euc-jp": f"[\u3040-\u30ff\u4e00-\u9fff{_SIGNS}]",
    "cp932": f"[\u3040-\u30ff\u4e00-\u9fff{_SIGNS}]",
    "cp1251": "[а-яА-ЯёЁ]",
    "koi8-r": "[а-яА-ЯёЁ]",
    "cp1253": "[\u0386-\u03ce]",
    "cp1255": "[\u05b0-\u05ea]",
    "cp1256": "[\u0600-\u06ff\u200c-\u200f]",
    "cp874": "[\u0e01-\u0e5b]",
}
"""The usual encodings but Western ones, and what letters of their scripts look like."""
_MOST = 0.9
"""The share of such letters that is asked for."""

_WESTERN = set(
    "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝÞ«»°£§·´¡¿\x80\x84\x92\x93\x94\x96\x97\x85\xa0"
)
# Latin alphabets in one byte a letter cannot be told apart by rule, so Western letters are looked for first.
_LATIN = re.compile("latin|cp125[02478]|cp437|cp775|cp85[028]|cp1006|hp_roman|iso8859|mac_(latin|roman)")
# What a detector calls by many near-identical names, most usual first: one of these is named where it fits.
_PREFERRED = ["gb18030", "big5", "cp932", "shift_jis", "euc_jp", "euc_kr", "cp949", "cp1251", "koi8_r", "latin_1"]
_IN_A_WORD = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
_WIDE = ["utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]
_SAMPLE_LINES = 200


def likely_encodings(data: bytes) -> list[str]:
    """The encodings that a file may be in, the likeliest first; each decodes the whole of it.

    Args:
        data: Not UTF-8, so some of it is outside ASCII; nor, since it holds no NUL, UTF-16 or UTF-32.

    Example:
        >>> likely_encodings("Zürich".encode("latin-1"))
        ['latin-1']
    """
    lines = [line for line in data.split(b"\n") if not line.isascii()]  # the others say nothing and only dilute
    whole, sample = b"\n".join(lines), b"\n".join(lines[:_SAMPLE_LINES])
    western = _western(sample)
    if western == 1 and _IN_A_WORD.search(sample) and not re.search(rb"[\x80-\xff]{3}", sample):
        return [_latin(whole)]
    found = [name for name in _detected(sample, western >= _MOST) if _decoded(whole, name) is not None]
    if len(sample.translate(None, bytes(range(0x80)))) >= FEW:
        return found[:1]
    usual = [name for name, script in _SCRIPTS.items() if _is_written(_decoded(whole, name), script)]
    return sorted(usual, key=lambda name: name not in found[:1]) or found[:1]


def _detected(sample: bytes, western: bool) -> list[str]:
    """What a detector takes the bytes for, the best first."""
    from charset_normalizer import from_bytes

    found = []
    for match in from_bytes(sample, cp_exclusion=_WIDE):
        names = [match.encoding, *match.could_be_from_charset]
        if western and _LATIN.match(match.encoding):
            found.append(_latin(sample))
        else:
            found.append(next((name for name in _PREFERRED if name in names), names[0]).replace("_", "-"))
    return found


def _is_written(text: str | None, script: str) -> bool:
    """Whether nearly all that is not ASCII are letters of a script."""
    letters = [] if text is None else [letter for letter in text if letter > "\x7f"]
    return bool(letters) and len(re.findall(script, "".join(letters))) >= _MOST * len(letters)


def _latin(sample: bytes) -> str:
    """Latin-1, or what has letters and signs where that has none."""
    return "cp1252" if re.search(rb"[\x80-\x9f]", sample) else "latin-1"


def _western(sample: bytes) -> float:
    """The share of Western letters among the bytes outside ASCII."""
    letters = sample.translate(None, bytes(range(0x80))).decode("latin-1")
    return sum(letter in _WESTERN for letter in letters) / len(letters)


def _decoded(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except UnicodeError:
        return None
