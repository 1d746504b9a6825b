"""Which part of a step runs when, and what is kept: worked out by hand for the cells that everybody knows."""

from collections import Counter

import pytest

from treadle.cells import make_cell
from treadle.compiler.partition import Partition
from treadle.compiler.program import Node, order
from treadle.compiler.recurrence import Recurrence
from treadle.compiler.schedule import GroupStage, ProductStage, schedule

INPUTS, UNITS = 3, 5


def parts(name: str) -> Partition:
    return Recurrence(make_cell(name, INPUTS, UNITS)).partition


def kept(name: str) -> list[Node]:
    """What the forward pass stores beside its output."""
    return [node for array, nodes in parts(name).forward.stored.items() if array != "y" for node in nodes]


def products(partition: Partition, which: str) -> tuple[Counter[str], Counter[str]]:
    """The columns of the products of a pass by what is multiplied: the hoisted ones, and those of every step."""
    hoisted: Counter[str] = Counter()
    looped: Counter[str] = Counter()
    for stage in schedule(getattr(partition, which)).stages:
        if isinstance(stage, ProductStage):
            for term in stage.hoisted:
                hoisted[term.place.buffer] += stage.outputs
            for term in stage.terms:
                looped[term.place.buffer] += stage.outputs
    return hoisted, looped


def test_an_lstm_keeps_its_four_gates_and_the_squashed_cell_and_nothing_else() -> None:
    found = kept("lstm")
    assert [node.width for node in found] == [UNITS] * 5
    assert sorted(node.arguments[0] for node in found) == ["sigmoid", "sigmoid", "sigmoid", "tanh", "tanh"]
    assert sum(node.width for node in found) == 5 * UNITS


def test_an_elman_network_keeps_nothing_but_its_output() -> None:
    assert kept("elman") == []


def test_a_gru_keeps_its_gates_and_the_product_that_the_reset_gate_multiplies() -> None:
    found = kept("gru")
    assert sorted(node.arguments[0] if node.kind == "pointwise" else node.kind for node in found) == [
        "product",
        "sigmoid",
        "sigmoid",
        "tanh",
    ]
    assert all(node.width == UNITS for node in found)


def test_a_gru_hoists_the_products_of_its_input_and_loops_over_those_of_its_state() -> None:
    for which in ("forward", "inference"):
        hoisted, looped = products(parts("gru"), which)
        assert hoisted == {"x": 3 * UNITS}
        assert looped == {"s0": 3 * UNITS}


def test_a_gru_backward_has_one_product_of_the_width_of_its_state_in_the_loop() -> None:
    hoisted, looped = products(parts("gru"), "backward")
    assert not hoisted
    assert set(looped.values()) == {UNITS}
    ((name, gradient),) = parts("gru").backward.carried
    assert name.arguments[0] == "g0"
    inputs = sum(
        matrix.inputs[1] for node in order([gradient]) if node.kind == "product" for _, matrix in node.arguments[0]
    )
    assert inputs == 3 * UNITS  # the gradients of three gates, against weight_hh


def test_a_gru_sinks_the_gradients_of_its_parameters_and_of_its_input() -> None:
    partition = parts("gru")
    uses = Counter((operand.array, m.inputs[1], m.outputs[1]) for m, operand, _ in partition.matrices)
    assert uses == {("x", INPUTS, UNITS): 3, ("s0", UNITS, UNITS): 3}
    vectors = Counter((vector.parameter, vector.start) for vector, _ in partition.vectors)
    assert len(vectors) == 6  # three gates, two biases
    assert set(vectors.values()) == {1}
    assert not partition.x_in_loop
    assert sum(columns.width for columns, _ in partition.x) == 3 * UNITS
    stored = sum(node.width for name, nodes in partition.backward.stored.items() for node in nodes)
    assert stored == 4 * UNITS  # three gates, and the new one once more before the reset gate


def passes(name: str, which: str) -> int:
    """How often a step goes over the units of all rows."""
    stages = schedule(getattr(parts(name), which)).stages
    return sum(isinstance(stage, GroupStage) and stage.width == UNITS for stage in stages)


def test_a_step_goes_over_its_units_no_more_often_than_sums_over_them_ask_for() -> None:
    assert passes("lstm", "forward") == 1
    assert passes("lstm", "backward") == 2  # the gates, and what the product gives to the state
    # Both products' sums, their squares, the gates and the cell's sum, its squares, the output.
    assert passes("layer-norm-lstm", "forward") == 5
    # The cell's norm, the gates and the products' norms, what these come to, and what the product gives to the state.
    assert passes("layer-norm-lstm", "backward") == 4


@pytest.mark.parametrize("name", ["min-gru", "independent"])
def test_a_recurrence_without_a_matrix_has_no_product_in_its_loop(name: str) -> None:
    for which in ("forward", "inference", "backward"):
        assert not products(parts(name), which)[1]


def test_one_schedule_serves_all_widths() -> None:
    """The kernel of a layer of 5 units is that of one with 64: sizes are told when it runs."""
    narrow, wide = (
        schedule(Recurrence(make_cell("lstm", *sizes)).partition.forward) for sizes in ((INPUTS, UNITS), (40, 64))
    )
    assert [type(stage) for stage in narrow.stages] == [type(stage) for stage in wide.stages]
    assert list(narrow.buffers) == list(wide.buffers)
