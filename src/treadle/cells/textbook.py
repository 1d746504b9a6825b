r"""The recurrent network by hand: NumPy only, every derivative written out. The page to read first.

Nothing here is fast and nothing differentiates itself. It is the reference that the rest of Treadle is held to,
and it stands alone. Read it from top to bottom, then let it learn a text (without FILE: this page):

    python -m treadle.cells.textbook FILE

**Notation.** A vector is a row, as in the arrays, so weights act from the right, transposed. There are I inputs,
H hidden units and T steps. A sequence is `[time, feature]` or `[batch, time, feature]`, written `[..., T, I]`:
every formula holds for one row and for many. Numbers are float64.

**The network** (Elman 1990, "Finding structure in time"). From a state h_0, for t = 1 ... T,

    a_t = x_t Uᵀ + h_{t-1} Wᵀ + b        U = weight_ih [H, I],  W = weight_hh [H, H],  b = bias [H]
    h_t = φ(a_t)                          φ = tanh, or relu

and the outputs are the states h_1 ... h_T. The same U, W and b serve every step: that makes the network recurrent,
lets it read sequences of any length, and makes its gradient worth a page.

**Its gradient** (back-propagation through time; Werbos 1990). Some loss L looks at the outputs. Write

    e_t = the part of dL/dh_t that comes straight from output t     (given: the layer above computes it)
    g_t = dL/dh_t in full,   δ_t = dL/da_t in full

*Step 1: how does h_t reach L?* By two roads only: through output t, and through a_{t+1}, where W meets it. So

    g_t = e_t + δ_{t+1} W                 with δ_{T+1} = 0, for nothing comes after the last step

*Step 2: through the nonlinearity*, each unit on its own:

    δ_t = g_t ⊙ φ'(a_t)                   φ' = 1 - h_t² for tanh, [h_t > 0] for relu: h_t is all it needs

Steps 1 and 2 are a recurrence again, run from the end to the start. That is the whole of it.

*Step 3: the weights.* A weight used at T steps collects T contributions. As a_t = x_t Uᵀ + h_{t-1} Wᵀ + b,

    dL/dU = Σ_t δ_tᵀ x_t    dL/dW = Σ_t δ_tᵀ h_{t-1}    dL/db = Σ_t δ_t    dL/dx_t = δ_t U    dL/dh_0 = δ_1 W

**Why it is hard** (Bengio, Simard and Frasconi 1994). From step t back to step s the gradient meets W and φ' once
a step. If σ is the largest singular value of W, then, as φ' ≤ 1,

    |what e_t contributes to g_s|  ≤  σ^(t-s) |e_t|

so with σ < 1 the distant past is forgotten: the gradient vanishes. Only with σ > 1 can it explode. Three remedies
are on this page: begin with an orthogonal W, where σ = 1; clip a gradient that explodes; and give the state a
road along which it meets gates instead of W, as the LSTM and the GRU do.
"""

import argparse
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Parameters = dict[str, Array]  # by name: weight_ih, weight_hh, ...; gradients have the same names and shapes
Phi = Literal["tanh", "relu"]  # the name of the nonlinearity φ


# --- The Elman network ----------------------------------------------------------------------------


def elman_forward(p: Parameters, x: Array, h: Array, nonlinearity: Phi = "tanh") -> Array:
    """The outputs h_1 ... h_T, `[..., T, H]`, of inputs `x [..., T, I]` and an initial state `h [..., H]`.

    Example:
        >>> p = {"weight_ih": np.array([[0.5]]), "weight_hh": np.array([[0.5]]), "bias": np.zeros(1)}
        >>> elman_forward(p, x=np.ones((3, 1)), h=np.zeros(1), nonlinearity="relu").ravel().tolist()
        [0.5, 0.75, 0.875]
    """
    outputs = np.empty((*x.shape[:-1], h.shape[-1]))
    for t in range(x.shape[-2]):
        a = x[..., t, :] @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias"]
        h = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0.0)
        outputs[..., t, :] = h
    return outputs


def elman_backward(
    p: Parameters, x: Array, h: Array, y: Array, e: Array, nonlinearity: Phi = "tanh", unroll: int | None = None
) -> tuple[Parameters, Array, Array]:
    """Back-propagation through time, steps 1 to 3 above: the gradients by the parameters, by x and by h_0.

    `y [..., T, H]` are the outputs that `elman_forward` gave for p, x and h, and `e [..., T, H]` the derivative of
    the loss by each of them on its own.

    `unroll=None` is exact. A number k truncates (Williams and Peng 1990): the sequence counts as windows of k
    steps, the state passes from one window to the next and the gradient does not. k >= T is exact again.
    """
    deltas = np.empty_like(y)
    from_later = np.zeros_like(h)  # δ_{t+1} W: what the future says about h_t
    for t in reversed(range(x.shape[-2])):
        if unroll is not None and (t + 1) % unroll == 0:
            from_later = np.zeros_like(h)  # h_t closes a window: to the next one it was a constant
        h_t, g = y[..., t, :], e[..., t, :] + from_later  # step 1
        delta = g * (1.0 - h_t**2) if nonlinearity == "tanh" else g * (h_t > 0.0)  # step 2
        deltas[..., t, :] = delta
        from_later = delta @ p["weight_hh"]
    # Step 3. Its sums need no loop: lay all steps of all rows below each other, and Σ δᵀx is one product.
    previous = np.concatenate([h[..., None, :], y], axis=-2)[..., :-1, :]  # h_0 ... h_{T-1}
    rows = deltas.reshape(-1, deltas.shape[-1])
    gradients = {
        "weight_ih": rows.T @ x.reshape(-1, x.shape[-1]),
        "weight_hh": rows.T @ previous.reshape(rows.shape),
        "bias": rows.sum(axis=0),
    }
    return gradients, deltas @ p["weight_ih"], from_later


# --- Gates: one step of the LSTM and of the GRU, with torch's parameter names and order of gates --


def sigmoid(a: Array) -> Array:
    """A gate between 0 and 1: 1 / (1 + exp(-a)), written so that exp cannot overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def lstm_step(p: Parameters, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """The next h and c: Hochreiter and Schmidhuber 1997, with the forget gate of Gers and others 2000.

        i, f, g, o = x Uᵀ + bias_ih + h Wᵀ + bias_hh        four blocks of H, in this order
        c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g)                      forget a part, add a part: dc'/dc = σ(f)
        h' = σ(o) ⊙ tanh(c')

    Where there is a projection P = weight_hr, h' Pᵀ takes the place of h'.
    """
    a = x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"]
    i, f, g, o = np.split(a, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return (h @ p["weight_hr"].T if "weight_hr" in p else h), c


def gru_step(p: Parameters, x: Array, h: Array) -> Array:
    """The next h: Cho and others 2014, with the reset gate after the recurrent product, as in torch.

        r_x, z_x, n_x = x Uᵀ + bias_ih          three blocks of H, in this order
        r_h, z_h, n_h = h Wᵀ + bias_hh
        r = σ(r_x + r_h)     z = σ(z_x + z_h)     n = tanh(n_x + r ⊙ n_h)     h' = (1 - z) ⊙ n + z ⊙ h

    The reset gate r says how much of the past the proposal n sees; the update gate z, how much of it stays.
    """
    r_x, z_x, n_x = np.split(x @ p["weight_ih"].T + p["bias_ih"], 3, axis=-1)
    r_h, z_h, n_h = np.split(h @ p["weight_hh"].T + p["bias_hh"], 3, axis=-1)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    return (1.0 - z) * np.tanh(n_x + r * n_h) + z * h


# --- A loss, a clip and an optimiser --------------------------------------------------------------


def softmax_cross_entropy(logits: Array, targets: Integers) -> tuple[float, Array]:
    """The mean of -log p(target) in nats, where p = softmax(z), and its gradient by the logits z.

    As p_k = exp(z_k) / Σ_j exp(z_j), one row loses log Σ_j exp(z_j) - z_target, whose derivative by z_k is
    p_k - [k = target]: what was given minus what was due. Subtracting the largest logit changes neither, and
    keeps exp from overflowing.
    """
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    due = np.eye(logits.shape[-1])[targets]
    return float(-(due * log_p).sum() / targets.size), (np.exp(log_p) - due) / targets.size


def clip_by_norm(gradients: Parameters, limit: float) -> float:
    """Shorten the gradient, all arrays as one vector, to `limit`; the norm it had (Pascanu and others 2013)."""
    norm = float(np.sqrt(sum(np.sum(gradient**2) for gradient in gradients.values())))
    for gradient in gradients.values():
        gradient /= max(1.0, norm / limit)
    return norm


def adagrad(p: Parameters, gradients: Parameters, memory: Parameters, rate: float) -> None:
    """In place, m ← m + g² and p ← p - rate g / √m: what is rare keeps large steps (Duchi and others 2011)."""
    for name, gradient in gradients.items():
        memory[name] += gradient**2
        p[name] -= rate * gradient / np.sqrt(memory[name] + 1e-8)


# --- The character language model -----------------------------------------------------------------


class CharacterModel:
    """Guess the next character, of texts over the alphabet of `text`: one-hot input, Elman network, softmax.

        p(next character | all so far) = softmax(z_t),   z_t = h_t Vᵀ + d,   V = weight_out,   d = bias_out

    Example:
        >>> model = CharacterModel("ab", hidden_size=8)
        >>> losses = model.fit("ab" * 60, updates=60, unroll=5)
        >>> model.sample("a", length=6, temperature=0.1)
        'bababa'
    """

    def __init__(self, text: str, hidden_size: int = 100, seed: int = 0) -> None:
        self.alphabet = "".join(sorted(set(text)))
        rng = np.random.default_rng(seed)
        self.parameters: Parameters = {
            "weight_ih": rng.normal(0.0, 0.1, (hidden_size, len(self.alphabet))),
            "weight_hh": np.linalg.qr(rng.normal(size=(hidden_size, hidden_size)))[0],  # orthogonal: σ = 1
            "bias": np.zeros(hidden_size),
            "weight_out": rng.normal(0.0, 0.1, (len(self.alphabet), hidden_size)),
            "bias_out": np.zeros(len(self.alphabet)),
        }

    def encode(self, text: str) -> Integers:
        """The place of each character in the alphabet; an InputError names a character that has none."""
        if strangers := sorted(set(text) - set(self.alphabet)):
            raise InputError(f"the character {strangers[0]!r} is not in the alphabet {self.alphabet!r}")
        return np.array([self.alphabet.index(character) for character in text], dtype=np.int64)

    def forward(self, ids: Integers, h: Array) -> tuple[Array, Array, Array]:
        """Inputs x, states and logits, each `[..., T, ...]`, of the characters `ids [..., T]`."""
        x = np.eye(len(self.alphabet))[ids]
        outputs = elman_forward(self.parameters, x, h)
        return x, outputs, outputs @ self.parameters["weight_out"].T + self.parameters["bias_out"]

    def loss(self, ids: Integers, targets: Integers, h: Array) -> tuple[float, Parameters, Array]:
        """The mean loss in nats a character, its gradient by each parameter, and the state to carry on with.

        As z_t = h_t Vᵀ + d: dL/dV = Σ_t (dL/dz_t)ᵀ h_t, dL/dd = Σ_t dL/dz_t, and e_t = (dL/dz_t) V goes below.
        """
        x, outputs, logits = self.forward(ids, h)
        loss, grad_logits = softmax_cross_entropy(logits, targets)
        e = grad_logits @ self.parameters["weight_out"]
        gradients, _, _ = elman_backward(self.parameters, x, h, outputs, e)
        rows = grad_logits.reshape(-1, len(self.alphabet))
        gradients["weight_out"] = rows.T @ outputs.reshape(-1, outputs.shape[-1])
        gradients["bias_out"] = rows.sum(axis=0)
        return loss, gradients, outputs[..., -1, :]

    def fit(self, text: str, updates: int = 2000, unroll: int = 25, streams: int = 8) -> list[float]:
        """Learn `text` by truncated back-propagation through time; the loss of every update, in nats.

        The text is cut into `streams` pieces, read side by side. An update reads the next `unroll` characters of
        each: the state comes from the window before, the gradient stops at its border. After the last whole
        window, reading begins again from an empty state.
        """
        length = (len(text) - 1) // streams
        if length < unroll:
            raise InputError(f"{streams * unroll + 1} characters are needed, and the text has {len(text)}")
        ids = self.encode(text)
        targets = ids[1 : streams * length + 1].reshape(streams, length)  # the same text, one character later
        ids = ids[: streams * length].reshape(streams, length)
        memory = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        losses = []
        for update in range(updates):
            start = update % (length // unroll) * unroll
            if start == 0:
                h = np.zeros((streams, len(self.parameters["bias"])))
            window = slice(start, start + unroll)
            loss, gradients, h = self.loss(ids[:, window], targets[:, window], h)
            clip_by_norm(gradients, 5.0)
            adagrad(self.parameters, gradients, memory, rate=0.05)
            losses.append(loss)
        return losses

    def sample(self, prompt: str, length: int, temperature: float = 1.0, seed: int = 0) -> str:
        """`length` characters after `prompt`, each drawn from softmax(z / temperature) and fed back as input.

        Near 0 the likeliest character always wins, 1 follows the model, and more is bolder than the model.
        """
        if not prompt or temperature <= 0.0:
            raise InputError("sampling needs a prompt of one character or more, and a temperature above 0")
        rng = np.random.default_rng(seed)
        ids, h, written = self.encode(prompt), np.zeros(len(self.parameters["bias"])), ""
        for _ in range(length):
            _, outputs, logits = self.forward(ids, h)
            z = (logits[-1] - logits[-1].max()) / temperature
            choice = int(rng.choice(len(z), p=np.exp(z) / np.exp(z).sum()))
            written += self.alphabet[choice]
            ids, h = np.array([choice]), outputs[-1]
        return written


def main() -> None:
    """Learn the characters of a file, and write some more of them."""
    parser = argparse.ArgumentParser(description="An Elman network in NumPy learns to write like a text.")
    parser.add_argument("file", nargs="?", default=__file__, help="a UTF-8 text (default: this program)")
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        text = Path(options.file).read_text(encoding="utf-8")
        model = CharacterModel(text, seed=options.seed)
        bits = np.array(model.fit(text, options.updates)) / np.log(2)
    except (OSError, ValueError) as error:  # no such file, not UTF-8, too short
        parser.error(str(error))
    for part in np.array_split(bits, 10):
        print(f"{part.mean():.2f} bits a character")
    print(model.sample(text[:100], length=500, temperature=0.7, seed=options.seed))


if __name__ == "__main__":
    main()
