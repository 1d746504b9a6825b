"""Language models that learn from the text they are measured on, each token scored before it is learnt from."""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from treadle.data import Ragged
from treadle.data.streams import START, Streams
from treadle.errors import InputError
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.network import LanguageNetwork, States, detached
from treadle.tasks.language.reading import Surprise
from treadle.tasks.settings import check
from treadle.tasks.work import refuse_options

STATIC_STEPS = 256
"""Tokens that are read at once where no weight changes; it alters nothing but the time."""
MEASURED_WINDOWS, MEASURED_ROWS = 500, 16
"""Windows of training text, and rows of each, that gradients are measured on."""
RATES = {"sgd": 0.1, "rms": 1e-3}
"""Sizes of a step, where that is left open."""
EPSILON = 1e-3
"""Keeps the steps of weights small whose gradients nearly vanish."""
MOST_NATS = math.log(sys.float_info.max)
"""What a token can cost on average, so that the perplexity is finite."""


class DivergedError(InputError):
    """Dynamic evaluation has moved the weights to where nothing can be predicted any more."""


class Adaptation(BaseModel):
    r"""How a model adapts to a text while it reads it; all that it took up is forgotten when a document ends.

    The neural cache remembers the last N features \(h_i\) with the token \(s_{i+1}\) that followed each, and mixes what
    followed similar features into the prediction:

    $$p(s \mid s_{1 \dots t}) = (1 - \lambda)\, p_\mathrm{model}(s) + \lambda\,
    \frac{\sum_{i=t-N}^{t-1} [s_{i+1} = s]\, e^{\theta h_t \cdot h_i}}{\sum_{i=t-N}^{t-1} e^{\theta h_t \cdot h_i}}$$

    Dynamic evaluation takes a gradient step on each window after it was scored, and pulls weights back to those that
    were trained, \(w_g\):

    $$w \leftarrow w - \eta\, \frac{g}{r + \epsilon} + \min(1, \lambda_d\, \rho) (w_g - w),$$

    with "rms", where r is the root mean square of the weight's gradient on training text and \(\rho\) is r over its
    mean over all weights; with "sgd", \(r + \epsilon\) and \(\rho\) are 1. The model itself stays as it was, and both
    ways can be combined.

    Attributes:
        cache: Tokens that are remembered, N; 0 for no cache.
        cache_weight: \(\lambda\).
        cache_flatness: \(\theta\): at 0 all that is remembered counts the same.
        dynamic: "sgd", "rms" or None for none.
        dynamic_rate: \(\eta\); None for 0.1 with "sgd" and 0.001 with "rms".
        dynamic_decay: \(\lambda_d\).
        dynamic_steps: Tokens of a window.

    Sources: E. Grave, A. Joulin & N. Usunier, "Improving neural language models with a continuous cache", ICLR 2017; B.
    Krause, E. Kahembwe, I. Murray & S. Renals, "Dynamic evaluation of neural sequence models", ICML 2018.

    Example:
        >>> Adaptation.of({"cache": 500, "cache_weight": 0.2}).cache_weight
        0.2
    """

    model_config = ConfigDict(frozen=True)

    cache: int = Field(default=0, ge=0)
    cache_weight: float = Field(default=0.1, gt=0, lt=1)
    cache_flatness: float = Field(default=0.3, ge=0)
    dynamic: Literal["sgd", "rms"] | None = None
    dynamic_rate: float | None = Field(default=None, gt=0)
    dynamic_decay: float = Field(default=2e-2, ge=0, le=1)
    dynamic_steps: int = Field(default=20, ge=1)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The adaptation that options tell of, as `treadle evaluate --set` gives them.

        Raises:
            InputError: There is no such option, a value is out of its range, or one belongs to what is not switched on.
        """
        refuse_options(options, list(cls.model_fields))
        found = check(cls, dict(options))
        for name in options:
            switch = name.partition("_")[0]
            if not getattr(found, switch) and name != switch:
                raise InputError(f"{name} is given without {switch}, expected both")
        return found

    def __bool__(self) -> bool:
        """Whether anything adapts."""
        return self.cache > 0 or self.dynamic is not None

    @property
    def rate(self) -> float:
        """The size of a step; 0 where no weight changes."""
        return self.dynamic_rate or RATES.get(self.dynamic or "", 0.0)

    def describe(self) -> str:
        """What adapts, in one phrase; empty if nothing does."""
        parts = []
        if self.cache:
            parts.append(f"a cache of {self.cache:,} (weight {self.cache_weight:g}, flatness {self.cache_flatness:g})")
        if self.dynamic:
            values = f"rate {self.rate:g}, decay {self.dynamic_decay:g}, every {self.dynamic_steps} tokens"
            parts.append(f"dynamic evaluation by {self.dynamic} ({values})")
        return " and ".join(parts)


def adapted_losses(
    model: LanguageModel, texts: Sequence[str], how: Adaptation, *, train: Ragged | None = None
) -> list[Surprise]:
    """What every token of every document costs a model that adapts as it reads; see `LanguageModel.log_losses`.

    Args:
        model: A fitted model, which stays as it is.
        texts: Documents; each is read from its beginning with the trained weights and an empty cache.
        how: What adapts. Choose it on dev texts.
        train: Numbers of the tokens of training text, for `dynamic="rms"`.

    Raises:
        InputError: `dynamic="rms"` has no training text.
        DivergedError: The steps of dynamic evaluation are too large.
    """
    network = deepcopy(model.network_).eval()
    scales = None
    if how.dynamic == "rms":
        if train is None:
            raise InputError("dynamic 'rms' measures gradients on training text, expected train=")
        scales = root_mean_squares(network, train, how.dynamic_steps)
    found = []
    for ids in model.encode(texts):
        weights = None if how.dynamic is None else _MovingWeights(network, model.network_, how, scales)
        nats = _read(network, ids.to(network.embedding.weight.device), how, weights)
        found.append(Surprise(model.codec_.spell(ids.tolist()), nats.double().cpu().numpy()))
    return found


def best_adaptation(
    model: LanguageModel, dev: Sequence[str], candidates: Iterable[Adaptation], *, train: Ragged | None = None
) -> tuple[Adaptation, float]:
    """The one of several adaptations under which dev texts surprise a model least.

    Args:
        model: A fitted model.
        dev: Texts that the model was not trained on, and that are not those it is to be measured on.
        candidates: One or more; those that diverge are passed over.
        train: As in `adapted_losses`.

    Returns:
        The adaptation, and the mean surprise of a token in nats.

    Raises:
        InputError: As `adapted_losses`, or there is no candidate.
        DivergedError: All of them do.
    """
    means = []
    problem = InputError("there is no adaptation to choose from, expected one or more")
    for how in candidates:
        try:
            nats = np.concatenate([one.nats for one in adapted_losses(model, dev, how, train=train)])
        except DivergedError as error:
            problem = error
        else:
            means.append((how, float(nats.mean())))
    if not means:
        raise problem
    return min(means, key=lambda pair: pair[1])


def root_mean_squares(network: LanguageNetwork, train: Ragged, steps: int) -> list[Tensor]:
    """The root mean square of every weight's gradient over windows of training text, in the order of `parameters()`.

    Args:
        network: In evaluation mode.
        train: Numbers of the tokens of every training document.
        steps: Of a window.
    """
    weights = list(network.parameters())
    squares = [torch.zeros_like(weight) for weight in weights]
    state: States | None = None
    windows = Streams(train, rows=MEASURED_ROWS, steps=steps).epoch(0)[:MEASURED_WINDOWS]
    for window in windows:
        window = window.to(weights[0].device)
        hidden, after = network(window.inputs, state, lengths=window.lengths, reset=window.reset)
        state = detached(after)
        losses = network.losses(hidden, window.targets)
        if window.lengths is not None:
            losses = losses * (torch.arange(losses.shape[1], device=losses.device) < window.lengths[:, None])
        for square, gradient in zip(squares, _gradients(losses.sum() / window.tokens, weights), strict=True):
            square.addcmul_(gradient, gradient)
    return [(square / len(windows)).sqrt_() for square in squares]


class _MovingWeights:
    """The weights of a network that learns from what it has read, and where they came from."""

    def __init__(
        self, network: LanguageNetwork, trained: LanguageNetwork, how: Adaptation, scales: list[Tensor] | None
    ) -> None:
        self.weights = list(network.parameters())
        self.trained = [weight.detach() for weight in trained.parameters()]
        with torch.no_grad():
            for weight, origin in zip(self.weights, self.trained, strict=True):
                weight.copy_(origin)
        self.rate = how.rate
        self.divisors: Sequence[Tensor | float] = [1.0] * len(self.weights)
        self.pulls: Sequence[Tensor | float] = [how.dynamic_decay] * len(self.weights)
        if scales is not None:
            mean = sum(float(scale.sum()) for scale in scales) / sum(scale.numel() for scale in scales)
            self.divisors = [scale + EPSILON for scale in scales]
            self.pulls = [(how.dynamic_decay * scale / max(mean, 1e-30)).clamp_(max=1) for scale in scales]

    def learn(self, loss: Tensor) -> None:
        """One step down the gradient of the mean loss of a window, and back towards the trained weights."""
        gradients = _gradients(loss, self.weights)
        with torch.no_grad():
            for weight, origin, gradient, divisor, pull in zip(
                self.weights, self.trained, gradients, self.divisors, self.pulls, strict=True
            ):
                weight.add_(pull * (origin - weight) - self.rate * gradient / divisor)


class _Cache:
    """The last features and the tokens that followed them."""

    def __init__(self, how: Adaptation) -> None:
        self.size, self.weight, self.flatness = how.cache, how.cache_weight, how.cache_flatness
        self.features: Tensor | None = None
        self.tokens: Tensor | None = None

    def mix(self, losses: Tensor, features: Tensor, targets: Tensor) -> Tensor:
        """The losses `[time]` of the mixture, after which `features [time, size]` and targets are remembered."""
        before = 0 if self.features is None or self.tokens is None else len(self.features)
        keys = features if self.features is None else torch.cat([self.features, features])
        values = targets if self.tokens is None else torch.cat([self.tokens, targets])
        at = before + torch.arange(len(targets), device=targets.device)[:, None]
        past = torch.arange(len(values), device=targets.device)
        seen = (past < at) & (past >= at - self.size)
        alike = (self.flatness * (features @ keys.T)).masked_fill(~seen, -torch.inf)
        same = alike.masked_fill(values != targets[:, None], -torch.inf).logsumexp(1) - alike.logsumexp(1)
        mixed = torch.logaddexp(math.log1p(-self.weight) - losses, math.log(self.weight) + same)
        self.features, self.tokens = keys[-self.size :], values[-self.size :]
        return torch.where(seen.any(1), -mixed, losses)  # nothing is remembered at the first token of all


def _read(network: LanguageNetwork, ids: Tensor, how: Adaptation, weights: _MovingWeights | None) -> Tensor:
    """What every token of one document costs, `[length]`.

    Raises:
        DivergedError: The tokens of a window cost so much that their perplexity is not finite.
    """
    found = [torch.zeros(0, device=ids.device)]
    inputs = torch.cat([ids.new_full((1,), START), ids])[: len(ids)]
    cache = _Cache(how) if how.cache else None
    state: States | None = None
    steps = STATIC_STEPS if weights is None else how.dynamic_steps
    for start in range(0, len(ids), steps):
        targets = ids[start : start + steps]
        with torch.set_grad_enabled(weights is not None):
            hidden, after = network(inputs[None, start : start + steps], state)
            losses = network.losses(hidden, targets[None])[0]
        state = detached(after)
        scored = losses.detach()
        found.append(scored if cache is None else cache.mix(scored, hidden[0].detach(), targets))
        if weights is not None:
            if not scored.mean() < MOST_NATS:
                raise DivergedError(
                    f"dynamic evaluation diverged at token {start + 1:,} of a document, expected a finite perplexity; "
                    f"try a dynamic_rate below {how.rate:g}"
                )
            weights.learn(losses.mean())
    return torch.cat(found)


def _gradients(loss: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    """Of a loss by all weights; zero where one has no part in it."""
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
