"""Learner: a recurrent network on a stream, which learns by truncated back-propagation through time as it goes."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.errors import InputError
from treadle.nn import Stack
from treadle.streaming.layers import LayerSteps
from treadle.tasks.online.moments import moments_of, set_moments
from treadle.tasks.online.network import OnlineNetwork
from treadle.tasks.online.remembered import Arrays, Facts, widened
from treadle.tasks.online.replay import Replay
from treadle.training import TrainingSettings
from treadle.training.optimisation import make_optimizer

Array = NDArray[Any]
Floats = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]
"""Of outputs `[batch, time, outputs]` and targets `[batch, time, width]`: the mean over steps with a target."""


@dataclass(frozen=True)
class Plan:
    """How a learner is made and how it learns.

    Attributes:
        make_stack: Layers for so many inputs.
        loss: What is made small.
        training: Optimiser, learning rate and clipping.
        bptt: Steps of a chunk.
        replay: Chunks that are kept; 0 for none.
        replay_chunks: Chunks of them that are learnt from again beside every new one.
        seed: Of the weights and of what is drawn for replay.
    """

    make_stack: Callable[[int], Stack]
    loss: Loss
    training: TrainingSettings
    bptt: int
    replay: int
    replay_chunks: int
    seed: int


class Learner:
    r"""One network, one stream.

    Steps are collected in chunks of k. A full chunk goes through the compiled sequence kernel once, from the state
    \(s\) that stood before it, and its gradient changes the weights once; the state then goes on, and no gradient
    crosses the border of a chunk:

    $$\theta \leftarrow \theta - \eta\, \nabla_\theta \frac{1}{k} \sum_{i=1}^{k} \ell(z_i(\theta; s), y_i)$$

    So a step enters one gradient and no more. Between, answers come from the compiled single step with the weights of
    the moment.

    Source: R. J. Williams & J. Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", Neural Computation 2(4), 1990: BPTT(h; h') with h = h' = k.

    Args:
        plan: How.
        inputs: Size of a step.
        outputs: Size of an answer.
        targets: Size of a target.
    """

    def __init__(self, plan: Plan, inputs: int, outputs: int, targets: int) -> None:
        self.plan, self.inputs, self.outputs, self.targets = plan, inputs, outputs, targets
        self.replay = Replay(plan.replay, plan.seed) if plan.replay else None
        self.updates = 0
        self._make()
        self.x = np.zeros((plan.bptt, inputs), np.float32)
        self.y = np.full((plan.bptt, targets), np.nan, np.float32)
        self.filled, self.ended = 0, False
        for kept, start in zip(self._fields, self._steps.initial.values(), strict=True):
            kept[:] = start
        self._begin = [field.copy() for field in self._fields]

    def _make(self) -> None:
        """A fresh network of the present size, its optimiser and its single step."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.seed)
            stack = self.plan.make_stack(self.inputs)
            self.network = OnlineNetwork(stack, self.outputs)
        self.optimizer = make_optimizer(self.network, self.plan.training)
        self._parameters = list(self.network.parameters())
        self._steps = LayerSteps(stack)
        self._fields = list(self._steps.state.values())
        self._after = [field.copy() for field in self._fields]
        self._kept = [field.copy() for field in self._fields]
        self._head, self._bias = self.network.head.weight.detach().numpy(), self.network.head.bias.detach().numpy()
        self._seen = b""
        self._found = np.zeros(self.outputs)

    def predict(self, x: Floats) -> Floats:
        """The answer at a step `[inputs]`, if it is the next; nothing is changed."""
        seen = x.tobytes()
        if seen == self._seen:
            return self._found
        for kept, field in zip(self._kept, self._fields, strict=True):
            kept[:] = field
        self._found = self._run(x)
        for after, field, kept in zip(self._after, self._fields, self._kept, strict=True):
            after[:] = field
            field[:] = kept
        self._seen = seen
        return self._found

    def advance(self, x: Floats) -> Floats:
        """The answer at a step; the state goes on."""
        found = self.predict(x)
        for field, after in zip(self._fields, self._after, strict=True):
            field[:] = after
        self._seen = b""
        return found

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done inside leaves the state as it was."""
        kept = [field.copy() for field in self._fields]
        try:
            yield
        finally:
            for field, before in zip(self._fields, kept, strict=True):
                field[:] = before
            self._seen = b""

    def learn(self, x: Floats, y: Floats, rate: float = 1.0) -> Floats:
        """Take a step with what came true at it, and learn from the chunk where it is full.

        Args:
            x: `[inputs]`.
            y: `[targets]`, NaN where it is not known.
            rate: By how much the learning rate is multiplied.

        Returns:
            The answer before anything was learnt from the step.

        Raises:
            InputError: The network has diverged.
        """
        found = self.predict(x)
        if self.ended:
            self._end_chunk(rate)
        self.x[self.filled], self.y[self.filled] = x, y
        self.advance(x)
        self.filled += 1
        if self.filled == len(self.x):
            self._end_chunk(rate)
        return found

    def follow(self, x: Floats) -> None:
        """Take a step without learning from it.

        It ends the chunk, whose gradient is taken when there is a step to learn from again: until then, no weight
        changes.
        """
        self.advance(x)
        self.y[self.filled :] = np.nan
        self.ended = self.filled > 0
        if not self.ended:
            self._begin_chunk()

    def resize(self, inputs: int, outputs: int) -> None:
        """Make room for further inputs or outputs; what was learnt stays, further weights begin fresh or at zero.

        Of a cell that has other weights for an input of that size, as SRU where it is that of its output, all weights
        begin fresh.
        """
        kept, moments = self.network.state_dict(), moments_of(self.optimizer)
        fields, begin = [field.copy() for field in self._fields], self._begin
        self.inputs, self.outputs = inputs, outputs
        self._make()
        fresh = self.network.state_dict()
        if fresh.keys() == kept.keys():
            for name, parameter in fresh.items():
                parameter[tuple(slice(size) for size in kept[name].shape)] = kept[name]
            set_moments(self.optimizer, moments)
        for mine, before in zip(self._fields, fields, strict=True):
            mine[:] = before
        self._begin = begin
        self._steps.renew(self.network.stack)
        self.x = widened(self.x, len(self.x), inputs)
        if self.replay is not None:
            self.replay.widen({"x": inputs})

    def explain(self) -> str:
        """How steps and chunks run."""
        return f"{self._steps.explanation}; chunks of {len(self.x)} steps: {self.network.stack.explain()}"

    def _run(self, x: Floats) -> Floats:
        self._steps.x[0] = x
        self._steps.run(1)
        hidden = len(self._steps.y[0])
        head = self._head
        found: Floats = head[:, :hidden] @ self._steps.y[0] + head[:, hidden:] @ self._steps.x[0] + self._bias
        return found.astype(np.float64)

    def _begin_chunk(self) -> None:
        """The next chunk begins from the present state."""
        for begin, field in zip(self._begin, self._fields, strict=True):
            begin[:] = field
        self.filled, self.ended = 0, False

    def _end_chunk(self, rate: float) -> None:
        """Learn from the chunk, and begin the next, even if the network has diverged."""
        try:
            self._update(rate)
        finally:
            self._begin_chunk()

    def _update(self, rate: float) -> None:
        """One gradient step on the chunk, if a target of it is known, and on what is drawn from replay."""
        if np.isnan(self.y).all():
            return
        chunk: Arrays = {"x": self.x, "y": self.y} | {f"s{i}": one[0] for i, one in enumerate(self._begin)}
        rows = {name: one[None] for name, one in chunk.items()}
        if self.replay is not None:
            if self.replay.count:
                drawn = self.replay.draw(self.plan.replay_chunks)
                rows = {name: np.concatenate([one, drawn[name]]) for name, one in rows.items()}
            self.replay.put(chunk)
        tensors = {name: torch.from_numpy(one) for name, one in rows.items()}
        states, number = [], 0
        for layer in self.network.stack.layers:
            kind = layer[0].cell.state_type
            states.append(kind(*(tensors[f"s{number + i}"] for i in range(len(kind._fields)))))
            number += len(kind._fields)
        loss = self.plan.loss(self.network(tensors["x"], states), tensors["y"])
        self.optimizer.zero_grad()
        loss.backward()
        training = self.plan.training
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = float(torch.cat([g.flatten() for g in gradients]).norm())
        if not math.isfinite(norm):
            raise InputError(
                f"the network diverged at learning_rate={training.learning_rate:g}, expected a finite gradient; "
                "begin anew with a smaller one"
            )
        if norm > training.clip_norm > 0:
            for gradient in gradients:
                gradient *= training.clip_norm / norm
        for group in self.optimizer.param_groups:
            group["lr"] = training.learning_rate * rate
        self.optimizer.step()
        self._steps.renew(self.network.stack)
        self.updates += 1

    def facts(self) -> Facts:
        """Sizes and counts, and those of replay."""
        replay = None if self.replay is None else self.replay.facts()
        sizes = {"inputs": self.inputs, "outputs": self.outputs, "targets": self.targets}
        return {**sizes, "filled": self.filled, "ended": self.ended, "updates": self.updates, "replay": replay}

    def arrays(self) -> Arrays:
        """Weights, the optimiser's moments, states, the chunk that is being filled, and replay."""
        found: Arrays = {"x": self.x, "y": self.y}
        found |= {f"weights.{name}": one.numpy() for name, one in self.network.state_dict().items()}
        found |= {f"moments.{name}": one for name, one in moments_of(self.optimizer).items()}
        found |= {f"state.{i}": one for i, one in enumerate(self._fields)}
        found |= {f"begin.{i}": one for i, one in enumerate(self._begin)}
        if self.replay is not None:
            found |= {f"replay.{name}": one for name, one in self.replay.arrays().items()}
        return found

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what the two gave.

        Raises:
            KeyError, ValueError, RuntimeError: They are those of another network.
        """
        parts: dict[str, Arrays] = {name: {} for name in ("weights", "moments", "state", "begin", "replay")}
        for name, one in arrays.items():
            part, _, rest = name.partition(".")
            if rest:
                parts[part][rest] = one
        self.network.load_state_dict({name: torch.from_numpy(one) for name, one in parts["weights"].items()})
        set_moments(self.optimizer, parts["moments"])
        for i, (field, begin) in enumerate(zip(self._fields, self._begin, strict=True)):
            field[:], begin[:] = parts["state"][str(i)], parts["begin"][str(i)]
        self.x[:], self.y[:] = arrays["x"], arrays["y"]
        self.filled, self.ended, self.updates = (facts[name] for name in ("filled", "ended", "updates"))
        if self.replay is not None:
            self.replay.restore(facts["replay"], parts["replay"])
        self._steps.renew(self.network.stack)
        self._seen = b""
