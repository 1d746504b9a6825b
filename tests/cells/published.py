"""One step of every cell beyond Elman, LSTM and GRU, in NumPy, written down from its paper.

The names of parameters are Treadle's, and the papers' stacked vectors come in the order in which Treadle stacks them.
All else is the paper's: a formula a line, one row at a time, nothing shared with the cells. A step takes the
parameters, an input and the fields of the state, and gives the output and the fields of the next state.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parameters = dict[str, Array]
Step = Callable[..., tuple[Array, tuple[Array, ...]]]


def sigmoid(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def blocks(p: Parameters, name: str, count: int) -> list[Array]:
    return np.split(p[name], count)


def layer_norm(a: Array, gain: Array, shift: Array) -> Array:
    return gain * (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5) + shift


def peephole_lstm(p: Parameters, x: Array, h: Array, c: Array) -> tuple[Array, tuple[Array, ...]]:
    w_i, w_f, w_g, w_o = blocks(p, "weight_ih", 4)
    u_i, u_f, u_g, u_o = blocks(p, "weight_hh", 4)
    b_i, b_f, b_g, b_o = np.split(p["bias_ih"] + p["bias_hh"], 4)
    i = sigmoid(w_i @ x + u_i @ h + p["peephole_input"] * c + b_i)
    f = sigmoid(w_f @ x + u_f @ h + p["peephole_forget"] * c + b_f)
    c = f * c + i * np.tanh(w_g @ x + u_g @ h + b_g)
    o = sigmoid(w_o @ x + u_o @ h + p["peephole_output"] * c + b_o)
    h = o * np.tanh(c)
    h = p["weight_hr"] @ h if "weight_hr" in p else h
    return h, (h, c)


def coupled_lstm(p: Parameters, x: Array, h: Array, c: Array) -> tuple[Array, tuple[Array, ...]]:
    w_f, w_g, w_o = blocks(p, "weight_ih", 3)
    u_f, u_g, u_o = blocks(p, "weight_hh", 3)
    b_f, b_g, b_o = np.split(p["bias_ih"] + p["bias_hh"], 3)
    i = sigmoid(-(w_f @ x + u_f @ h + b_f))  # the input gate, of which the forget gate is the rest
    c = (1.0 - i) * c + i * np.tanh(w_g @ x + u_g @ h + b_g)
    h = sigmoid(w_o @ x + u_o @ h + b_o) * np.tanh(c)
    return h, (h, c)


def multiplicative_lstm(p: Parameters, x: Array, h: Array, c: Array) -> tuple[Array, tuple[Array, ...]]:
    m = (p["weight_mx"] @ x) * (p["weight_mh"] @ h)
    i, f, g, o = np.split(p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ m + p["bias_hh"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = np.tanh(c) * sigmoid(o)
    h = p["weight_hr"] @ h if "weight_hr" in p else h
    return h, (h, c)


def layer_norm_lstm(p: Parameters, x: Array, h: Array, c: Array) -> tuple[Array, tuple[Array, ...]]:
    a = layer_norm(p["weight_hh"] @ h, p["gain_hh"], p["bias_hh"])
    a = a + layer_norm(p["weight_ih"] @ x, p["gain_ih"], p["bias_ih"])
    i, f, g, o = np.split(a, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(layer_norm(c, p["gain_cell"], p["bias_cell"]))
    return h, (h, c)


def layer_norm_gru(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    gates, n = slice(0, 2 * len(h)), slice(2 * len(h), None)
    r, z = np.split(
        layer_norm(p["weight_hh"][gates] @ h, p["gain_hh"][gates], p["bias_hh"][gates])
        + layer_norm(p["weight_ih"][gates] @ x, p["gain_ih"][gates], p["bias_ih"][gates]),
        2,
    )
    from_input = layer_norm(p["weight_ih"][n] @ x, p["gain_ih"][n], p["bias_ih"][n])
    from_past = layer_norm(p["weight_hh"][n] @ h, p["gain_hh"][n], p["bias_hh"][n])
    new = np.tanh(from_input + sigmoid(r) * from_past)
    h = (1.0 - sigmoid(z)) * h + sigmoid(z) * new
    return h, (h,)


def gru_original(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    w_r, w_z, w = blocks(p, "weight_ih", 3)
    u_r, u_z, u = blocks(p, "weight_hh", 3)
    b_r, b_z, b = np.split(p["bias_ih"] + p["bias_hh"], 3)
    r = sigmoid(w_r @ x + u_r @ h + b_r)
    z = sigmoid(w_z @ x + u_z @ h + b_z)
    h = z * h + (1.0 - z) * np.tanh(w @ x + u @ (r * h) + b)
    return h, (h,)


def light_gru(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    w_z, w_h = blocks(p, "weight_ih", 2)
    u_z, u_h = blocks(p, "weight_hh", 2)
    gain_z, gain_h = blocks(p, "gain_ih", 2)
    b_z, b_h = blocks(p, "bias_ih", 2)
    z = sigmoid(layer_norm(w_z @ x, gain_z, b_z) + u_z @ h)
    new = np.maximum(layer_norm(w_h @ x, gain_h, b_h) + u_h @ h, 0.0)
    h = z * h + (1.0 - z) * new
    return h, (h,)


def minimal_gated(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    w_f, w_h = (np.hstack(pair) for pair in zip(blocks(p, "weight_hh", 2), blocks(p, "weight_ih", 2), strict=True))
    b_f, b_h = blocks(p, "bias_ih", 2)
    f = sigmoid(w_f @ np.concatenate([h, x]) + b_f)
    new = np.tanh(w_h @ np.concatenate([f * h, x]) + b_h)
    h = (1.0 - f) * h + f * new
    return h, (h,)


def janet(beta: float) -> Step:
    def step(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
        s, n = np.split(p["weight_hh"] @ h + p["weight_ih"] @ x + p["bias_ih"], 2)
        h = sigmoid(s) * h + (1.0 - sigmoid(s - beta)) * np.tanh(n)
        return h, (h,)

    return step


def g(a: Array) -> Array:
    return np.array([value + 0.5 if value >= 0.0 else 1.0 / (1.0 + np.exp(-value)) for value in a])


def min_gru(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    z, n = np.split(p["weight_ih"] @ x + p["bias_ih"], 2)
    h = (1.0 - sigmoid(z)) * h + sigmoid(z) * g(n)
    return h, (h,)


def min_lstm(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    f, i, n = np.split(p["weight_ih"] @ x + p["bias_ih"], 3)
    total = sigmoid(f) + sigmoid(i)
    h = sigmoid(f) / total * h + sigmoid(i) / total * g(n)
    return h, (h,)


def sru(p: Parameters, x: Array, c: Array) -> tuple[Array, tuple[Array, ...]]:
    w_f, w_r = blocks(p, "weight_ih", 2)
    b_f, b_r = blocks(p, "bias_ih", 2)
    f = sigmoid(w_f @ x + p["peephole_forget"] * c + b_f)
    r = sigmoid(w_r @ x + p["peephole_reset"] * c + b_r)
    c = f * c + (1.0 - f) * (p["weight_cell"] @ x)
    skip = p["weight_skip"] @ x if "weight_skip" in p else x
    return r * c + (1.0 - r) * skip, (c,)


def independent(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    h = np.maximum(p["weight_ih"] @ x + p["weight_self"] * h + p["bias_ih"], 0.0)
    return h, (h,)


def independent_tanh_within_three_steps(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    bound = 2.0 ** (1.0 / 3.0)
    u = np.minimum(np.abs(p["weight_self"]), bound) * np.sign(p["weight_self"])
    h = np.tanh(p["weight_ih"] @ x + u * h + p["bias_ih"])
    return h, (h,)


def fast_grnn(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    w = p["weight_ih"] if "weight_ih" in p else p["weight_ih_left"] @ p["weight_ih_right"]
    u = p["weight_hh"] if "weight_hh" in p else p["weight_hh_left"] @ p["weight_hh_right"]
    z = sigmoid(w @ x + u @ h + p["bias_update"])
    new = np.tanh(w @ x + u @ h + p["bias_new"])
    h = (sigmoid(p["zeta"]) * (1.0 - z) + sigmoid(p["nu"])) * new + z * h
    return h, (h,)


def recurrent_highway(p: Parameters, x: Array, h: Array) -> tuple[Array, tuple[Array, ...]]:
    w_h, w_t = blocks(p, "weight_ih", 2)
    s, layer = h, 1
    while layer == 1 or f"weight_hh_{layer}" in p:
        r_h, r_t = blocks(p, "weight_hh" if layer == 1 else f"weight_hh_{layer}", 2)
        b_h, b_t = blocks(p, "bias_ih" if layer == 1 else f"bias_{layer}", 2)
        first = 1.0 if layer == 1 else 0.0
        new = np.tanh(first * (w_h @ x) + r_h @ s + b_h)
        t = sigmoid(first * (w_t @ x) + r_t @ s + b_t)
        s = new * t + s * (1.0 - t)
        layer += 1
    return s, (s,)


def cornn(time_step: float, gamma: float, epsilon: float) -> Step:
    def step(p: Parameters, x: Array, y: Array, z: Array) -> tuple[Array, tuple[Array, ...]]:
        w, w_velocity = np.split(p["weight_hh"], 2, axis=1)
        force = np.tanh(w @ y + w_velocity @ z + p["weight_ih"] @ x + p["bias_ih"])
        z = z + time_step * force - time_step * gamma * y - time_step * epsilon * z
        y = y + time_step * z
        return y, (y, z)

    return step


def clockwork(periods: list[int]) -> Step:
    """`periods` of every unit. A module reads itself and the slower ones, block by block as in the paper's figure."""

    def step(p: Parameters, x: Array, h: Array, clock: Array) -> tuple[Array, tuple[Array, ...]]:
        after = h.copy()
        for unit, period in enumerate(periods):
            if int(clock[0]) % period == 0:
                a = p["weight_ih"][unit] @ x + p["bias_ih"][unit]
                a += sum(p["weight_hh"][unit, k] * h[k] for k in range(len(h)) if periods[k] >= period)
                after[unit] = np.tanh(a)
        return after, (after, (clock + 1) % np.lcm.reduce(periods))

    return step
