"""A language model with an estimator's manners: texts in, the probability of every next token out."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import torch
from sklearn.utils.validation import check_is_fitted

from treadle.data import Ragged, Vocabulary
from treadle.data.codec import TokenCodec
from treadle.data.text import choose_unit
from treadle.errors import InputError, counted
from treadle.streaming import Streaming
from treadle.tasks.estimator import Estimator
from treadle.tasks.language.network import LanguageNetwork
from treadle.tasks.language.objective import document_objective, stream_objective
from treadle.tasks.language.places import NOUNS
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.language.reading import Reader, as_documents
from treadle.tasks.language.settings import LanguageSettings, WindowSettings, epochs_for, settled
from treadle.tasks.language.split import cut_off
from treadle.tasks.language.streaming import LanguageStreamModel
from treadle.tasks.settings import check
from treadle.training import Conduct, TrainingSettings


class LanguageModel(Estimator, Reader, Streaming):
    """Learn from text what comes next.

    Documents are read end to end in contiguous streams, a window of `bptt` steps at a time, with the state carried from
    window to window and back at its initial value where a document begins. Evaluation reads every document from its
    beginning with one state, so its figures do not depend on windows and batches.

    Args:
        unit: What a token is: "word", "char", "subword" or "byte"; None decides by the script.
        vocabulary_size: Tokens at most; None leaves it to `treadle.data.codec.TokenCodec.fit`.
        min_count: Occurrences a token must have in training; None likewise.
        lowercase: Whether upper case is folded.
        embedding_size: Numbers a token; None for `hidden_size`.
        tied: Whether the embedding is also the weight of the softmax; None for yes, where that can be, but for
            characters and bytes.
        hidden_size: Units of each layer.
        layers: Depth.
        dropout: Share of features dropped between layers, one mask for all steps; None chooses this and the next four
            by the size of the text.
        input_dropout: The same below the first layer.
        output_dropout: The same above the last.
        embedding_dropout: Share of tokens hidden wherever they stand in a batch.
        weight_drop: Share of recurrent weights at zero in a batch.
        activation_regularisation: Weight of the mean square of the outputs (2 in the paper).
        temporal_regularisation: Weight of the mean square of their change from step to step (1 in the paper).
        bptt: Steps of a window.
        batch_size: Streams side by side, or documents a batch.
        independent: Whether every document is a row of its own, read whole, in batches of similar length.
        softmax: "full", or "adaptive" for a very large vocabulary of words or characters: faster, and less exact for
            rare ones.
        averaging_trigger: Instead of the running mean that `averaging` tells of, the uniform mean of all weights since
            the dev loss was first above the least of all but the last so many epochs; 0 for never. With `optimizer`
            "sgd", a `schedule` of "constant" and 5 here, this is NT-ASGD.
        unfreeze_epochs: Epochs that a layer waits longer than the one above it before it learns; None for 0, with
            `init_from` too: nothing in it is new that the rest would have to wait for (Howard & Ruder 2018, 3.2).
        precision: As in `treadle.training.TrainingSettings`. By default products of matrices round to bfloat16 in
            training where the processor is faster so, and nowhere else.
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        codec_: From text to tokens and back.
        settings_: The shape of the network and its noise, with all that was left open.
        network_: The trained network.
        history_: One record an epoch.
        dev_texts_: The texts that were set aside, or None where dev texts were given.

    Sources: S. Merity, N. Keskar & R. Socher, "Regularizing and optimizing LSTM language models", ICLR 2018.

    Example:
        >>> model = LanguageModel(unit="char", hidden_size=16, layers=1, learning_rate=0.02, seed=1)
        >>> model.fit("to be or not to be. " * 40).perplexity("to be or not to be. ") < 6
        True
    """

    task = "language-model"
    network_: LanguageNetwork

    def __init__(
        self,
        *,
        unit: str | None = None,
        vocabulary_size: int | None = None,
        min_count: int | None = None,
        lowercase: bool = False,
        embedding_size: int | None = None,
        tied: bool | None = None,
        hidden_size: int = 400,
        layers: int = 2,
        dropout: float | None = None,
        input_dropout: float | None = None,
        output_dropout: float | None = None,
        embedding_dropout: float | None = None,
        weight_drop: float | None = None,
        activation_regularisation: float = 0.0,
        temporal_regularisation: float = 0.0,
        bptt: int = 64,
        batch_size: int = 32,
        independent: bool = False,
        softmax: str = "full",
        averaging_trigger: int = 0,
        precision: str = "bfloat16-products",
        **options: Any,
    ) -> None:
        # By name, as the base class's own dropout is never left open.
        options |= {"hidden_size": hidden_size, "layers": layers, "dropout": dropout}
        super().__init__(batch_size=batch_size, precision=precision, **options)
        self.unit = unit
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.lowercase = lowercase
        self.embedding_size = embedding_size
        self.tied = tied
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.embedding_dropout = embedding_dropout
        self.weight_drop = weight_drop
        self.activation_regularisation = activation_regularisation
        self.temporal_regularisation = temporal_regularisation
        self.bptt = bptt
        self.independent = independent
        self.softmax = softmax
        self.averaging_trigger = averaging_trigger

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        filled = settled(self.get_params(), tokens=0)
        Estimator.check_arguments(type(self)(**filled))
        check(WindowSettings, filled)

    def fit(self, texts: str | Sequence[str], dev: str | Sequence[str] | None = None) -> Self:
        """Train.

        Args:
            texts: Documents, or one.
            dev: Documents to choose the best epoch by; by default the last part of the texts is cut off.

        Raises:
            InputError: An argument or the text cannot be used; one sentence says what.
        """
        return self.fit_texts(texts, dev)

    def fit_texts(
        self,
        texts: str | Sequence[str],
        dev: str | Sequence[str] | None = None,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train; what `fit` and the command line share.

        Args:
            texts: As in `fit`.
            dev: As in `fit`.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: An argument or the text cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        self.check_arguments()
        texts = as_documents(texts)
        self.dev_texts_: list[str] | None = None
        if dev is None:
            texts, held = cut_off(texts, self.dev_fraction)
            self.dev_texts_ = held
        else:
            held = as_documents(dev)
        pretrained = None if self.init_from is None else self._begin_as(Pretrained.open(self.init_from))
        self.codec_ = self._fit_codec(texts) if pretrained is None else pretrained.codec
        train, dev_ids = self.encode(texts), self.encode(held)
        if len(train.values) == 0 or len(dev_ids.values) == 0:
            empty = "training" if len(train.values) == 0 else "dev"
            raise InputError(f"the {empty} text has no token, expected at least one")
        tokens = len(train.values)
        arguments = self.get_params()
        shape = {} if pretrained is None else pretrained.whole_shape(arguments, self.left_open())
        self.settings_ = check(LanguageSettings, settled(arguments | shape, tokens, self.codec_.unit))
        settings = self._training_settings(tokens)
        characters = None if self.codec_.unit == "word" else sum(map(len, held))
        network = self.build_network()
        if pretrained is not None:
            network.load_state_dict(pretrained.network.state_dict())
        if self.independent:
            objective = document_objective(network, train, dev_ids, characters, settings)
        else:
            objective = stream_objective(network, train, dev_ids, characters, settings, self.bptt)
        self.train_network(objective, settings, **how)
        return self

    def _fit_codec(self, texts: Sequence[str]) -> TokenCodec:
        """The symbols of the training texts."""
        unit: Any = self.unit or choose_unit(texts)
        if self.softmax == "adaptive" and unit not in ("word", "char"):
            raise InputError(
                f"softmax 'adaptive' needs symbols numbered by falling frequency, which the unit {unit!r} has not; "
                "expected softmax 'full', or the unit 'word' or 'char'"
            )
        options: dict[str, Any] = {"max_size": self.vocabulary_size, "min_count": self.min_count}
        codec = TokenCodec.fit(texts, unit=unit, lowercase=self.lowercase, **options)
        known = codec.vocabulary
        if isinstance(known, Vocabulary) and not known.tokens and any(text.strip() for text in texts):
            token = "character" if unit == "char" else "word"
            least = "often enough" if self.min_count is None else f"{self.min_count:,} times"
            raise InputError(f"no {token} of the training text occurs {least}, expected one that does; lower min_count")
        return codec

    def _begin_as(self, other: Pretrained) -> Pretrained:
        """The language model to go on from, if no argument asks for other symbols than it has.

        Raises:
            InputError: One does.
        """
        kept = {
            "unit": other.codec.unit,
            "lowercase": other.codec.lowercase,
            "vocabulary_size": len(other.codec),
            "min_count": None,
        }
        defaults = self.left_open()
        for name, value in kept.items():
            given = getattr(self, name)
            if given not in (value, defaults.get(name, value)):
                has = "has its symbols already" if value is None else f"has {value!r}"
                raise InputError(f"{name} is {given!r}, but the language model in {other.folder} {has}; leave it out")
        return other

    def _training_settings(self, tokens: int) -> TrainingSettings:
        """The settings of the loop, with the number of epochs chosen where it is left open."""
        values = self.training_values(epochs_for(tokens))
        if self.unfreeze_epochs is None:
            values["unfreeze_epochs"] = 0
        return check(TrainingSettings, values)

    def build_network(self) -> LanguageNetwork:
        """A fresh network for the fitted codec, drawn by `seed`; it takes the place of `network_`.

        Raises:
            InputError: The cell has no recurrent weights to drop.
        """
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = LanguageNetwork(len(self.codec_), self.settings_)
        return self.network_

    def encode(self, texts: Sequence[str]) -> Ragged:
        """The numbers of the tokens of documents."""
        return Ragged.from_arrays(self.codec_.encode_all(texts), dtype=torch.int64)

    def stream_model(self, rows: int = 1, threads: int = 1, *, top: int = 10) -> LanguageStreamModel:
        """The fitted model for up to `rows` streams at once; `stream` and `stream_pool` run it.

        Args:
            rows: Streams at most.
            threads: Threads at most.
            top: How many of the likeliest next tokens an answer names.

        Raises:
            InputError: `top` is below 1.
        """
        check_is_fitted(self, "network_")
        return LanguageStreamModel(self.codec_, self.network_, top, rows, threads)

    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""
        units, depth = counted(self.settings_.hidden_size, "unit"), counted(self.settings_.layers, "layer")
        noun = NOUNS[self.codec_.unit]
        return f"{self.count_parameters():,} parameters, {depth} of {units}; {len(self.codec_):,} {noun}s"

    def recurrent_settings(self) -> LanguageSettings:
        """The shape of the fitted network."""
        return self.settings_

    def explain(self) -> list[str]:
        """Which engine runs the recurrent layers and why not the others."""
        return [str(self.network_.stack.explain())]

    def fitted_to_json(self) -> dict[str, Any]:
        """Codec and settings, as JSON can hold them."""
        return {"codec": self.codec_.to_json(), "settings": self.settings_.model_dump()}

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: It is damaged.
        """
        self.codec_ = TokenCodec.from_json(saved["codec"])
        self.settings_ = check(LanguageSettings, saved["settings"])
