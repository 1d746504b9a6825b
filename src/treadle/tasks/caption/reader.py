"""A captioner as far as it looks and tells: the best sentence, several with their scores, what the truth costs."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from treadle.data.pictures import Captioned, captioned_of_lists
from treadle.evaluation.translation import PRIMARY, translation_scores
from treadle.tasks.caption.features import CaptionFeatures
from treadle.tasks.caption.predictions import Caption, captions
from treadle.tasks.search import BeamSettings
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.objective import evaluated
from treadle.tasks.translate.predictions import Drawing


class Reader(ABC):
    """What a fitted captioner says.

    Attributes:
        features_: From pictures or frames to numbers, and from symbols to sentences.
        network_: The trained network.
    """

    features_: CaptionFeatures
    network_: TranslationNetwork

    @abstractmethod
    def search_settings(self, beam_size: int | None = None, n_best: int = 1) -> BeamSettings:
        """How it searches, unless told otherwise."""

    def predict(self, X: Any) -> list[str]:
        """The best sentence on every picture or sequence of frames.

        Raises:
            InputError: One cannot be read.
        """
        return [found[0].text for found in self.caption(X)]

    def caption(
        self, X: Any, *, beam_size: int | None = None, n_best: int = 1, drawing: Drawing | None = None
    ) -> list[list[Caption]]:
        """The best sentences on every picture or sequence, the best first, each with score, symbols and attention.

        Args:
            X: Files, or arrays, as in `fit`.
            beam_size: In the place of the model's own.
            n_best: How many on each, as far as so many are found.
            drawing: Draw them at random instead.

        Raises:
            InputError: One cannot be read, or a number is below 1.
        """
        return self.tell(captioned_of_lists(X), beam_size=beam_size, n_best=n_best, drawing=drawing)

    def tell(
        self, data: Captioned, *, beam_size: int | None = None, n_best: int = 1, drawing: Drawing | None = None
    ) -> list[list[Caption]]:
        """The same for what readers give.

        Raises:
            InputError: As in `caption`.
        """
        check_is_fitted(self, "network_")
        how = self.search_settings(beam_size, n_best)
        return captions(self.features_, self.network_, self.features_.look(data), how, drawing=drawing)

    def log_losses(self, X: Any, y: Any) -> list[NDArray[np.float64]]:
        """What every symbol of given captions costs in nats, the end last: `[symbols + 1]` each.

        Raises:
            InputError: `X` or `y` does not fit.
        """
        check_is_fitted(self, "network_")
        pairs = self.features_.encode(captioned_of_lists(X, y))
        found: list[NDArray[np.float64]] = [np.zeros(0)] * len(pairs.lengths)
        for (costs, _, real), rows in evaluated(self.network_.eval(), pairs):
            for row, own, steps in zip(rows.tolist(), costs, real.sum(1).tolist(), strict=True):
                found[row] = own[:steps].double().cpu().numpy()
        return found

    def score(self, X: Any, y: Any) -> float:
        """BLEU of sentences; where captions are single words, the share of those that are right to the letter.

        Raises:
            InputError: `X` or `y` does not fit, or BLEU is wanted and sacrebleu is not installed.
        """
        data = captioned_of_lists(X, y)
        assert data.captions is not None
        metric = PRIMARY[self.features_.sentences]
        said = [found[0].text for found in self.tell(data)]
        return translation_scores(data.captions, said, self.features_.unspaced, only=(metric,))[metric].value
