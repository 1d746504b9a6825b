"""E6: RNN, GRU and LSTM compute what torch.nn's do, under every option and every way to call them."""

from typing import Any

import pytest
import torch
from cases import assert_same
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch_pairs import BATCH, INPUT, STEPS, TOLERANCE, engines, fields, initial, kinds, options, pair, result


@kinds
@engines
@options
@pytest.mark.parametrize("begins", [False, True], ids=["initial", "hx"])
def test_results_and_gradients(
    name: str, extra: dict[str, Any], engine: str, given: dict[str, Any], begins: bool
) -> None:
    reference, own = pair(name, engine, **given, **extra)
    shape = (BATCH, STEPS) if given["batch_first"] else (STEPS, BATCH)
    x = torch.randn(*shape, INPUT, dtype=torch.float64, requires_grad=True)
    hx = initial(reference) if begins else None
    names = list(reference.state_dict())
    assert_same(result(own, x, hx, names), result(reference, x, hx, names), TOLERANCE)


@kinds
@engines
@pytest.mark.parametrize(("dropout", "training"), [(0.5, False), (1.0, False), (0.0, True)])
def test_dropout_that_is_off(name: str, extra: dict[str, Any], engine: str, dropout: float, training: bool) -> None:
    reference, own = pair(name, engine, num_layers=3, dropout=dropout, **extra)
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64, requires_grad=True)
    names = list(reference.state_dict())
    found = result(own.train(training), x, None, names)
    assert_same(found, result(reference.train(training), x, None, names), TOLERANCE)


@kinds
@engines
def test_dropout_that_is_on_acts_between_layers_only(name: str, extra: dict[str, Any], engine: str) -> None:
    """With everything dropped between the layers, the upper layer reads zeros and the lower one is whole."""
    reference, own = pair(name, engine, num_layers=2, dropout=1.0, **extra)
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64)
    y, after = own(x)
    expected, end = reference(x)
    torch.testing.assert_close(y, expected, rtol=TOLERANCE, atol=TOLERANCE)
    torch.testing.assert_close(fields(after), fields(end), rtol=TOLERANCE, atol=TOLERANCE)


@kinds
@engines
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("begins", [False, True], ids=["initial", "hx"])
def test_an_unbatched_sequence(
    name: str, extra: dict[str, Any], engine: str, batch_first: bool, bidirectional: bool, begins: bool
) -> None:
    given = {"num_layers": 2, "batch_first": batch_first, "bidirectional": bidirectional}
    reference, own = pair(name, engine, **given, **extra)
    x = torch.randn(STEPS, INPUT, dtype=torch.float64, requires_grad=True)
    hx = initial(reference, batch=None) if begins else None
    names = list(reference.state_dict())
    assert_same(result(own, x, hx, names), result(reference, x, hx, names), TOLERANCE)


@kinds
@engines
@pytest.mark.parametrize("lengths", [[5, 3, 1], [2, 5, 3], [3, 3, 3]])
@pytest.mark.parametrize("given", [{}, {"num_layers": 2, "bidirectional": True, "batch_first": True}])
@pytest.mark.parametrize("begins", [False, True], ids=["initial", "hx"])
def test_a_packed_sequence(
    name: str, extra: dict[str, Any], engine: str, lengths: list[int], given: dict[str, Any], begins: bool
) -> None:
    reference, own = pair(name, engine, **given, **extra)
    hx = initial(reference) if begins else None
    names = list(reference.state_dict())
    for enforced in (True, False) if lengths == sorted(lengths, reverse=True) else (False,):
        x = torch.randn(BATCH, STEPS, INPUT, dtype=torch.float64, requires_grad=True)
        packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=enforced)
        found = result(own, x, hx, names, packed=packed)
        packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=enforced)
        assert_same(found, result(reference, x, hx, names, packed=packed), TOLERANCE)
        for one, other in zip(own(packed)[0][1:], reference(packed)[0][1:], strict=True):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)


@kinds
@engines
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_say_what_packing_says(name: str, extra: dict[str, Any], engine: str, bidirectional: bool) -> None:
    reference, own = pair(name, engine, num_layers=2, batch_first=True, bidirectional=bidirectional, **extra)
    x, lengths, hx = torch.randn(BATCH, STEPS, INPUT, dtype=torch.float64), torch.tensor([2, 5, 3]), initial(reference)
    y, after = own(x, hx, lengths=lengths)
    packed, end = reference(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False), hx)
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    torch.testing.assert_close(y, expected, rtol=TOLERANCE, atol=TOLERANCE)
    torch.testing.assert_close(fields(after), fields(end), rtol=TOLERANCE, atol=TOLERANCE)
