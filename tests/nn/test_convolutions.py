"""Convolutions over time: torch's own layers on a row alone, whatever stands in the padding and whoever is beside."""

import math
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.errors import InputError
from treadle.nn.convolutions import Convolutions

FILTERS = [(4, 8), (6, 5), (3, 3), (2, 1)]


def padded(lengths: list[int], steps: int = 11) -> tuple[Tensor, list[Tensor], Tensor]:
    """Rows of two features, in a batch with NaN past their ends, and alone."""
    rows = [torch.randn(length, 2, dtype=torch.float64) for length in lengths]
    x = torch.full((len(rows), steps, 2), math.nan, dtype=torch.float64)
    for row, values in zip(x, rows, strict=True):
        row[: len(values)] = values
    return x, rows, torch.tensor(lengths)


def of_torch(layers: Convolutions) -> nn.Sequential:
    """The same weights in torch's own modules, which know no lengths."""
    parts: list[nn.Module] = []
    sizes = [2, *(count for count, _ in FILTERS)]
    for size, (count, width), layer in zip(sizes[:-1], FILTERS, layers.layers, strict=True):
        part = nn.Sequential(
            OrderedDict(
                pad=nn.ConstantPad1d(((width - 1) // 2, width // 2), 0.0),
                convolution=nn.Conv1d(size, count, width, bias=False, dtype=torch.float64),
                norm=nn.BatchNorm1d(count, dtype=torch.float64),
                relu=nn.ReLU(),
            )
        )
        part.load_state_dict(layer.state_dict())
        parts.append(part)
    return nn.Sequential(*parts)


def trained(layers: Convolutions) -> Convolutions:
    """With running statistics and scales that are not those of the start."""
    for name, value in layers.state_dict().items():
        if "norm" in name and value.is_floating_point():
            value.uniform_(0.5, 2.0) if "var" in name else value.normal_()
    return layers


def test_a_row_is_read_as_torch_reads_it_alone_with_zeros_around() -> None:
    torch.manual_seed(0)
    layers = trained(Convolutions(2, FILTERS).double()).eval()
    x, rows, lengths = padded([9, 0, 1, 4, 11])
    y = layers(x, lengths)
    for found, row, length in zip(y, rows, lengths.tolist(), strict=True):
        assert not found[length:].any()
        if length:
            alone = of_torch(layers).eval()(row.T[None])[0].T
            torch.testing.assert_close(found[:length], alone, rtol=0, atol=1e-12)
            torch.testing.assert_close(layers(row[None])[0], alone, rtol=0, atol=1e-12)


def test_statistics_are_those_of_real_steps() -> None:
    torch.manual_seed(1)
    layers = Convolutions(2, [(3, 1)]).double()
    x, rows, lengths = padded([5, 2, 0, 11])
    y = layers(x, lengths)
    kept = layers.state_dict()
    z = torch.cat(rows) @ kept["layers.0.convolution.weight"][:, :, 0].T  # of one step: no zeros come in
    expected = F.relu((z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt())
    real = torch.arange(11) < lengths[:, None]
    torch.testing.assert_close(y[real], expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(kept["layers.0.norm.running_mean"], 0.1 * z.mean(0), rtol=0, atol=1e-12)
    torch.testing.assert_close(kept["layers.0.norm.running_var"], 0.9 + 0.1 * z.var(0), rtol=0, atol=1e-12)


def test_rows_of_full_length_train_as_those_whose_lengths_are_not_said() -> None:
    torch.manual_seed(2)
    layers = Convolutions(2, FILTERS).double()
    x = torch.randn(3, 7, 2, dtype=torch.float64)
    expected = of_torch(layers).train()(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(layers(x, torch.tensor([7, 7, 7])), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(layers(x), expected, rtol=0, atol=1e-12)


def test_gradients_in_training_are_exact_and_padding_has_none() -> None:
    torch.manual_seed(3)
    layers = Convolutions(2, [(3, 4), (2, 3)]).double()
    x, _, lengths = padded([4, 2, 0], steps=5)
    x = x.nan_to_num(7.0).requires_grad_()
    layers(x, lengths).square().sum().backward()
    assert x.grad is not None
    assert not x.grad[0, 4:].any()
    assert not x.grad[1, 2:].any()
    assert x.grad[0, :4].all()
    torch.autograd.gradcheck(lambda given: layers(given, lengths), x.detach().requires_grad_())


@pytest.mark.parametrize(("shape", "lengths"), [((0, 3, 2), []), ((2, 0, 2), [0, 0]), ((2, 3, 2), [0, 1])])
def test_hardly_any_step_is_no_fault_in_training(shape: tuple[int, int, int], lengths: list[int]) -> None:
    layers = Convolutions(2, FILTERS)
    y = layers(torch.randn(shape), torch.tensor(lengths, dtype=torch.int64))
    assert tuple(y.shape) == (*shape[:2], 2)
    assert bool(y.isfinite().all())


def test_layers_that_are_none_are_refused() -> None:
    for filters in ([], [(0, 3)], [(4, 0)]):
        with pytest.raises(InputError, match="convolutions are layers of filters and the steps they see"):
            Convolutions(2, filters)
    with pytest.raises(InputError, match=r"x is \[batch, time, 2\], found \[1, 3, 4\]"):
        Convolutions(2, FILTERS)(torch.zeros(1, 3, 4))
