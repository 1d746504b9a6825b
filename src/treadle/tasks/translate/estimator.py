"""One sequence to another: sentences to their translation, dates to their standard form, spelling to sound."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import torch

from treadle.data.pairs import Pairs, pairs_of_lists
from treadle.data.split import held_out
from treadle.errors import InputError
from treadle.evaluation.translation import PRIMARY, translation_scores
from treadle.tasks.settings import check
from treadle.tasks.translate.features import PairFeatures
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.reader import Reader
from treadle.tasks.translate.settings import PairSettings, TranslatorSettings
from treadle.tasks.translate.writer import Writer
from treadle.training import Conduct


class Translator(Writer, Reader):
    """Learn to turn one text into another from pairs of them.

    An encoder reads the source, a decoder writes the target and looks back through attention; see
    `treadle.tasks.translate.network.TranslationNetwork`. The weights that are kept are a running mean over the last
    steps (`averaging`), which does the work of averaged checkpoints.

    Args:
        hidden_size: Units of each layer of the decoder, and of both directions of the encoder together.
        layers: Depth of either.
        bidirectional: Whether the encoder also reads from the end.
        embedding_size: Numbers a symbol.
        tied: Whether the target's embedding is also the weight of the softmax; None for yes, but for characters and
            bytes.
        attention: "general", "additive", "dot" or "scaled"; see `treadle.nn.Attention`.
        attention_size: Size of the space where "additive" and "scaled" compare; None for `hidden_size`.
        heads: Of "scaled".
        coverage: Whether attention knows what was looked at before.
        coverage_weight: Weight of the penalty for looking twice, where there is coverage.
        input_feeding: Whether what was looked at enters the recurrence; several times slower.
        unit: What a symbol is on both sides: "word", "char", "subword" or "byte"; None decides by the look of each.
        joint: Whether both sides have the same symbols, with one embedding; None for sub-words of sides that share most
            characters.
        vocabulary_size: Symbols at most; None for 8,000 sub-words or 30,000 words.
        min_count: Occurrences a symbol must have in training; None leaves it to `TokenCodec.fit`.
        lowercase: Whether upper case is folded, on both sides.
        dropout: Share of features dropped between layers, of what the encoder gives, and before the answer, in
            training.
        embedding_dropout: Share of a symbol's features dropped for a whole sentence, in training.
        word_dropout: Share of symbols, read or written, replaced by the unknown one, in training.
        label_smoothing: Share of the probability that is aimed at all symbols alike.
        scheduled_sampling: Share of the symbols before that are the network's own, in training.
        beam_size: Hypotheses that are kept of a translation; 1 for greedy search.
        normalisation: Of a hypothesis's score by its length: "average", "gnmt" or "none"; see
            `treadle.tasks.search.BeamSettings`.
        length_penalty: Its exponent.
        no_repeat_ngram: n of n-grams that no translation has twice; 0 for no such rule.
        copy_unknown: Whether the source's symbol that was looked at most takes the place of an unknown one.
        batch_size: Pairs a batch at most.
        batch_tokens: Padded steps a batch, of the longer side, at most.
        precision: As in `treadle.training.TrainingSettings`. By default products of matrices round to bfloat16 in
            training where the processor is faster so, and nowhere else.
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        features_: From texts to symbols and back.
        network_: The trained network.
        history_: One record an epoch.
        train_rows_: The pairs that were trained on.
        dev_rows_: The pairs that were set aside, or None where dev pairs were given.

    Example:
        >>> X, y = ["one two", "two one", "two two", "one one"] * 8, ["I II", "II I", "II II", "I I"] * 8
        >>> quick = {"hidden_size": 16, "embedding_size": 8, "batch_size": 8, "epochs": 30, "learning_rate": 0.03}
        >>> Translator(unit="word", dropout=0, **quick).fit(X, y).predict(["two one"])
        ['II I']
    """

    task = "translate"
    shape, reading = TranslatorSettings, PairSettings
    network_: TranslationNetwork  # both base classes know of one

    def __init__(
        self,
        *,
        hidden_size: int = 512,
        layers: int = 1,
        joint: bool | None = None,
        dropout: float = 0.4,
        copy_unknown: bool = True,
        batch_size: int = 512,
        batch_tokens: int = 4096,
        precision: str = "bfloat16-products",
        **options: Any,
    ) -> None:
        options |= {"hidden_size": hidden_size, "layers": layers, "dropout": dropout}
        super().__init__(batch_size=batch_size, batch_tokens=batch_tokens, precision=precision, **options)
        self.joint = joint
        self.copy_unknown = copy_unknown

    def fit(self, X: Any, y: Any, *, dev: Sequence[Any] | None = None) -> Self:
        """Train.

        Args:
            X: Source texts.
            y: Their targets.
            dev: `(X, y)` to choose the best epoch by; by default a part of the pairs is set aside.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        if dev is not None and len(dev) != 2:
            raise InputError(f"dev is a {type(dev).__name__} of {len(dev)}, expected (X, y)")
        return self.fit_pairs(pairs_of_lists(X, y), dev=None if dev is None else pairs_of_lists(*dev))

    def fit_pairs(
        self,
        data: Pairs,
        *,
        dev: Pairs | None = None,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train on pairs as readers give them; what `fit` and the command line share.

        Args:
            data: Sources with targets.
            dev: Others, to choose the best epoch by.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        self.check_arguments()
        self.train_rows_, self.dev_rows_ = torch.arange(len(data)).numpy(), None
        if dev is None:
            self.train_rows_, self.dev_rows_ = held_out(len(data), self.dev_fraction, seed=self.seed)
            data, dev = data.take(self.train_rows_), data.take(self.dev_rows_)
        self.features_ = PairFeatures.fit(data, check(PairSettings, self.get_params()))
        train, held = self.features_.encode(data), self.features_.encode(dev)
        self._refuse_too_long(data, train.lengths.tolist())
        self.train_on(train, held, **how)
        return self

    def _refuse_too_long(self, data: Pairs, lengths: list[int]) -> None:
        longest = max(range(len(lengths)), key=lengths.__getitem__)
        if lengths[longest] > self.batch_tokens:
            raise InputError(
                f"{data.places[longest]}: a pair of {lengths[longest]:,} symbols, expected at most batch_tokens = "
                f"{self.batch_tokens:,}; cut it, or raise batch_tokens"
            )

    def build_network(self) -> TranslationNetwork:
        """A fresh network for the fitted features, drawn by `seed`; it takes the place of `network_`.

        Raises:
            InputError: An argument lies outside its range.
        """
        features = self.features_
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = TranslationNetwork.of_text(
                self.recurrent_settings(),
                source=len(features.source),
                target=len(features.target),
                joint=features.joint,
            )
        return self.network_

    def score(self, X: Any, y: Any) -> float:
        """The share of translations that are right to the letter where targets are single words, else BLEU.

        Raises:
            InputError: `X` or `y` does not fit, or BLEU is wanted and sacrebleu is not installed.
        """
        pairs = pairs_of_lists(X, y)
        assert pairs.targets is not None
        metric = PRIMARY[self.features_.sentences]
        found = translation_scores(pairs.targets, self.predict(pairs.sources), self.features_.unspaced, only=(metric,))
        return found[metric].value

    def describe(self) -> str:
        """The model in a few words: "LSTM encoder and decoder with general attention"."""
        words = super().describe()
        fed = " and input feeding" if self.input_feeding else ""
        return f"{words} encoder, decoder with {self.attention} attention{fed}"

    def explain(self) -> list[str]:
        """For encoder and decoder, which engine runs them and why not the others."""
        encoder: Any = self.network_.encoder
        return [f"encoder: {encoder.stack.explain()}", f"decoder: {self.network_.decoder.explain()}"]

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            InputError: It is damaged.
            KeyError, TypeError, AttributeError, ValueError: So is this.
        """
        self.features_ = PairFeatures.from_json(saved["features"])
