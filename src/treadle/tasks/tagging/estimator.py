"""A tag for every token, a label for every sentence if there are labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.cells import cell_names
from treadle.data import BucketBatches, split_rows
from treadle.data.tagging import TaggedSentences
from treadle.data.vocabulary import Vocabulary
from treadle.data.word_vectors import read_word_vectors
from treadle.errors import InputError, counted, nearest
from treadle.tasks.estimator import Estimator
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.settings import check
from treadle.tasks.tagging.context import ContextFeature
from treadle.tasks.tagging.features import TaggerFeatures, folded, starting_vectors
from treadle.tasks.tagging.inputs import to_tagged
from treadle.tasks.tagging.measure import DevMeasure
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.outside import refuse_without_spans, tune_outside
from treadle.tasks.tagging.reader import Reader
from treadle.tasks.tagging.settings import DecisionSettings, TaggerFeatureSettings, TaggerSettings
from treadle.training import Objective, Progress


class SequenceTagger(Estimator, Reader):
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
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        features_: Vocabularies, tags and labels.
        network_: The trained network.
        history_: One record an epoch.
        train_rows_: The sentences that were trained on.
        dev_rows_: The sentences that were set aside, or None where dev sentences were given.

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

    def fit_sentences(
        self,
        data: TaggedSentences,
        *,
        dev: TaggedSentences | None = None,
        checkpoint: Path | None = None,
        checkpoint_seconds: float = 60.0,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Train on sentences as readers give them; what `fit` and the command line share.

        Args:
            data: Sentences with tags.
            dev: Others, to choose the best epoch by.
            checkpoint: A file for the state of training.
            checkpoint_seconds: Time between two of them.
            resume: Whether to go on from it.
            progress: Is told of every step and epoch.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        self.check_arguments()
        whole, train, held = data, np.arange(len(data)), None
        if dev is None:
            train, held = self._set_aside(data)
            data, dev = data.take(train), data.take(held)
        self.train_rows_, self.dev_rows_ = train, held
        network = self._begin(data, whole)
        if self.tune_outside:
            refuse_without_spans(self.features_)
        encoded, measure = self.features_.encode(data, gold=True), DevMeasure(self.features_, dev)
        lengths = encoded.lengths
        a_pass = max(len(lengths) / self.batch_size, float(lengths.sum()) / self.batch_tokens)
        settings = self.training_settings(a_pass, checkpoint_seconds)
        shuffled = BucketBatches(lengths, tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=self.seed)

        def loss(model: nn.Module, rows: NDArray[np.int64]) -> Tensor:
            batch = encoded.batch(rows, next(model.parameters()).device)
            return self.network_.loss_of(model(batch), batch)

        objective = Objective(
            network, shuffled, loss, lambda _: measure(self.network_), measure.merit, layers=network.layers()
        )
        self.train_network(objective, settings, checkpoint=checkpoint, resume=resume, progress=progress)
        if self.tune_outside:
            tune_outside(self.network_, measure)
        return self

    def _set_aside(self, data: TaggedSentences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sentences to train on and to choose the best epoch by; one alone is both. Of every label some are taken."""
        if len(data) == 1:
            return np.arange(1), np.arange(1)
        if data.labels is not None and len(set(data.labels)) < len(data.labels):
            return split_rows(data.labels, self.dev_fraction, seed=self.seed)
        return split_rows(len(data), self.dev_fraction, seed=self.seed)

    def _begin(self, data: TaggedSentences, whole: TaggedSentences) -> TaggerNetwork:
        """Fit the vocabularies and build the network; a language model it begins from is let go afterwards."""
        pretrained = None if self.init_from is None else Pretrained.open(self.init_from)
        network = self.build_network(self._fit_features(data, whole, pretrained))
        if pretrained is not None and network.context is not None:
            pretrained.begin(network.context.embedding, network.context.stack)
        return network

    def _fit_features(
        self, data: TaggedSentences, whole: TaggedSentences, pretrained: Pretrained | None
    ) -> Tensor | None:
        """Fit the vocabularies; the beginning of the word embedding, where word vectors are given."""
        settings = check(TaggerFeatureSettings, self.get_params())
        options: dict[str, Any] = settings.model_dump(exclude={"word_vectors"})
        options["context"] = None if pretrained is None else ContextFeature.of(pretrained)
        self.embedding_size_ = self.embedding_size
        if settings.word_vectors is None:
            self.features_ = TaggerFeatures.fit(data, whole, **options)
            return None
        if self.train_embedding:
            self.features_ = TaggerFeatures.fit(data, whole, **options)
            read = read_word_vectors(settings.word_vectors, wanted=self.features_.words.tokens)
        else:
            read = read_word_vectors(settings.word_vectors)
            words = Vocabulary(dict.fromkeys(folded(read.words[: settings.vocabulary_size], settings.lowercase)))
            self.features_ = TaggerFeatures.fit(data, whole, **options, words=words)
        self.embedding_size_ = read.size
        return starting_vectors(read, self.features_.words, self.seed)

    def build_network(self, vectors: Tensor | None = None) -> TaggerNetwork:
        """A fresh network for the fitted features, drawn by `seed`; it takes the place of `network_`.

        Args:
            vectors: `[words, embedding_size]`, where the word embedding begins.

        Raises:
            InputError: An argument lies outside its range.
        """
        settings = check(TaggerSettings, self.get_params() | {"embedding_size": self.embedding_size_})
        context = self.features_.context
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = TaggerNetwork(
                settings,
                words=len(self.features_.words),
                characters=len(self.features_.characters),
                tags=len(self.features_.tags),
                labels=len(self.features_.labels),
                allowed=self.features_.allowed(),
                vectors=vectors,
                context=None if context is None else context.encoder(dropout=self.dropout, engine=self.engine),
            )
        return self.network_

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
