"""The network of a recogniser: a front end, recurrent layers, and the probability of every unit at every step."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from treadle.nn import LockedDropout, Stack
from treadle.tasks.transcribe.front_end import FrontEnd
from treadle.tasks.transcribe.settings import SpeechSettings


@dataclass(frozen=True)
class SpeechBatch:
    """Some recordings, padded; past an end anything may stand.

    Attributes:
        frames: `[batch, time, bins]`.
        lengths: `[batch]` frames of each, zero allowed.
        targets: `[batch, longest]` units of the transcripts.
        target_lengths: `[batch]` units of each.
    """

    frames: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor

    def to(self, device: torch.device | str) -> "SpeechBatch":
        """The same on another device."""
        return SpeechBatch(**{name: tensor.to(device) for name, tensor in vars(self).items()})


class SpeechNetwork(nn.Module):
    r"""Frames to units.

    $$z = \mathrm{front}(x), \qquad y = \mathrm{stack}(z), \qquad p_j = \mathrm{softmax}(W y_j + b)$$

    with the probability of each unit and of the blank at every step, whose sequences `treadle.nn.ctc` sums up.

    Args:
        settings: The shape.
        bins: Numbers a frame.
        units: Numbers of units, the blank included.

    Raises:
        InputError: A size does not fit, or an option of a layer lies outside its range.

    Source: A. Graves & N. Jaitly, "Towards end-to-end speech recognition with recurrent neural networks", ICML 2014;
    the front end, D. Amodei et al., "Deep Speech 2", ICML 2016, section 3.3.
    """

    def __init__(self, settings: SpeechSettings, *, bins: int, units: int) -> None:
        super().__init__()
        # A cell written by the user need not know initialisation by name; it is only told where one was chosen.
        chosen: dict[str, Any] = {} if settings.init == "recommended" else {"init": settings.init}
        self.front_end = FrontEnd(bins, settings)
        self.stack = Stack(
            settings.cell,
            self.front_end.output_size,
            settings.hidden_size,
            settings.layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            **chosen,
        )
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, units)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `[batch, steps, units]`, past a length anything, and the steps of each row `[batch]`."""
        z, steps = self.front_end(frames, lengths)
        y, _ = self.stack(z, lengths=steps)
        return self.head(self.dropout(y)), steps

    def layers(self) -> list[list[nn.Module]]:
        """The modules in groups, from the head down; `treadle.training.layers` says what for."""
        return [[self.head, self.stack.highway], *([layer] for layer in reversed(self.stack.layers)), [self.front_end]]
