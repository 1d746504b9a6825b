"""How a forecaster reads series: those it is trained on, and those that it is asked about as it was trained."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sklearn.utils.validation import check_is_fitted

from treadle.data.forecasting import Panel, read_panel
from treadle.errors import InputError
from treadle.tasks.forecast.features import PanelFeatures


class Reading(ABC):
    """A forecaster as far as it reads.

    Attributes:
        features_: Fitted on the training series.
        panel_: The series that it was trained on, where it was not loaded.
    """

    features_: PanelFeatures
    panel_: Panel

    @abstractmethod
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments."""

    def read(self, data: Any, *, like: Panel | None = None) -> Panel:
        """Series in any form that `fit` takes.

        Args:
            data: They.
            like: Series whose covariates they must have.

        Raises:
            InputError: They cannot be read.
        """
        if isinstance(data, Panel):
            return data
        arguments = self.get_params()
        names = ("id", "time", "target", "past", "future", "static", "frequency", "duplicates")
        options = {name: arguments[name] for name in names}
        if like is not None:
            options |= _roles(like.past_names, like.future_names, like.static_names) | self._clock(like)
        elif hasattr(self, "features_") and hasattr(self, "network_"):
            features = self.features_
            covariates = (features.past.names, features.future.names, features.static.names)
            options |= _roles(*covariates) | self._clock(features)
        panel = read_panel(data, **options)
        if panel.utc and not options.get("utc", True):
            raise InputError(
                f"{panel.source}: found time stamps of several zones, expected local time or one zone, as in training"
            )
        return panel

    def _clock(self, like: Panel | PanelFeatures) -> dict[str, Any]:
        """What `read_panel` is told so that it reads time as in training: grid, rule for stamps off the grid, zones."""
        return {"frequency": like.frequency, "strict": self.get_params()["frequency"] is None, "utc": like.utc}

    def panel_asked(self, data: Any, future: Any) -> Panel:
        """The series that are asked about, with the covariates of the steps ahead."""
        check_is_fitted(self, "network_")
        if data is None:
            if not hasattr(self, "panel_"):
                raise InputError("a model that was loaded has no series of its own, expected data to forecast from")
            panel = self.panel_
        else:
            panel = self.read(data)
        if future is None:
            return panel
        return panel.joined(future if isinstance(future, Panel) else self.read_ahead(future, panel))

    def read_ahead(self, data: Any, known: Panel) -> Panel:
        """The covariates of steps ahead, which have no values.

        Args:
            data: They, in any form that `fit` takes.
            known: The series that they follow; a single one has whatever name they have.

        Raises:
            InputError: They cannot be read.
        """
        arguments = self.get_params()
        options = {name: arguments[name] for name in ("id", "time", "duplicates")}
        options |= _roles((), self.features_.future.names, ()) | self._clock(self.features_)
        ahead = read_panel(data, target=[], **options)
        return replace(ahead, ids=known.ids) if len(ahead) == len(known) == 1 else ahead


def _roles(past: Sequence[str], future: Sequence[str], static: Sequence[str]) -> dict[str, Any]:
    """What `read_panel` is told so that it finds the same columns again."""
    return {"past": list(past), "future": list(future), "static": list(static)}
