"""Online estimators as River's own: in pipelines, metrics, `evaluate.progressive_val_score`, and its estimator checks.

They are the estimators of `treadle.tasks.online` and no more; River's base classes say what kind of estimator each is,
and give it `clone` and `|`. This module needs River: `pip install treadle[online]`.

>>> from river import evaluate, metrics, preprocessing, stream
>>> model = preprocessing.StandardScaler() | RiverRegressor(hidden_size=8)
>>> data = [({"a": t % 5, "b": 1.0}, float((t - 1) % 5)) for t in range(500)]
>>> evaluate.progressive_val_score(data, model, metrics.MAE()).get() < 1.5
True
"""

from river import base
from river.time_series.base import Forecaster as ForecasterBase

from treadle.tasks.detect.detector import AnomalyDetector
from treadle.tasks.online.classify import OnlineClassifier
from treadle.tasks.online.forecast import OnlineForecaster
from treadle.tasks.online.regress import OnlineRegressor


class RiverRegressor(OnlineRegressor, base.Regressor):
    """`OnlineRegressor` as one of River's regressors."""


class RiverClassifier(OnlineClassifier, base.Classifier):  # type: ignore[misc]  # a step may also be a list here
    """`OnlineClassifier` as one of River's classifiers, of any number of classes."""

    @property
    def _multiclass(self) -> bool:
        return True


class RiverForecaster(OnlineForecaster, ForecasterBase):
    """`OnlineForecaster` as one of River's forecasters."""


class RiverAnomalyDetector(AnomalyDetector, base.AnomalyDetector):
    """`AnomalyDetector` as one of River's."""
