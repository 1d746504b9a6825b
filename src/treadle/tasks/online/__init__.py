"""Learning online: estimators that live on a stream and learn from every step as it comes."""

from treadle.tasks.online.classify import OnlineClassifier
from treadle.tasks.online.forecast import OnlineForecaster
from treadle.tasks.online.regress import OnlineRegressor

__all__ = ["OnlineClassifier", "OnlineForecaster", "OnlineRegressor"]
