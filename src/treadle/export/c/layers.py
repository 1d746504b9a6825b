"""Layers: a stack of recurrent layers as functions of C, one a layer, and the calls of a step."""

from torch import Tensor, nn

from treadle.cells import Cell
from treadle.compiler.c99 import step_in_c
from treadle.errors import InputError
from treadle.export.c.program import Program
from treadle.export.c.text import plain
from treadle.nn import Stack
from treadle.streaming.layers import settled


def add_stack(program: Program, stack: Stack, x: str, into: list[str], function: str, prefix: str = "layer") -> str:
    """Enter the layers of a causal stack, and the calls that take a step of them.

    Args:
        program: Of the model.
        stack: The layers.
        x: The array that the first layer reads.
        into: The statements that the calls are added to.
        function: Whose statements these are: "advance" or another.
        prefix: Of the names of layers.

    Returns:
        The array that the last layer has written.

    Raises:
        InputError: The layers also read from the end, or a step cannot be compiled.
    """
    if stack.bidirectional:
        raise InputError("a bidirectional stack has no single step: it must see the end first; use a causal one")
    stack = settled(stack)
    highway = dict(stack.highway.items())
    into.append("")
    for number, layer in enumerate(stack.layers):
        cell, name = layer[0].cell, f"{prefix}{number + 1}"
        y = program.local(into, function, f"{name}_y", cell.output_size)
        fields = [
            program.remember(f"{name}_{own}", initial.numpy(), f"{own} of {name}")
            for own, initial in add_layer(program, cell, name)
        ]
        into.append(f"{name}({', '.join([*fields, x, y])});")
        gate = highway.get(str(number))
        if gate is not None:
            into += _highway(program, gate, x, y, name, function, into)
        elif stack.residual and cell.input_size == cell.output_size:
            into += [f"for (int i = 0; i < {cell.output_size}; ++i) {{", f"    {y}[i] += {x}[i];", "}"]
        x = y
    return x


def add_layer(program: Program, cell: Cell, name: str) -> list[tuple[str, Tensor]]:
    """Enter the function of a layer, `NAME(fields of the state..., x, y)`.

    Returns:
        Name and first numbers of every field of its state.

    Raises:
        InputError: The step cannot be compiled.
    """
    code = step_in_c(cell, program.tables, name)
    fields = [f"float {own}[{len(initial)}]" for own, initial in code.fields]
    arguments = [*fields, f"const float x[{cell.input_size}]", f"float y[{cell.output_size}]"]
    body = code.lines if code.lines[0] else code.lines[1:]
    program.functions.append(
        [
            f"/* {plain(title_of(cell))} */",
            f"static void {name}({', '.join(arguments)})",
            "{",
            *(f"    {line}".rstrip() for line in body),
            "}",
        ]
    )
    program.helpers |= code.helpers
    program.stack[name] = 4 * code.stack
    return code.fields


def title_of(cell: Cell) -> str:
    """What a cell is, in its own words, and its sizes."""
    own = cell
    while isinstance(getattr(own, "cell", None), Cell):
        own = getattr(own, "cell")  # noqa: B009 (a wrapper's attribute, which Cell does not have)
    words = ((type(own).__doc__ or "").strip().splitlines() or [type(own).__name__])[0].rstrip(".")
    kind = words if "\\" not in words and len(words) < 90 else type(own).__name__
    return f"{kind}; {cell.input_size} inputs, {cell.hidden_size} units."


def _highway(program: Program, gate: nn.Module, x: str, y: str, name: str, function: str, into: list[str]) -> list[str]:
    """The gate that mixes a layer's input into its output."""
    assert isinstance(gate, nn.Linear)
    opened = program.local(into, function, f"{name}_gate", gate.out_features)
    program.helpers.add("sigmoid")
    return [
        *program.tables.product(opened, f"{name}_gate", [(x, gate.weight.float().T)], gate.bias.float()),
        f"for (int i = 0; i < {gate.out_features}; ++i) {{",
        f"    const float u = sigmoid({opened}[i]);",
        f"    {y}[i] = u * {y}[i] + (1.0f - u) * {x}[i];",
        "}",
    ]
