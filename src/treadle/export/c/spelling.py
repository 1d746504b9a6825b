"""Spelling in C: a word's letters, read in both directions by layers of their own."""

from treadle.cells import Cell
from treadle.errors import InputError
from treadle.export.c.layers import add_layer
from treadle.export.c.program import Program
from treadle.export.c.tables import Rows
from treadle.export.c.text import table
from treadle.nn.characters import CharacterEncoder
from treadle.streaming.layers import settled


def add_characters(made: Program, encoder: CharacterEncoder) -> None:
    """Enter the function `spell(letters, count, out)`: the vector of a word; zeros for one without letters.

    Raises:
        InputError: The cell cannot be compiled, or the letters are pooled in a way that is not known here.
    """
    encoder = settled(encoder)
    if encoder.pooling.kind not in ("last", "max"):
        raise InputError(f"letters are pooled by {encoder.pooling.kind!r}, expected 'last' or 'max'")
    forward, backward = (direction.cell for direction in encoder.stack.layers[0])
    size, half = encoder.embedding.embedding_dim, encoder.output_size // 2
    rows = made.tables.rows("letters_vectors", encoder.embedding.weight.float())
    calls = [
        *_direction(made, encoder, rows, forward, "forward", "out"),
        *_direction(made, encoder, rows, backward, "backward", f"out + {half}"),
    ]
    made.stack["spell"] = 4 * (size + half)
    made.functions.append(
        [
            "/* The letters of a word, from its beginning and from its end, as one vector. */",
            "static void spell(const int32_t *letters, int32_t count, float *out)",
            "{",
            f"    float x[{size}];",
            *([f"    float y[{half}];"] if encoder.pooling.kind == "max" else []),
            "",
            f"    memset(out, 0, {2 * half} * sizeof(float));",
            *(f"    {line}".rstrip() for line in calls),
            "}",
        ]
    )


def _direction(made: Program, encoder: CharacterEncoder, rows: Rows, cell: Cell, name: str, out: str) -> list[str]:
    """The statements that read the letters in one direction."""
    half = encoder.output_size // 2
    fields = add_layer(made, cell, name)
    begin = []
    for own, initial in fields:
        begin += table("float", f"{name}_{own}", initial.numpy(), stored="")
        made.stack["spell_states"] = made.stack.get("spell_states", 0) + 4 * len(initial)
    each = [f"int32_t letter = letters[{'k' if name == 'forward' else 'count - 1 - k'}];", *rows.read("x", "letter")]
    arguments = ", ".join(f"{name}_{own}" for own, _ in fields)
    if encoder.pooling.kind == "last":
        each.append(f"{name}({arguments}, x, {out});")
    else:
        each += [
            f"{name}({arguments}, x, y);",
            f"for (int i = 0; i < {half}; ++i) {{",
            f"    ({out})[i] = k == 0 || y[i] > ({out})[i] ? y[i] : ({out})[i];",
            "}",
        ]
    return [*begin, "for (int32_t k = 0; k < count; ++k) {", *(f"    {line}" for line in each), "}"]
