"""Time series for forecasting: reading them onto regular grids, their calendar and their season."""

from treadle.data.forecasting.frequency import Frequency, Stamp, Stamps, show
from treadle.data.forecasting.panel import Panel
from treadle.data.forecasting.reading import read_panel

__all__ = ["Frequency", "Panel", "Stamp", "Stamps", "read_panel", "show"]
