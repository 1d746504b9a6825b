"""Pictures, or sequences of frames, to a sentence on each."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import torch

from treadle.data.pictures import Captioned, captioned_of_lists
from treadle.data.split import held_out
from treadle.errors import InputError
from treadle.tasks.caption.encoders import FramesEncoder, PictureEncoder
from treadle.tasks.caption.features import CaptionFeatures
from treadle.tasks.caption.reporting import Reported
from treadle.tasks.caption.settings import CaptionerSettings, LookingSettings
from treadle.tasks.settings import check
from treadle.tasks.translate.encoder import Encoder
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.writer import Writer
from treadle.training import Conduct


class Captioner(Writer, Reported):
    """Learn to say in a sentence what a picture shows, or what happens in a sequence of frames.

    A convolutional net, trained jointly, makes regions of a picture (`treadle.nn.regions.Regions`); of frames, each a
    row of numbers, recurrent layers make what is looked at. A decoder with attention writes: the translator's, with its
    losses and its search; see `treadle.tasks.translate.network.TranslationNetwork`.

    Args:
        hidden_size: Units of each layer of the decoder, and of both directions over frames together.
        layers: Depth of either.
        bidirectional: Whether frames are also read from the end.
        embedding_size: Numbers a symbol.
        tied: Whether the embedding is also the weight of the softmax; None for yes, but for characters and bytes.
        attention: "general", "additive", "dot" or "scaled"; see `treadle.nn.Attention`.
        attention_size: Size of the space where "additive" and "scaled" compare; None for `hidden_size`.
        heads: Of "scaled".
        coverage: Whether attention knows what was looked at before.
        coverage_weight: Weight of the penalty for looking twice, where there is coverage.
        input_feeding: Whether what was looked at enters the recurrence, and so what is looked at next.
        picture_size: Pixels of a picture's longer side, at most: larger ones are made smaller.
        filters: Of the first convolution; each further stage has twice as many as that before.
        stages: Convolutions that halve height and width: a region is `2 ** stages` pixels wide and high.
        blocks: Residual convolutions behind them.
        unit: What a symbol of a caption is: "word", "char", "subword" or "byte"; None for words, or characters in a
            script without spaces.
        vocabulary_size: Symbols at most; None for 8,000 sub-words or 30,000 words.
        min_count: Occurrences a symbol must have in training; None leaves it to `TokenCodec.fit`.
        lowercase: Whether upper case of captions is folded.
        dropout: Share of features dropped of all regions or frames alike, between layers and before the answer, in
            training.
        embedding_dropout: Share of a symbol's features dropped for a whole sentence, in training.
        word_dropout: Share of symbols before that are replaced by the unknown one, in training.
        label_smoothing: Share of the probability that is aimed at all symbols alike.
        scheduled_sampling: Share of the symbols before that are the network's own, in training.
        beam_size: Hypotheses that are kept of a caption; 1 for greedy search.
        normalisation: Of a hypothesis's score by its length: "average", "gnmt" or "none"; see
            `treadle.tasks.search.BeamSettings`.
        length_penalty: Its exponent.
        no_repeat_ngram: n of n-grams that no caption has twice; 0 for no such rule.
        batch_size: Pictures or sequences a batch at most.
        batch_tokens: Padded regions or frames a batch, at most.
        precision: As in `treadle.training.TrainingSettings`.
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        features_: From pictures or frames to numbers, and from symbols to sentences.
        network_: The trained network.
        history_: One record an epoch.
        train_rows_: The rows that were trained on.
        dev_rows_: The rows that were set aside, or None where dev rows were given.

    Example:
        >>> import numpy as np
        >>> X = [np.full((8, 8, 3), shade) for shade in (0.1, 0.9)] * 16
        >>> quick = {"hidden_size": 8, "embedding_size": 8, "filters": 4, "blocks": 0, "batch_size": 8, "epochs": 30}
        >>> model = Captioner(dropout=0, learning_rate=0.03, **quick).fit(X, ["a dark one", "a light one"] * 16)
        >>> model.predict([np.full((6, 9, 3), 0.9)])
        ['a light one']
    """

    task = "caption"
    shape, reading = CaptionerSettings, LookingSettings
    network_: TranslationNetwork  # both base classes know of one

    def __init__(
        self,
        *,
        hidden_size: int = 128,
        layers: int = 1,
        embedding_size: int = 64,
        input_feeding: bool = True,
        picture_size: int = 96,
        filters: int = 32,
        stages: int = 2,
        blocks: int = 2,
        dropout: float = 0.1,
        embedding_dropout: float = 0.1,
        label_smoothing: float = 0.0,
        batch_size: int = 20,
        batch_tokens: int = 32768,
        precision: str = "float32",
        **options: Any,
    ) -> None:
        options |= {"hidden_size": hidden_size, "layers": layers, "dropout": dropout, "input_feeding": input_feeding}
        options |= {"embedding_size": embedding_size, "embedding_dropout": embedding_dropout}
        options |= {"label_smoothing": label_smoothing}
        super().__init__(batch_size=batch_size, batch_tokens=batch_tokens, precision=precision, **options)
        self.picture_size = picture_size
        self.filters = filters
        self.stages = stages
        self.blocks = blocks

    def fit(self, X: Any, y: Any, *, dev: Sequence[Any] | None = None) -> Self:
        """Train.

        Args:
            X: Pictures or sequences of frames: names of files, arrays `[height, width, channels]` of bytes or of
                fractions from 0 to 1, or arrays `[time, features]`; sizes and lengths may differ.
            y: A sentence on each.
            dev: `(X, y)` to choose the best epoch by; by default a part of the rows is set aside.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        if dev is not None and len(dev) != 2:
            raise InputError(f"dev is a {type(dev).__name__} of {len(dev)}, expected (X, y)")
        return self.fit_captioned(captioned_of_lists(X, y), dev=None if dev is None else captioned_of_lists(*dev))

    def fit_captioned(
        self,
        data: Captioned,
        *,
        dev: Captioned | None = None,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train on rows as readers give them; what `fit` and the command line share.

        Args:
            data: Pictures or frames with captions.
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
        looking = check(LookingSettings, self.get_params())
        self.features_, train = CaptionFeatures.fit_encode(data, looking, 2**self.stages)
        held = self.features_.encode(dev)
        lengths = train.lengths
        if lengths.max() > self.batch_tokens:
            longest = int(lengths.argmax())
            raise InputError(
                f"{data.places[longest]}: {lengths[longest]:,} regions, frames or symbols, expected at most "
                f"batch_tokens = {self.batch_tokens:,}; raise batch_tokens, or lower picture_size"
            )
        self.train_on(train, held, **how)
        return self

    def build_network(self) -> TranslationNetwork:
        """A fresh network for the fitted features, drawn by `seed`; it takes the place of `network_`.

        Raises:
            InputError: An argument lies outside its range.
        """
        settings = self.recurrent_settings()
        assert isinstance(settings, CaptionerSettings)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = TranslationNetwork(self._encoder(settings), settings, vocabulary=len(self.features_.target))
        return self.network_

    def _encoder(self, settings: CaptionerSettings) -> Encoder:
        scaler = self.features_.scaler
        if scaler is None:
            return PictureEncoder(settings.filters, settings.stages, settings.blocks, dropout=settings.dropout)
        if settings.bidirectional and settings.hidden_size % 2:
            raise InputError(
                f"hidden_size is {settings.hidden_size}, expected an even number: half of it reads from either end"
            )
        return FramesEncoder(
            scaler.features,
            settings.cell,
            settings.hidden_size // (1 + settings.bidirectional),
            settings.layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            init=settings.init,
        )

    def describe(self) -> str:
        """The model in a few words: "Convolutional encoder, LSTM decoder with general attention and input feeding"."""
        words = super().describe()
        encoder, written = "Convolutional encoder", words.replace("bidirectional ", "").replace("Bidirectional ", "")
        if not self.features_.pictured:
            encoder = f"{words} encoder of frames"
        fed = " and input feeding" if self.input_feeding else ""
        return f"{encoder}, {written} decoder with {self.attention} attention{fed}"

    def explain(self) -> list[str]:
        """What runs the encoder, and which engine runs the decoder and why not the others."""
        encoder: Any = self.network_.encoder
        looks = f"encoder: {encoder.stack.explain()}" if isinstance(encoder, FramesEncoder) else _CONVOLUTIONS
        return [looks, _STEPS if self.input_feeding else f"decoder: {self.network_.decoder.explain()}"]

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            InputError: It is damaged.
            KeyError, TypeError, AttributeError, ValueError: So is this.
        """
        self.features_ = CaptionFeatures.from_json(saved["features"])
        if self.features_.reduction != 2**self.stages:
            raise InputError(f"regions of {self.features_.reduction} pixels do not fit stages = {self.stages}")


_CONVOLUTIONS = "encoder: convolutions, by torch"
_STEPS = "decoder: step by step, by torch, since what was looked at enters the recurrence (input_feeding)"
