"""What a forecaster is told, checked, and what is chosen by its series where that is left open."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from treadle.data.forecasting import Frequency
from treadle.nn.distributions import Distribution, Gaussian, NegativeBinomial, StudentT
from treadle.nn.quantiles import Quantiles
from treadle.tasks.forecast.scaling import Scaling
from treadle.tasks.forecast.transform import Transform
from treadle.tasks.settings import RecurrentSettings

Output = Literal["quantiles", "gaussian", "student-t", "negative-binomial"]
Mode = Literal["direct", "autoregressive"]

NO_SEASON_HORIZON = 12
"""Steps that are forecast where neither a horizon is given nor a season found."""

LONGEST_CUSTOMARY = 168
"""Steps of the longest customary season that a window holds two of: a week of hours."""


class ForecastSettings(RecurrentSettings):
    """The shape of a forecaster's network and its answer; the fields are documented in `Forecaster`."""

    mode: Mode
    output: Output
    levels: tuple[float, ...] = Field(min_length=1)

    @field_validator("levels")
    @classmethod
    def _rise(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if not all(a < b for a, b in zip((0.0, *levels), (*levels, 1.0), strict=True)):
            raise ValueError("rising probabilities between 0 and 1")
        return levels

    def distribution(self) -> Distribution:
        """The meaning of the network's raw numbers."""
        match self.output:
            case "quantiles":
                return Quantiles(sorted({*self.levels, 0.5}))
            case "gaussian":
                return Gaussian()
            case "student-t":
                return StudentT()
            case "negative-binomial":
                return NegativeBinomial()


class OpenRefitSettings(BaseModel):
    """Whether there is a second training; the field is documented in `Forecaster`."""

    model_config = ConfigDict(frozen=True)

    refit: bool | None


class SeriesSettings(BaseModel):
    """How series become windows; the fields are documented in `Forecaster`."""

    model_config = ConfigDict(frozen=True)

    horizon: int | None = Field(ge=1)
    lookback: int | None = Field(ge=1)
    lags: int = Field(ge=1)
    season: int | None = Field(ge=1)
    scaling: Scaling
    transform: Literal["auto"] | Transform
    calendar: bool
    conformal: bool
    chunk: int | None = Field(ge=2)
    duplicates: Literal["error", "first", "last", "mean", "sum"]


def choose_horizon(season: int) -> int:
    """A season, or `NO_SEASON_HORIZON` without one."""
    return season if season > 1 else NO_SEASON_HORIZON


def choose_chunk(lookback: int) -> int:
    """Steps that gradients go through: two windows, from 64 to 256."""
    return min(256, max(64, 2 * lookback))


def choose_lookback(frequency: Frequency, season: int, horizon: int, longest: int) -> int:
    """Two seasons of the longest customary kind that the series have ten of, and no less than season and horizon.

    It is at most a third of the longest series, unless two seasons are longer: of them, it holds at most half of it.

    Args:
        frequency: Of the series.
        season: That was found; 1 for none.
        horizon: Steps ahead.
        longest: Steps of the longest series.
    """
    customary = [length for length in frequency.seasons if 10 * length <= longest and length <= LONGEST_CUSTOMARY]
    wanted = max(season, horizon, 2 * max(customary, default=6))
    return max(season, min(wanted, longest // 3), min(2 * season, longest // 2))
