"""Time series for forecasting: reading them onto regular grids, their calendar and their season."""

from treadle.data.forecasting.calendar import calendar_features
from treadle.data.forecasting.frequency import Frequency, Stamp, Stamps, show
from treadle.data.forecasting.panel import Panel
from treadle.data.forecasting.reading import read_panel
from treadle.data.forecasting.seasonality import find_season

__all__ = ["Frequency", "Panel", "Stamp", "Stamps", "calendar_features", "find_season", "read_panel", "show"]
