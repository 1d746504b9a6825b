"""Files: the header and the source of a model in C."""

import treadle
from treadle.compiler.c99.text import constant
from treadle.errors import counted
from treadle.export.c.helpers import helpers
from treadle.export.c.program import Field, Program, Strings
from treadle.export.c.text import comment, paragraph, strings, table

SHOWN = 12
"""Numbers of an answer that a comment names one by one."""


def header(program: Program) -> str:
    """`NAME.h`: what the model is, and how it is called."""
    name = program.name
    upper = name.upper()
    sizes = [*program.input.constants, ("OUTPUTS", len(program.outputs), "numbers of an answer")]
    lines = [
        *comment(_about(program, name)),
        "",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        *(f"#define {upper}_{constant_} {value} /* {meaning} */" for constant_, value, meaning in sizes),
        "",
        "/* All that a sequence is remembered by. Each has its own; it may be copied, kept, and gone on from. */",
        "typedef struct {",
        *_fields(program.fields),
        f"}} {name}_state;",
        "",
        "/* Makes a state ready, once, for its first sequence. */",
        f"void {name}_init({name}_state *state);",
        "",
        "/* Takes a step: reads an input, and writes what the model says of all that it has read since the last reset.",
        " * Where no answer is wanted after this step, output may be NULL, and what it costs is saved. */",
        f"void {name}_step({name}_state *state, {program.input.parameters}, float output[{upper}_OUTPUTS]);",
        "",
        "/* Writes the answer as it is, without a step. */",
        f"void {name}_answer(const {name}_state *state, float output[{upper}_OUTPUTS]);",
        "",
        "/* Begins a new sequence. */",
        f"void {name}_reset({name}_state *state);",
        *(line for one in program.strings for line in _declared(one, name)),
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        f"#endif /* {upper}_H */",
    ]
    return "\n".join(lines) + "\n"


def source(program: Program) -> str:
    """`NAME.c`: helpers, weights, layers, and the functions of the header."""
    name = program.name
    upper, state = name.upper(), f"{name}_state *state"
    advance, answer = _body(program.advance), _body(program.answer)
    lines = [
        *comment([f"{program.title}: see {name}.h for what it is, reads and says."]),
        "",
        f'#include "{name}.h"',
        "",
        "#include <math.h>",
        "#include <string.h>",
        *helpers(program.helpers | program.tables.helpers, int8=program.tables.int8),
        "",
        f"/* Weights: {program.tables.bytes:,} bytes. */",
        *program.tables.lines,
        *(line for function in program.functions for line in ("", *function)),
        "",
        "/* Reads an input, and moves the state on. */",
        f"static void advance({state}, {program.input.parameters})",
        "{",
        *advance,
        "}",
        "",
        f"void {name}_answer(const {state}, float output[{upper}_OUTPUTS])",
        "{",
        *answer,
        "}",
        "",
        f"void {name}_step({state}, {program.input.parameters}, float output[{upper}_OUTPUTS])",
        "{",
        f"    advance(state, {program.input.names});",
        "    if (output) {",
        f"        {name}_answer(state, output);",
        "    }",
        "}",
        "",
        f"void {name}_reset({state})",
        "{",
        *(f"    {line}" for line in ("memset(state, 0, sizeof *state);", *_initial(program))),
        "}",
        "",
        f"void {name}_init({state})",
        "{",
        f"    {name}_reset(state);",
        "}",
        *(line for one in program.strings for line in _defined(one, name)),
    ]
    return "\n".join(lines) + "\n"


def _about(program: Program, name: str) -> list[str]:
    tables = program.tables
    weights = f"weights {tables.bytes:,} bytes of constants"
    if tables.int8:
        weights += f" (in 8 bits; {tables.bytes_in_float:,} in float32)"
    if program.begin_bytes:
        weights += f", what a state begins with {program.begin_bytes:,}"
    memory = f"Memory: {weights}, state {program.state_bytes:,} bytes, local arrays {program.stack_bytes:,} bytes."
    return [
        *paragraph(f"{name}: {program.title}."),
        "",
        *(line for one in program.about for line in paragraph(one)),
        *paragraph(
            f"Written by Treadle {treadle.__version__} from a trained model. C99 and its library alone; nothing is "
            "allocated, and nothing is shared between states."
        ),
        "",
        f"    static {name}_state state;",
        f"    float output[{name.upper()}_OUTPUTS];",
        "",
        f"    {name}_init(&state);",
        f"    {name}_step(&state, {program.input.names}, output);",
        "",
        f"once a step, and {name}_reset(&state) before another sequence.",
        "",
        *paragraph(memory),
        "",
        "Input of a step:",
        *(line for one in program.input.meaning for line in paragraph(one, "    ")),
        "",
        f"Output after a step, {counted(len(program.outputs), 'number')}:",
        *(line for one in program.answers for line in paragraph(one, "    ")),
        *_listed(program.outputs),
    ]


def _listed(outputs: list[str]) -> list[str]:
    shown = [f"    [{number}] {meaning}" for number, meaning in enumerate(outputs[:SHOWN])]
    left = len(outputs) - SHOWN
    return [*shown, f"    and {left:,} more"] if left > 0 else shown


def _fields(fields: list[Field]) -> list[str]:
    width = max((len(f"{one.kind} {one.name}[{one.initial.size}];") for one in fields), default=0)
    ordered = sorted(fields, key=lambda one: one.kind != "double")  # so that no gaps are left between them
    return [f"    {f'{one.kind} {one.name}[{one.initial.size}];':<{width}} /* {one.meaning} */" for one in ordered]


def _initial(program: Program) -> list[str]:
    """The statements that fill fields which do not begin at zero."""
    lines = []
    for one in program.fields:
        values = one.initial
        if not values.any():
            continue
        if one.uniform:
            lines += [
                f"for (int i = 0; i < {values.size}; ++i) {{",
                f"    state->{one.name}[i] = {_initial_number(one)};",
                "}",
            ]
        else:
            lines += table(one.kind, f"{one.name}_begin", values)
            lines.append(f"memcpy(state->{one.name}, {one.name}_begin, sizeof state->{one.name});")
    return [*lines, *program.begin]


def _initial_number(one: Field) -> str:
    return str(int(one.initial[0])) if one.kind == "int32_t" else constant(float(one.initial[0]))


def _body(lines: list[str]) -> list[str]:
    while lines and not lines[0]:
        lines = lines[1:]
    return [f"    {line}".rstrip() for line in lines]


def _declared(one: Strings, name: str) -> list[str]:
    line = f"extern const char *const {name}_{one.name}[{len(one.values)}];"
    if not one.optional:
        return ["", f"/* {one.meaning} */", line]
    switch = f"{name.upper()}_WITH_{one.name.upper()}"
    return ["", f"/* {one.meaning} Compiled where {switch} is defined. */", f"#ifdef {switch}", line, "#endif"]


def _defined(one: Strings, name: str) -> list[str]:
    lines = strings(f"{name}_{one.name}", list(one.values), one.meaning)
    if not one.optional:
        return ["", *lines]
    return ["", f"#ifdef {name.upper()}_WITH_{one.name.upper()}", *lines, "#endif"]
