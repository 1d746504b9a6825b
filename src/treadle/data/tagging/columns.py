"""CoNLL columns: a token a line with its annotations, a blank line after every sentence."""

from collections.abc import Sequence
from pathlib import Path

from treadle.data.tagging.blocks import choose_column, column, read_blocks
from treadle.data.tagging.sentences import TaggedSentences
from treadle.data.tagging.universal import words_only
from treadle.errors import InputError

_TOKEN_NAMES = ("form", "token", "word", "text")


def read_columns(
    path: Path,
    *,
    encoding: str | None = None,
    tokens: str | int | None = None,
    tags: str | int | None = None,
    tagged: bool = True,
    chosen: Sequence[str] = (),
) -> TaggedSentences:
    """A file of columns; see `blocks.read_blocks` for what separates sentences and fields.

    Columns are named by a comment `# global.columns = ...` (CoNLL-U Plus), or by number.

    Args:
        path: The file, gzip allowed.
        encoding: Of the text, by default UTF-8 or what a byte order mark says.
        tokens: The column of the tokens, by default the one called form, token, word or text, else the first.
        tags: The column of the tags, by default the last; a file of one column has none.
        tagged: False reads tokens alone.
        chosen: The names of the columns of tokens and tags of a model's training data, which are taken before those.

    Raises:
        InputError: The file has no token; a row is uneven; a column does not exist; tokens and tags are the same one.

    Source:
        E. F. Tjong Kim Sang and F. De Meulder, "Introduction to the CoNLL-2003 shared task", CoNLL 2003, section 3;
        universaldependencies.org/ext-format.html.
    """
    blocks = read_blocks(path, encoding)
    names = blocks.names or []
    earlier = {role: name for role, name in zip(("tokens", "tags"), chosen, strict=False) if name in names}
    tokens, tags = tokens or earlier.get("tokens"), tags or earlier.get("tags")
    if tokens is None:
        tokens = next((name for name in _TOKEN_NAMES if name in names), 1)
    token_column = choose_column(tokens, blocks, path)
    tag_column = choose_column(blocks.width if tags is None else tags, blocks, path) if tagged else token_column
    if tagged and tag_column == token_column and tags is not None:
        raise InputError(f"{path}: column {tag_column + 1} was chosen for the tokens and for the tags")
    sentences = blocks.sentences
    if blocks.names and "id" in blocks.names:
        sentences = words_only(sentences, blocks.names.index("id"), path)
    has_tags = tag_column != token_column
    note = f"CoNLL columns separated by {blocks.separator}, tokens in column {token_column + 1}"
    if has_tags:
        note += f" and tags in column {tag_column + 1} of {blocks.width}"
    return TaggedSentences(
        tokens=column(sentences, token_column, path),
        tags=column(sentences, tag_column, path) if has_tags else None,
        source=str(path),
        lines=[sentence[0].line for sentence in sentences],
        note=note,
        token_lines=[[row.line for row in sentence] for sentence in sentences],
        chosen=tuple(names[place] for place in dict.fromkeys((token_column, tag_column)) if names),
    )
