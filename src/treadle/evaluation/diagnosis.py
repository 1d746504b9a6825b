"""What was found in a recurrent layer, as plain numbers, and what to make of it in one sentence each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from treadle.errors import counted

Floats = npt.NDArray[np.float64]

SHARE = 0.01
"""A gradient counts as gone below this share of what it was one step back."""
CLOSED, OPEN = 0.1, 0.9
"""A logistic gate counts as closed below the one and as open above the other: A. Karpathy, J. Johnson & L. Fei-Fei,
"Visualizing and understanding recurrent networks", 2016. A tanh counts as saturated beyond `OPEN`."""

_EXPLODED = 100.0
_SHORT = 0.25  # of the steps that the data has: a memory below it misses most of what stands there
_SATURATED = 0.6
_DEAD = 0.05


@dataclass(frozen=True)
class Gate:
    """A squashing function of a step, over all steps, rows and units.

    Attributes:
        name: Of the gate where the cell names it, and the source of the call: "forget: sigmoid(f)".
        function: "sigmoid" or "tanh".
        low: Share of values below `CLOSED` (of tanh: below `-OPEN`).
        high: Share above `OPEN`.
    """

    name: str
    function: str
    low: float
    high: float


@dataclass(frozen=True)
class Spectrum:
    r"""A matrix that the state is multiplied with.

    Attributes:
        name: Of the weight, and of the gate where there are several.
        radius: Largest absolute eigenvalue \(\rho\).
        norm: Largest singular value \(\sigma_1\).
    """

    name: str
    radius: float
    norm: float


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        topic: "gradient", "gates", "units" or "weights".
        good: Whether there is nothing to do about it.
        text: What was found, in one sentence.
        advice: What to do, in one sentence.
    """

    topic: str
    good: bool
    text: str
    advice: str


@dataclass(frozen=True)
class LayerDiagnosis:
    r"""What was measured in one recurrent layer, in one direction, on some sequences.

    Attributes:
        name: Where it stands in the network.
        cell: The kind of cell.
        units: Numbers in its output.
        rows: Sequences that were looked at.
        gradient: `[distances]`: \(\gamma_k = \lVert \partial y_T / \partial s_{T-k} \rVert\) for k = 1, 2, ..., as a
            share of \(\gamma_1\).
        decay: Factor per step of the exponential that fits `gradient` best.
        memory: Steps after which `gradient` stays below `SHARE`; None if it does not within what was seen.
        gates: Squashing functions of the step.
        dead: Units of the output that stay the same whatever is read.
        weights: Recurrent matrices.
        step_radius: Mean spectral radius of \(\partial s_t / \partial s_{t-1}\) on the data; NaN where it is too large
            to compute.
    """

    name: str
    cell: str
    units: int
    rows: int
    gradient: Floats
    decay: float
    memory: int | None
    gates: tuple[Gate, ...]
    dead: tuple[int, ...]
    weights: tuple[Spectrum, ...]
    step_radius: float

    @property
    def steps(self) -> int:
        """The longest distance that was measured."""
        return len(self.gradient)

    def findings(self) -> list[Finding]:
        """What the numbers mean."""
        return [self._gradient(), *self._gates(), *self._units(), *self._weights()]

    def _gradient(self) -> Finding:
        largest = float(np.max(self.gradient, initial=0.0))
        seen = counted(self.steps, "step")
        rate = f"{self.decay:.3g} times a step" if math.isfinite(self.decay) else "at no steady rate"
        if not largest:
            text = "no gradient passes from one step to the next"
            return Finding("gradient", False, text, "the state is not used: look at the units below, or train longer")
        if largest > _EXPLODED:
            place = counted(int(np.argmax(self.gradient)) + 1, "step")
            text = f"it explodes: {largest:.3g} times as large {place} back ({rate})"
            return Finding("gradient", False, text, "lower clip_norm and learning_rate, or begin with init=recommended")
        if self.memory is None:
            text = f"it reaches all {seen} back that were seen ({rate})"
            return Finding("gradient", True, text, "the layer can learn from all that it reads")
        gone = f"{SHARE:.0%} of it is left after {counted(self.memory, 'step')}, of {seen} ({rate})".replace("%", " %")
        if self.memory < _SHORT * self.steps:
            advice = "what lies further back cannot be learnt here: try lstm or gru with init=chrono, shorter steps "
            return Finding("gradient", False, f"it vanishes: {gone}", f"{advice}(segment, sub-words), or attention")
        return Finding("gradient", True, f"it fades: {gone}", "enough, unless what matters lies further back than that")

    def _gates(self) -> list[Finding]:
        found = []
        for gate in self.gates:
            if gate.function == "tanh":
                share = gate.low + gate.high
                if share > _SATURATED:
                    text = f"{_percent(share)} of {gate.name} lies beyond ±{OPEN:g}, where it passes no gradient on"
                    advice = "lower learning_rate, raise weight_decay, or scale the inputs"
                    found.append(Finding("gates", False, text, advice))
            elif max(gate.low, gate.high) > _SATURATED:
                state, share = ("closed", gate.low) if gate.low > gate.high else ("open", gate.high)
                text = f"{gate.name} is {state} in {_percent(share)} of all cases"
                advice = "it decides little: the layer may do with fewer units, or a simpler cell"
                found.append(Finding("gates", True, text, advice))
        if self.gates and not found:
            text = "no gate is stuck: all take values between open and closed"
            found.append(Finding("gates", True, text, "nothing to do"))
        return found

    def _units(self) -> list[Finding]:
        dead = len(self.dead)
        share = f"{dead:,} of {counted(self.units, 'unit')}"
        if dead > _DEAD * self.units:
            advice = "use fewer units, or a lower learning_rate if there were more at the beginning"
            return [Finding("units", False, f"{share} stay the same whatever is read", advice)]
        text = "every unit moves with what is read" if not dead else f"{share} stay the same whatever is read"
        return [Finding("units", True, text, "nothing to do")]

    def _weights(self) -> list[Finding]:
        radius, what = self.step_radius, "a step multiplies the state's slowest part by"
        if math.isnan(radius):
            if not self.weights:
                return []
            radius, what = max(one.radius for one in self.weights), "the largest spectral radius of a weight is"
        text = f"{what} {radius:.3g}"
        if self._gradient().good:
            return [Finding("weights", True, text, "the nearer to 1, the longer the memory")]
        if radius > 1:
            return [Finding("weights", False, text, "above 1 small errors grow: keep clip_norm, lower learning_rate")]
        half = math.log(0.5) / math.log(radius) if 0 < radius < 1 else math.inf if radius else 0.0
        advice = (
            f"half is gone after {half:.1f} steps: for longer memories begin with init=chrono or orthogonal weights"
        )
        return [Finding("weights", False, text, advice)]


def as_text(layers: Sequence[LayerDiagnosis]) -> str:
    """The findings for a terminal, a paragraph a layer."""
    parts = []
    for layer in layers:
        lines = [f"{layer.name}: {layer.cell}, {counted(layer.units, 'unit')}, {counted(layer.rows, 'sequence')}"]
        for found in layer.findings():
            lines.append(f"  {' ' if found.good else '!'} {found.topic:<9} {found.text}")
            if not found.good:
                lines.append(f"    {'':<9} -> {found.advice}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
