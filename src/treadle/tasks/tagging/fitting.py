"""How a tagger learns: vocabularies and weights, once or twice."""

from functools import partial
from typing import Any, Self, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches
from treadle.data.split import held_out
from treadle.data.tagging import TaggedSentences
from treadle.data.vocabulary import Vocabulary
from treadle.data.word_vectors import read_word_vectors
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.refit import Refitting
from treadle.tasks.settings import check
from treadle.tasks.tagging.context import ContextFeature
from treadle.tasks.tagging.features import TaggerFeatures, folded, starting_vectors
from treadle.tasks.tagging.measure import DevMeasure
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.outside import best_outside, move_outside, refuse_without_spans
from treadle.tasks.tagging.settings import TaggerFeatureSettings, TaggerSettings
from treadle.training import Conduct, Objective


class Fitting(Refitting):
    """A tagger as far as it is trained; the arguments and attributes are documented in `SequenceTagger`."""

    features_: TaggerFeatures
    network_: TaggerNetwork
    train_rows_: NDArray[np.int64]
    dev_rows_: NDArray[np.int64] | None
    embedding_size_: int
    outside_: float
    embedding_size: int
    train_embedding: bool
    tune_outside: bool

    def fit_sentences(
        self,
        data: TaggedSentences,
        *,
        dev: TaggedSentences | None = None,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train on sentences as readers give them; what `fit` and the command line share.

        Args:
            data: Sentences with tags.
            dev: Others, to choose the best epoch by.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`, or beside it.
        """
        self.check_arguments()
        learnt, held, self.train_rows_, self.dev_rows_ = data, dev, np.arange(len(data)), None
        if held is None:
            self.train_rows_, self.dev_rows_ = self._set_aside(data)
            learnt, held = data.take(self.train_rows_), data.take(self.dev_rows_)
        train = partial(self._train, learnt, held, data)
        self.train_twice(train, given=dev is not None, **how)
        return self

    def _train(
        self,
        data: TaggedSentences,
        dev: TaggedSentences,
        whole: TaggedSentences,
        *,
        everything: bool,
        epochs: int | None,
        last: int,
        **how: Unpack[Conduct],
    ) -> None:
        """Fit vocabularies and train a fresh network.

        Args:
            data: The sentences that are learnt from.
            dev: Those that the best epoch is chosen by.
            whole: Those that tell what tags and labels there are.
            everything: Whether dev is learnt from, too.
            epochs: How many there are; None for as many as the arguments say.
            last: The epoch that is kept; 0 for the best on dev.
            **how: What `train_network` is told.
        """
        if everything:
            data = whole = data.joined(dev)
        network = self._begin(data, whole)
        if self.tune_outside:
            refuse_without_spans(self.features_)
        encoded, measure = self.features_.encode(data, gold=True), DevMeasure(self.features_, dev)
        lengths = encoded.lengths
        a_pass = max(len(lengths) / self.batch_size, float(lengths.sum()) / self.batch_tokens)
        settings = self.training_settings(a_pass, epochs)
        shuffled = BucketBatches(lengths, tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=self.seed)

        def loss(model: nn.Module, rows: NDArray[np.int64]) -> Tensor:
            batch = encoded.batch(rows, next(model.parameters()).device)
            return self.network_.loss_of(model(batch), batch)

        def evaluate(_: nn.Module) -> dict[str, float]:
            return measure(self.network_)

        layers = network.layers()
        objective = Objective(network, shuffled, loss, evaluate, measure.merit, layers=layers, last=last)
        self.train_network(objective, settings, **how)
        if not self.tune_outside:
            return
        if not everything:  # sentences that have been learnt tell nothing of how much is left out elsewhere
            self.outside_ = best_outside(self.network_, measure)
        if last or not everything:  # what takes the loop's place goes on from weights that were moved
            move_outside(self.network_, self.features_, self.outside_)

    def _set_aside(self, data: TaggedSentences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sentences to train on and to choose the best epoch by; one alone is both. Of every label some are taken."""
        labels = data.labels or []
        repeated = len(set(labels)) < len(labels)
        return held_out(labels if repeated else len(data), self.dev_fraction, seed=self.seed)

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
