"""A tagger as far as it reads: tags, spans with their places, probabilities, labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from treadle.data.tagging import TaggedSentences, to_spans
from treadle.errors import InputError
from treadle.evaluation.saliency import Saliency
from treadle.evaluation.spans import score_spans, token_accuracy
from treadle.streaming import Streaming
from treadle.tasks.tagging.explanation import saliency
from treadle.tasks.tagging.features import INNER, TaggerFeatures
from treadle.tasks.tagging.inputs import to_given, to_tagged
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.predictions import PredictedSpan, Tagged, batches, placed, tag_sentences
from treadle.tasks.tagging.streaming import TagStreamModel


class Reader(Streaming):
    """What a fitted tagger says of sentences.

    Attributes:
        features_: Vocabularies, tags and labels.
        network_: The trained network.
    """

    features_: TaggerFeatures
    network_: TaggerNetwork

    def tag(self, data: TaggedSentences, *, confidence: bool = False) -> Tagged:
        """What the network says of sentences as readers give them.

        Args:
            data: The sentences; their tags are not looked at.
            confidence: Whether confidence is wanted too.
        """
        check_is_fitted(self, "network_")
        return tag_sentences(self.network_, self.features_, self.features_.encode(data), confidence=confidence)

    def stream_model(self, rows: int = 1, threads: int = 1) -> TagStreamModel:
        """The fitted model for up to `rows` streams at once; `stream` and `stream_pool` run it.

        Raises:
            InputError: It also reads from the end; the sentence says what to train instead.
        """
        check_is_fitted(self, "network_")
        return TagStreamModel(self.features_, self.network_, rows, threads)

    def predict(self, X: Any) -> list[list[str]]:
        """The tags of every sentence, in the scheme of the training data.

        Args:
            X: Token lists or strings; a string is cut by `treadle.data.tagging.tokenize`.

        Raises:
            InputError: A row is neither.
        """
        return self.tag(TaggedSentences(to_given(X).tokens)).tags

    def predict_spans(self, X: Any) -> list[list[PredictedSpan]]:
        """The spans of every sentence: tokens from and to, type, words, confidence, and of strings the characters.

        Raises:
            InputError: A row of `X` is neither a token list nor a string, or the tags of this model mark no spans.
        """
        check_is_fitted(self, "network_")
        if self.features_.scheme is None:
            raise InputError("the tags of this model mark no spans, such as parts of speech; predict gives the tags")
        given = to_given(X)
        return placed(given, self.tag(TaggedSentences(given.tokens), confidence=True))

    def predict_proba(self, X: Any) -> list[NDArray[np.float64]]:
        """The probability of every tag for each token, given the whole sentence: `[tokens, tags]` a sentence.

        The columns are `features_.tags`: of spans, the tags of BIOES that the network has learnt.

        Raises:
            InputError: A row of `X` is neither a token list nor a string.
        """
        check_is_fitted(self, "network_")
        encoded = self.features_.encode(TaggedSentences(to_given(X).tokens))
        answers: list[NDArray[np.float64]] = [np.zeros((0, len(self.features_.tags)))] * len(encoded.words)
        for rows, batch, emissions, _ in batches(self.network_, encoded):
            marginals = self.network_.marginals(emissions, batch.lengths).double().cpu().numpy()
            for row, own, length in zip(rows, marginals, batch.lengths.tolist(), strict=True):
                answers[row] = own[:length]
        return answers

    def predict_labels(self, X: Any) -> list[str]:
        """The label of every sentence.

        Raises:
            InputError: A row of `X` is neither a token list nor a string, or the model labels no sentences.
        """
        check_is_fitted(self, "network_")
        if not self.features_.labels:
            raise InputError("this model labels no sentences; give fit labels= to train one that does")
        found = self.tag(TaggedSentences(to_given(X).tokens)).labels
        assert found is not None
        return [self.features_.labels[best] for best in found.argmax(1)]

    def saliency(
        self, x: Any, token: int | None = None, tag: str | None = None, *, steps: int | None = None
    ) -> Saliency:
        """What moved the tag of one token: a weight for every token of the sentence, by integrated gradients.

        What is explained is the emission of the tag, what the network gives to the CRF: without the part that its
        neighbours' tags have in it.

        Args:
            x: One sentence, a list of tokens or a string.
            token: Which token, from 0; by default the first that has a tag other than O.
            tag: Of `features_.tags`; by default the one that is answered.
            steps: Points on the path of the integral; None takes as many as the weights need to add up.

        Raises:
            InputError: `x` is neither a token list nor a string, or there is no such token or tag.
        """
        check_is_fitted(self, "network_")
        return saliency(self, to_given([x]).tokens[0], token, tag, steps)

    def score(self, X: Any, y: Any) -> float:
        """F1 of spans where tags mark them, else the share of tokens with the right tag.

        Raises:
            InputError: `X` or `y` does not fit.
        """
        data = to_tagged(X, y)
        tagged = self.tag(data)
        if tagged.spans is None:
            assert data.tags is not None
            return token_accuracy(data.tags, tagged.tags, resamples=0).value
        gold = [to_spans(tags, INNER) for tags in self.features_.inner(data)]
        return score_spans(gold, tagged.spans, resamples=0).metrics["span_f1"].value
