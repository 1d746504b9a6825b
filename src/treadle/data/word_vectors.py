"""Word vectors that others have trained: files of word2vec, text or binary, and of GloVe or fastText."""

import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from treadle.data.encoding import known_encoding, peek
from treadle.data.paths import existing, refuse_foreign
from treadle.data.word_vector_files import Entry, Format, excerpt, read_entries
from treadle.errors import InputError, counted, nearest

_FASTTEXT: Final = b"\xba\x16\x4f\x2f"


@dataclass(frozen=True)
class WordVectors:
    """Words with a vector each.

    Attributes:
        words: In the order of the file, none twice.
        vectors: `[words, size]`, float32.
        note: How the file was understood, in one phrase.

    Example:
        >>> vectors = WordVectors(["rome", "paris"], np.eye(2, dtype=np.float32), "")
        >>> matrix, known = vectors.rows(["Rome", "Oslo"])
        >>> matrix.tolist(), known.tolist()
        ([[1.0, 0.0], [0.0, 0.0]], [True, False])
    """

    words: list[str]
    vectors: npt.NDArray[np.float32]
    note: str
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Rows by word and, behind them, by lower case where no word is spelt so; the first word has it."""
        index = {word: row for row, word in enumerate(self.words)}
        for row, word in enumerate(self.words):
            index.setdefault(word.lower(), row)
        object.__setattr__(self, "_index", index)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    def rows(self, words: Sequence[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """The vectors of words: of the word as it is, else of its lower case, else of the first that has it so.

        So a vocabulary in lower case finds the names in a file that has them with a capital only.

        Returns:
            `[len(words), size]`, zero for unknown words, and `[len(words)]`, whether each is known.
        """
        found = np.array([self._index.get(word, self._index.get(word.lower(), -1)) for word in words], dtype=np.int64)
        known = found >= 0
        matrix = np.zeros((len(words), self.size), dtype=np.float32)
        matrix[known] = self.vectors[found[known]]
        return matrix, known


def read_word_vectors(
    path: str | os.PathLike[str],
    *,
    wanted: Iterable[str] | None = None,
    format: Format | None = None,  # noqa: A002 - the name that every data library gives it
    encoding: str = "utf-8",
) -> WordVectors:
    r"""Read a file of word vectors, holding no more of it in memory than the words that are wanted.

    Text has a word and its numbers a line, between spaces. word2vec writes a first line with the number of words and
    the size; so does fastText (`.vec`), and GloVe does not. word2vec's binary form has, after that line, for each word
    its bytes, a space and `size` little-endian 32-bit floats.

    Args:
        path: The file, gzip looked through.
        wanted: Only these words, in any case, are kept; None keeps all. Words that the file does not have are missing
            in the result.
        format: By default the first line and what follows it say it.
        encoding: Of the words. A word that is not valid in it (word2vec cuts long ones) is left out, and the note
            counts them.

    Raises:
        InputError: The file cannot be read, is empty or damaged; a word has another number of numbers than the size,
            or a number that is none or not finite; there are fewer or more words than the first line says. The line,
            or for binary files the byte, is named.

    Source:
        T. Mikolov et al., "Efficient estimation of word representations in vector space", 2013 (its program's files);
        J. Pennington et al., "GloVe", EMNLP 2014, nlp.stanford.edu/projects/glove.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "glove.txt"
        ...     _ = path.write_text("the 0.1 0.2\nrome 1.5 -2\n")
        ...     vectors = read_word_vectors(path, wanted=["Rome", "Oslo"])
        >>> vectors.words, vectors.vectors.tolist()
        (['rome'], [[1.5, -2.0]])
    """
    if format is not None and format not in get_args(Format):
        raise InputError(f"the format {format!r} is not known{nearest(format, get_args(Format))}")
    known_encoding(encoding)
    source = existing(path)
    if source.is_dir():
        raise InputError(f"{source}: found a folder, expected a file of word vectors")
    refuse_foreign(source, "word vectors of word2vec or GloVe")
    if peek(source, 4) == _FASTTEXT:
        raise InputError(f"{source}: found a fastText model, expected its vectors as text (the .vec file)")
    try:
        return _read(source, None if wanted is None else _keys(wanted, encoding), format, encoding)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source}: the file is damaged or cannot be read ({error})") from None


def _read(path: Path, wanted: set[bytes] | None, format_: Format | None, encoding: str) -> WordVectors:
    form, size, entries = read_entries(path, format_)
    rows: dict[str, None] = {}
    numbers = bytearray()
    total = unreadable = 0
    for entry in entries:
        total += 1
        if wanted is not None and entry.word not in wanted and _lower(entry.word, encoding) not in wanted:
            continue
        try:
            word = entry.word.decode(encoding)
        except UnicodeError:
            word = ""
        if not word:
            unreadable += 1
        elif word not in rows:
            numbers += _vector(entry).tobytes()
            rows[word] = None
    if total == 0:
        raise InputError(f"{path}: found no word vectors")
    note = f"{form}, {counted(total, 'word')} of {size} numbers"
    if wanted is not None:
        note += f", {len(rows):,} of them wanted"
    if unreadable:
        note += f", {counted(unreadable, 'word')} that {'is' if unreadable == 1 else 'are'} not {encoding} left out"
    return WordVectors(list(rows), np.frombuffer(numbers, dtype=np.float32).reshape(len(rows), size), note)


def _vector(entry: Entry) -> npt.NDArray[np.float32]:
    if isinstance(entry.numbers, bytes):
        vector = np.frombuffer(entry.numbers, dtype="<f4").astype(np.float32)
    else:
        try:
            with np.errstate(over="ignore"):
                vector = np.array([float(number) for number in entry.numbers], dtype=np.float64).astype(np.float32)
        except ValueError:
            wrong = next(number for number in entry.numbers if not _is_number(number))
            raise InputError(f"{entry.place}: found {excerpt(wrong)}, expected a number") from None
    if not np.isfinite(vector).all():
        raise InputError(f"{entry.place}: found a number that is not finite in 32 bits")
    return vector


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _lower(word: bytes, encoding: str) -> bytes:
    """The lower case of a word of the file, as the file would have it; empty where it is none or cannot be read."""
    if word.isascii():
        return word.lower()
    try:
        return word.decode(encoding).lower().encode(encoding)
    except UnicodeError:
        return b""


def _keys(wanted: Iterable[str], encoding: str) -> set[bytes]:
    """The words and their lower case, as the file has them."""
    keys = set()
    for word in wanted:
        for form in (word, word.lower()):
            try:
                keys.add(form.encode(encoding))
            except UnicodeError:
                continue  # no file in this encoding has the word
    return keys - {b""}
