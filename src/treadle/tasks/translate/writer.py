"""What translators and captioners share: the arguments of a decoder with attention, its search, its training."""

from typing import Any, ClassVar, Unpack

from treadle.errors import InputError, counted
from treadle.tasks.estimator import Estimator
from treadle.tasks.language.settings import ALPHABETS
from treadle.tasks.search import BeamSettings
from treadle.tasks.settings import check
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.objective import Encoded, translation_objective
from treadle.tasks.translate.settings import TranslatorSettings
from treadle.training import Conduct


class Writer(Estimator):
    """An estimator whose answer is a sequence, written symbol by symbol by a decoder that looks back at its input.

    Args:
        bidirectional: Whether the encoder's recurrent layers also read from the end.
        embedding_size: Numbers a symbol.
        tied: Whether the embedding of what is written is also the weight of the softmax; None for yes, but for
            characters and bytes.
        attention: "general", "additive", "dot" or "scaled"; see `treadle.nn.Attention`.
        attention_size: Size of the space where "additive" and "scaled" compare; None for `hidden_size`.
        heads: Of "scaled".
        coverage: Whether attention knows what was looked at before.
        coverage_weight: Weight of the penalty for looking twice, where there is coverage.
        input_feeding: Whether what was looked at enters the recurrence; several times slower.
        unit: What a symbol is: "word", "char", "subword" or "byte"; None decides by the look of the texts.
        vocabulary_size: Symbols at most; None for 8,000 sub-words or 30,000 words.
        min_count: Occurrences a symbol must have in training; None leaves it to `TokenCodec.fit`.
        lowercase: Whether upper case is folded.
        embedding_dropout: Share of a symbol's features dropped for a whole sentence, in training.
        word_dropout: Share of symbols replaced by the unknown one, in training.
        label_smoothing: Share of the probability that is aimed at all symbols alike.
        scheduled_sampling: Share of the symbols before that are the network's own, in training.
        beam_size: Hypotheses that are kept of an answer; 1 for greedy search.
        normalisation: Of a hypothesis's score by its length: "average", "gnmt" or "none"; see
            `treadle.tasks.search.BeamSettings`.
        length_penalty: Its exponent.
        no_repeat_ngram: n of n-grams that no answer has twice; 0 for no such rule.
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        shape: The settings of the network.
        reading: The settings of what it reads.
        features_: From inputs to numbers, and from symbols to text.
        network_: The trained network.
    """

    shape: ClassVar[type[TranslatorSettings]]
    reading: ClassVar[Any]
    features_: Any
    network_: TranslationNetwork

    def __init__(
        self,
        *,
        bidirectional: bool = True,
        embedding_size: int = 256,
        tied: bool | None = None,
        attention: str = "general",
        attention_size: int | None = None,
        heads: int = 1,
        coverage: bool = False,
        coverage_weight: float = 1.0,
        input_feeding: bool = False,
        unit: str | None = None,
        vocabulary_size: int | None = None,
        min_count: int | None = None,
        lowercase: bool = False,
        embedding_dropout: float = 0.3,
        word_dropout: float = 0.0,
        label_smoothing: float = 0.1,
        scheduled_sampling: float = 0.0,
        beam_size: int = 5,
        normalisation: str = "average",
        length_penalty: float = 1.0,
        no_repeat_ngram: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.bidirectional = bidirectional
        self.embedding_size = embedding_size
        self.tied = tied
        self.attention = attention
        self.attention_size = attention_size
        self.heads = heads
        self.coverage = coverage
        self.coverage_weight = coverage_weight
        self.input_feeding = input_feeding
        self.unit = unit
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.lowercase = lowercase
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.label_smoothing = label_smoothing
        self.scheduled_sampling = scheduled_sampling
        self.beam_size = beam_size
        self.normalisation = normalisation
        self.length_penalty = length_penalty
        self.no_repeat_ngram = no_repeat_ngram

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        values = self.get_params()
        for settings in (self.shape, self.reading, BeamSettings):
            check(settings, values | {"tied": values["tied"] is not False})
        if self.init_from is not None:
            kind = type(self).__name__.lower()
            raise InputError(f"init_from is a language model's folder, which a {kind} cannot begin from")

    def train_on(self, train: Encoded, held: Encoded, **how: Unpack[Conduct]) -> None:
        """Train a fresh network on what the features made of the data.

        Args:
            train: The training rows.
            held: Those to choose the best epoch by.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: Training diverged.
            Interrupted: Training was asked to stop.
        """
        self.build_network()
        a_pass = max(len(train.lengths) / self.batch_size, float(train.lengths.sum()) / self.batch_tokens)
        settings = self.training_settings(a_pass)
        self.train_network(translation_objective(self.network_, train, held, settings), settings, **how)

    def search_settings(self, beam_size: int | None = None, n_best: int = 1) -> BeamSettings:
        """How it searches, unless told otherwise; no narrower than the number of answers that is asked for.

        Raises:
            InputError: A number is below 1.
        """
        width = self.beam_size if beam_size is None else beam_size
        wide = max(width, n_best) if width >= 1 else width
        return check(BeamSettings, self.get_params() | {"beam_size": wide, "n_best": n_best})

    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""
        units = counted(self.hidden_size, "unit")
        return f"{self.count_parameters():,} parameters, {units}; {self.features_.describe()}"

    def recurrent_settings(self) -> TranslatorSettings:
        """The shape of the fitted network.

        An alphabet's embedding is next to nothing, and one that has to serve as inputs and as logits learns far more
        slowly.
        """
        tied = self.features_.target.unit not in ALPHABETS if self.tied is None else self.tied
        return check(self.shape, self.get_params() | {"tied": tied})

    def fitted_to_json(self) -> dict[str, Any]:
        """What was fitted but the weights, as JSON can hold it."""
        return {"features": self.features_.to_json()}
