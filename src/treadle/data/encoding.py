"""From the bytes of a file to its text: compression, byte order marks, encodings and line ends.

The rule is short so that it can be relied on: a byte order mark decides, else a named encoding, else UTF-8. Nothing
else is guessed in silence; a file that is not UTF-8 is refused with what it looks like, for the user to name.
"""

import codecs
import gzip
import re
import zlib
from pathlib import Path

from treadle.data.guessing import likely_encodings
from treadle.errors import InputError

_MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose little-endian mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
_GZIP = b"\x1f\x8b"
_LINE_END = re.compile(r"\r\n?|\n")
HALF_PAIR = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: what escapes of JSON, and bytes that are no text, may leave; no file can hold it."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed where they are gzip (by content, whatever the name).

    Raises:
        InputError: The file cannot be read, or its compressed data is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror or error})") from None
    if data[:2] != _GZIP:
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: the gzip data is damaged or cut short ({error})") from None


def peek(path: Path, size: int) -> bytes:
    """The first bytes of a file, decompressed where they are gzip; fewer when the file is shorter or damaged there.

    Raises:
        InputError: The file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(max(size, 4096))
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror or error})") from None
    if start[:2] != _GZIP:
        return start[:size]
    try:
        return zlib.decompressobj(wbits=31).decompress(start, size)  # 31: with a gzip header
    except zlib.error:
        return b""


def first_line(path: Path) -> str:
    """The first line of a file as far as it is UTF-8, without white space around it; at most 65,536 bytes of it.

    Raises:
        InputError: As `peek`.
    """
    return _LINE_END.split(peek(path, 65_536).decode("utf-8-sig", errors="replace"), maxsplit=1)[0].strip()


def read_text(path: Path, encoding: str | None = None) -> str:
    r"""The text of a file (gzip looked through), with every line end as `\n` and without a byte order mark.

    Args:
        path: The file.
        encoding: A Python codec name such as `"gb18030"`; by default the byte order mark's, else UTF-8.

    Raises:
        InputError: The file cannot be read or decoded.
    """
    return decode(read_bytes(path), str(path), encoding)


def decode(data: bytes, source: str, encoding: str | None = None) -> str:
    r"""Text from bytes, with every line end as `\n` and without a byte order mark.

    Args:
        data: What was in the file.
        source: The file's name for error sentences.
        encoding: A Python codec name; by default the byte order mark's, else UTF-8.

    Raises:
        InputError: The encoding is unknown, the bytes are not in it (line, column and byte are named), or the text
            holds a NUL character and so is not text.
    """
    mark, name = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    if encoding is not None:
        name = known_encoding(encoding)
        if not codecs.lookup(name).name.startswith("utf"):
            mark = b""  # a user who names another family has the last word; the two bytes then are letters
        elif mark and codecs.lookup(name).name in ("utf-16", "utf-32"):
            mark = b""  # these codecs need the mark to know the byte order and drop it themselves
    data = data[len(mark) :]
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        raise InputError(_not_decodable(data, error, source, name, encoding)) from None
    except UnicodeError:
        raise InputError(f"{source}: the text is not in the encoding {name!r} that was named") from None
    if "\0" in text:
        place = _place(text[: text.index("\0")])
        raise InputError(
            f"{source}, {place}: found a NUL character, expected text; "
            "the file is binary, or in an encoding to be named, such as --encoding utf-16-le"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def known_encoding(encoding: str) -> str:
    """The encoding, checked to be a text encoding that Python knows.

    Raises:
        InputError: It is not.
    """
    try:
        b"a".decode(encoding)  # codecs that are not for text refuse this too
    except UnicodeError:
        return encoding  # a text encoding, in which one byte is not a letter
    except (LookupError, ValueError):
        raise InputError(
            f"encoding {encoding!r} is not known; expected a name such as 'utf-8', 'gb18030', 'latin-1' or 'shift_jis'"
        ) from None
    return encoding


def _place(before: str) -> str:
    """Line and column (from 1) of the character after `before`."""
    before = before.replace("\r\n", "\n").replace("\r", "\n")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _not_decodable(data: bytes, error: UnicodeDecodeError, source: str, name: str, named: str | None) -> str:
    try:
        before = data[: error.start].decode(name)
    except UnicodeError:  # a codec that is stricter with a part than with the whole
        before = data[: error.start].decode("latin-1")
    place = _place(before)
    found = f"{source}, {place}: byte 0x{data[error.start]:02x} is not {name.upper() if named is None else name}"
    if named is not None:
        return f"{found}; the file is not in the encoding that was named"
    if name != "utf-8":
        return f"{found}, of which the file begins with the byte order mark; the file is cut off or damaged"
    if b"\0" in data:
        return f"{found}; the file is binary, or in an encoding to be named, such as --encoding utf-16-le"
    likely = likely_encodings(data)
    if not likely:
        return f"{found}, and no other encoding was recognised; name it with --encoding NAME"
    if len(likely) == 1:
        return f"{found}; it looks like {likely[0]}: name it with --encoding {likely[0]}"
    several = f"{', '.join(likely[:-1])} or {likely[-1]}"
    return f"{found}; it may be {several}: name the right one with --encoding NAME"


def without_halves(text: str) -> str:
    """A text as long as before that can be written: U+FFFD for every half of a surrogate pair."""
    return text if text.isascii() else HALF_PAIR.sub("\ufffd", text)
