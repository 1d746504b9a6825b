"""A tag for every token, a label for every sentence if there are labels."""

from collections.abc import Sequence
from typing import Any, Self

from treadle.cells import cell_names
from treadle.errors import InputError, counted, nearest
from treadle.tasks.settings import check
from treadle.tasks.tagging.features import TaggerFeatures
from treadle.tasks.tagging.fitting import Fitting
from treadle.tasks.tagging.inputs import to_tagged
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.reader import Reader
from treadle.tasks.tagging.settings import DecisionSettings, TaggerFeatureSettings, TaggerSettings


class SequenceTagger(Fitting, Reader):
    """Tag the tokens of sentences: names and other spans, slots, parts of speech; and label the sentence, if asked.

    Tags may mark spans in any scheme of `treadle.data.tagging`; they are learnt as BIOES and answered in the scheme of
    the training data. A word that training did not hold is read by its characters.

    With `init_from`, what a language model of words holds after each word is read beside them, and learnt further
    (`treadle.tasks.tagging.context.ContextEncoder`). Cell, sizes, depth and direction stay those of the tagger.

    Args:
        bidirectional: Whether each layer also reads from the end. False gives a causal model, fit for streams.
        decoder: "crf" chooses the tags of a sentence together, "softmax" each for itself.
        embedding_size: Numbers a word; where `word_vectors` are given, their size takes its place.
        word_vectors: A file of word vectors (word2vec, GloVe, fastText's text), or None.
        train_embedding: Whether word vectors that were given are trained further. If not, every word of the file is
            known, in the training data or not; otherwise those of the training data.
        embedding_dropout: Share of a token's features dropped for a whole sentence, in training.
        word_dropout: Share of words replaced by the unknown one, in training.
        character_cell: The cell that reads a word's characters.
        character_embedding_size: Numbers a character.
        character_hidden_size: Units of each direction over the characters; 0 leaves them out.
        character_pooling: "last" or "max".
        lowercase: Whether words' upper case is folded; characters keep theirs.
        min_count: Occurrences a word must have in training; None for 2 in all but tiny data.
        vocabulary_size: Words at most; None for all.
        pooling: From tokens to the sentence that is labelled: "max", "mean", "last" or "attention".
        label_weight: Weight of the labels' loss beside that of the tags.
        tune_outside: Whether, after training, the score of O is moved to where F1 of the dev spans is highest.
        **options: Those of `treadle.tasks.refit.Refitting` and `treadle.tasks.estimator.Estimator`.

    Attributes:
        features_: Vocabularies, tags and labels.
        network_: The trained network.
        history_: One record an epoch, of the training that dev is kept from.
        train_rows_: The sentences that were trained on, by that training.
        dev_rows_: The sentences that were set aside, or None where dev sentences were given.
        outside_: What `tune_outside` made the score of O smaller by, in nats; saved within the weights.

    Example:
        >>> X = [["Ada", "saw", "Rome"], ["Rome", "saw", "Bob"], ["Bob", "left"], ["Ada", "left", "Oslo"]] * 8
        >>> y = [["B-PER", "O", "B-LOC"], ["B-LOC", "O", "B-PER"], ["B-PER", "O"], ["B-PER", "O", "B-LOC"]] * 8
        >>> tagger = SequenceTagger(hidden_size=16, layers=1, epochs=20, learning_rate=0.02).fit(X, y)
        >>> tagger.predict([["Bob", "saw", "Oslo"]])
        [['B-PER', 'O', 'B-LOC']]
        >>> [(span.text, span.type, span.start_char) for span in tagger.predict_spans(["Ada left Rome"])[0]]
        [('Ada', 'PER', 0), ('Rome', 'LOC', 9)]
    """

    task = "tag"
    network_: TaggerNetwork  # both base classes know of one

    def __init__(
        self,
        *,
        hidden_size: int = 200,
        layers: int = 1,
        bidirectional: bool = True,
        decoder: str = "crf",
        embedding_size: int = 100,
        word_vectors: str | None = None,
        train_embedding: bool = False,
        embedding_dropout: float = 0.3,
        word_dropout: float = 0.05,
        character_cell: str = "lstm",
        character_embedding_size: int = 30,
        character_hidden_size: int = 50,
        character_pooling: str = "last",
        lowercase: bool = True,
        min_count: int | None = None,
        vocabulary_size: int | None = None,
        pooling: str = "max",
        label_weight: float = 0.2,
        tune_outside: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(hidden_size=hidden_size, layers=layers, **options)
        self.bidirectional = bidirectional
        self.decoder = decoder
        self.embedding_size = embedding_size
        self.word_vectors = word_vectors
        self.train_embedding = train_embedding
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.character_cell = character_cell
        self.character_embedding_size = character_embedding_size
        self.character_hidden_size = character_hidden_size
        self.character_pooling = character_pooling
        self.lowercase = lowercase
        self.min_count = min_count
        self.vocabulary_size = vocabulary_size
        self.pooling = pooling
        self.label_weight = label_weight
        self.tune_outside = tune_outside

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        values = self.get_params()
        check(TaggerSettings, values)
        check(TaggerFeatureSettings, values)
        check(DecisionSettings, values)
        if self.character_cell not in cell_names():
            raise InputError(f"there is no cell {self.character_cell!r}{nearest(self.character_cell, cell_names())}")

    def fit(self, X: Any, y: Any, *, labels: Any = None, dev: Sequence[Any] | None = None) -> Self:
        """Train.

        Args:
            X: Sentences, each a list of tokens.
            y: Their tags, a list of as many strings for each.
            labels: A label for each sentence, if sentences are to be labelled too.
            dev: `(X, y)`, or `(X, y, labels)`, to choose the best epoch by; by default a part of the sentences is set
                aside.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        if dev is not None and len(dev) not in (2, 3):
            raise InputError(f"dev is a {type(dev).__name__} of {len(dev)}, expected (X, y) or (X, y, labels)")
        return self.fit_sentences(to_tagged(X, y, labels), dev=None if dev is None else to_tagged(*dev))

    def describe(self) -> str:
        """The model in a few words: "Bidirectional LSTM with a CRF"."""
        return f"{super().describe()}{' with a CRF' if self.decoder == 'crf' else ''}"

    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""
        return (
            f"{self.count_parameters():,} parameters, {counted(self.hidden_size, 'unit')}; {self.features_.describe()}"
        )

    def explain(self) -> list[str]:
        """For the layers over words and those over characters, which engine runs them and why not the others."""
        lines = [f"words: {self.network_.stack.explain()}"]
        if self.network_.characters is not None:
            lines.append(f"characters: {self.network_.characters.stack.explain()}")
        if self.network_.context is not None:
            lines.append(f"language model: {self.network_.context.stack.explain()}")
        return lines

    def fitted_to_json(self) -> dict[str, Any]:
        """Vocabularies, tags and labels, as JSON can hold them."""
        return {"features": self.features_.to_json(), "embedding_size": self.embedding_size_}

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            InputError: It is damaged.
            KeyError, TypeError, AttributeError, ValueError: So is this.
        """
        self.features_ = TaggerFeatures.from_json(saved["features"])
        self.embedding_size_ = int(saved["embedding_size"])
