"""A translator as far as it translates: the best answer, several with their scores, what it costs to say the truth."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from treadle.data.pairs import pairs_of_lists
from treadle.evaluation.saliency import Saliency
from treadle.tasks.search import BeamSettings
from treadle.tasks.translate.explanation import saliency
from treadle.tasks.translate.features import PairFeatures
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.objective import evaluated
from treadle.tasks.translate.predictions import Drawing, Translation, Voice, translate


class Reader(ABC):
    """What a fitted translator says.

    Attributes:
        features_: From texts to symbols and back.
        network_: The trained network.
        copy_unknown: As in `Translator`.
    """

    features_: PairFeatures
    network_: TranslationNetwork
    copy_unknown: bool

    @abstractmethod
    def search_settings(self, beam_size: int | None = None, n_best: int = 1) -> BeamSettings:
        """How it searches, unless told otherwise."""

    def predict(self, X: Any) -> list[str]:
        """The best translation of every text; that of an empty one is empty.

        Raises:
            InputError: `X` is no list of strings.
        """
        return [found[0].text for found in self.translate(X)]

    def translate(
        self,
        X: Any,
        *,
        beam_size: int | None = None,
        n_best: int = 1,
        drawing: Drawing | None = None,
        beside: Sequence["Reader"] = (),
    ) -> list[list[Translation]]:
        """The best translations of every text, the best first, each with score, symbols and attention.

        Args:
            X: Source texts.
            beam_size: In the place of the model's own.
            n_best: How many of each, as far as so many are found.
            drawing: Draw them at random instead.
            beside: Other translators with the same target symbols, which write together with this one: at every step
                their probabilities are averaged.

        Raises:
            InputError: `X` is no list of strings, a number is below 1, or others have different target symbols.
        """
        voices = []
        for one in (self, *beside):
            check_is_fitted(one, "network_")
            voices.append(Voice(one.features_, one.network_))
        how = self.search_settings(beam_size, n_best)
        return translate(voices, pairs_of_lists(X).sources, how, drawing=drawing, copy_unknown=self.copy_unknown)

    def saliency(self, text: str, token: int = 0, *, steps: int | None = None) -> Saliency:
        """What moved one symbol of the translation: a weight for every symbol of the source, by integrated gradients.

        Attention says where the decoder looked; this says what its log-probability hangs on.

        Args:
            text: One source text.
            token: Which symbol of the translation, from 0.
            steps: Points on the path of the integral; None takes as many as the weights need to add up.

        Raises:
            InputError: The text has no symbol, or its translation not so many.
        """
        check_is_fitted(self, "network_")
        return saliency(self, text, token, steps)

    def log_losses(self, X: Any, y: Any) -> list[NDArray[np.float64]]:
        """What every symbol of given targets costs in nats, the end last: `[symbols + 1]` each.

        Raises:
            InputError: `X` or `y` does not fit.
        """
        check_is_fitted(self, "network_")
        pairs = self.features_.encode(pairs_of_lists(X, y))
        found: list[NDArray[np.float64]] = [np.zeros(0)] * len(pairs.lengths)
        for (costs, _, real), rows in evaluated(self.network_.eval(), pairs):
            for row, own, steps in zip(rows.tolist(), costs, real.sum(1).tolist(), strict=True):
                found[row] = own[:steps].double().cpu().numpy()
        return found
