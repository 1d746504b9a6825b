"""One stream: a model that reads a step at a time, for ever, in constant memory."""

from collections.abc import Mapping
from typing import Any, NoReturn

from numpy.typing import NDArray

from treadle.data.text_pieces import Joined
from treadle.errors import InputError
from treadle.streaming.model import HELD, Source, open_model
from treadle.streaming.snapshot import check_state, pack, unpack


class Stream:
    r"""A causal model on a stream: step in, answer out, with the state carried along.

    $$(y_t, s_t) = \mathrm{step}(x_t, s_{t-1})$$

    The answer after any number of steps is that of the whole sequence so far, up to rounding, while time and memory of
    a step do not grow. The weights are those of the moment when the stream is made. A stream belongs to one thread at a
    time; threads that step the same one give it their own lock.

    Args:
        source: A causal estimator that is fitted, its `stream_model()`, or layers: `treadle.nn.Stack` or
            `treadle.nn.Recurrent`.

    Attributes:
        steps: How many steps were taken since the beginning or the last reset; of texts, tokens of the text so far.

    Raises:
        InputError: The model also reads from the end; the sentence names what to train instead.

    Example:
        >>> import numpy as np, torch
        >>> from treadle.nn import Stack
        >>> layers = Stack("gru", 3, 8, num_layers=2)
        >>> x = torch.randn(1, 5, 3)
        >>> stream = Stream(layers)
        >>> for t in range(5):
        ...     y = stream.step(x[0, t])
        >>> bool(np.allclose(y, layers(x)[0][0, -1].detach(), atol=1e-5))
        True
    """

    def __init__(self, source: Source) -> None:
        self._model = open_model(source)
        self.steps = 0

    def step(self, x: Any) -> Any:
        """Read a step.

        Args:
            x: Of layers and of models of series, the numbers of the step; of models of text, a piece of it. What else
                a model takes says its `stream()`.

        Returns:
            Of layers, their output `[output_size]`; of an estimator, what it answers so far.

        Raises:
            InputError: It is no step of this model. The stream is as it was, and goes on with the next.
        """
        model = self._model
        elements = model.read(x)
        if model.pieces is not None:
            return self._step_text(model.pieces.join(model.state[HELD][0], elements))
        for place in range(len(elements)):
            model.advance(elements[place : place + 1])
        self.steps += len(elements)
        return model.answers(1)[0]

    def _step_text(self, joined: Joined) -> Any:
        """Read what a piece makes sure, and what is yet open for this answer alone."""
        model = self._model
        for place in range(len(joined.sure)):
            model.advance(joined.sure[place : place + 1])
        model.state[HELD][0] = joined.held
        self.steps += joined.added
        if not len(joined.ahead):
            return model.answers(1)[0]
        sure = self.state
        for place in range(len(joined.ahead)):
            model.advance(joined.ahead[place : place + 1])
        answer = model.answers(1)[0]
        self.state = sure
        return answer

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """All that the stream remembers, `[size]` by name; a copy, which may be given back."""
        return {name: field[0].copy() for name, field in self._model.state.items()}

    @state.setter
    def state(self, state: Mapping[str, NDArray[Any]]) -> None:
        check_state(state, self._model.initial)
        for name, field in self._model.state.items():
            field[0] = state[name]

    def reset(self) -> None:
        """Begin anew, as if nothing had been read."""
        self.state = self._model.initial
        self.steps = 0

    def snapshot(self) -> bytes:
        """The stream as bytes; safe to load, and exact to the last bit."""
        return pack("stream", self._model.identity, {"steps": self.steps}, self.state)

    def restore(self, content: bytes) -> None:
        """Go on where a snapshot was taken, in this process or another.

        Raises:
            InputError: It is damaged or belongs to another model; the stream is as it was.
        """
        facts, arrays = unpack(content, "stream", self._model.identity)
        self.state = arrays
        self.steps = facts["steps"]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise InputError("a stream is not copied or pickled; give its snapshot to another stream of the model")

    def explain(self) -> str:
        """How the steps run, one clause."""
        return self._model.explanation
