"""What comes next in time series, and how sure that is."""

from treadle.tasks.forecast.estimator import Forecaster
from treadle.tasks.forecast.rolling import rolling_origin
from treadle.tasks.forecast.work import ForecastWork

__all__ = ["ForecastWork", "Forecaster", "rolling_origin"]
