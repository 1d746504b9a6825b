"""What comes next in time series, and how sure that is."""

from treadle.tasks.forecast.estimator import Forecaster

__all__ = ["Forecaster"]
