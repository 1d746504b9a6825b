"""One cell over one sequence, in one direction."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from treadle.cells import Cell, State
from treadle.cells.checks import check_state
from treadle.errors import InputError
from treadle.nn.engines import ENGINES, Explanation, check_type, choose_engine
from treadle.nn.sequences import check_sequence


class Recurrent(nn.Module):
    r"""A cell unrolled over time.

    $$(y_t, s_t) = \mathrm{step}(x_t, s_{t-1}), \qquad t = 1 \dots T$$

    The result of a row depends on that row alone: not on who shares the batch, not on what the padding holds, not on
    the chunks that a sequence comes in (carry the state from one to the next), not on the engine.

    Args:
        cell: The step.
        reverse: Whether time runs from the last real step to the first. The state that is returned is then that of the
            first step.
        engine: "auto", "cpu" (the step compiled for a CPU), "torch" (torch.nn's kernels), "eager" (a loop over
            `cell.step`) or "int8" (as "cpu", with weights in 8 bits; it gives no gradients).
        checkpoint: For very long sequences: keep the state only every so many steps, and let the gradient compute the
            steps between again. Memory then grows with `time / checkpoint` states and `checkpoint` steps, and training
            takes about a third longer. Engine "cpu" only; by default everything is kept.

    Raises:
        InputError: The engine does not exist or cannot run the cell.

    Example:
        >>> import torch
        >>> from treadle.cells import GRUCell
        >>> layer = Recurrent(GRUCell(3, 4))
        >>> y, state = layer(torch.randn(2, 5, 3), lengths=torch.tensor([5, 2]))
        >>> bool((y[1, 2:] == 0).all()), torch.equal(y[1, 1], state.hidden[1])
        (True, True)
    """

    def __init__(
        self, cell: Cell, *, reverse: bool = False, engine: str = "auto", checkpoint: int | None = None
    ) -> None:
        super().__init__()
        self.cell = cell
        self.reverse = reverse
        self.engine = engine
        if checkpoint is not None and checkpoint < 1:
            raise InputError(f"checkpoint is a number of steps, at least 1, found {checkpoint}")
        self.checkpoint = checkpoint
        self.explanation = choose_engine(cell, engine)
        self._seen: tuple[Any, ...] = ()

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, Any]:
        """Run whole sequences.

        Args:
            x: `[batch, time, input_size]`, of the type of number of the parameters.
            state: The state before the first step, of the type of `x`; by default the cell's initial state.
            lengths: `[batch]` integers, a tensor on any device or a list, in any order, zero allowed; by default all
                steps are real.
            reset: `[batch, time]` bool: the state returns to its initial value before that step, as if the sequence
                were split there (in the reverse direction too).

        Returns:
            The outputs `[batch, time, output_size]`, zero past a length, and the state after the last real step (the
            given one for a row without steps).

        Raises:
            InputError: A shape, a type or a length does not fit.
        """
        cell: Cell = self._modules["cell"]  # type: ignore[assignment]  # `self.cell` takes longer
        lengths = check_sequence(x, cell.input_size, lengths, reset)
        if not torch.compiler.is_compiling() and (seen := (x.device, x.dtype, self.engine)) != self._seen:
            check_type(cell, x)
            self.explanation, self._seen = choose_engine(cell, self.engine, x), seen
        engine = ENGINES[self.explanation.engine]
        if state is None:
            state = engine.begin(cell, x)
        state = check_state(state, cell, x, own=not engine.one_type)
        return engine.unroll(cell, x, state, lengths, reset, backwards=self.reverse, checkpoint=self.checkpoint)

    def step(self, x: Tensor, state: State | None = None) -> tuple[Tensor, Any]:
        """The same weights, one step: `x [batch, input_size]` to `y [batch, output_size]` and the next state.

        Raises:
            InputError: The layer runs in reverse; the future cannot be read step by step.
        """
        if self.reverse:
            raise InputError("a reverse layer has no single step: it begins at the last one; use a causal layer")
        return self.cell(x, state)  # type: ignore[no-any-return]  # nn.Module.__call__ carries no types

    def explain(self) -> Explanation:
        """Which engine runs this layer, and why not the others; it depends on device and type of the last input."""
        return self.explanation

    def extra_repr(self) -> str:
        """Direction and engine, as `repr` shows them."""
        return f"reverse={self.reverse}, engine={self.engine!r}"
