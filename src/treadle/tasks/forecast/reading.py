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

    def read_training(self, data: Any, *, like: Panel | None = None) -> Panel:
        """Series to be trained on, in any form that `fit` takes; or those of dev and test that follow them.

        Args:
            data: They.
            like: Series whose covariates and clock they must have.

        Raises:
            InputError: They cannot be read; or their time stamps are of several zones, and those of `like` were not.
        """
        if like is None:
            return self._read(data, self._arguments(), None)
        roles = _roles(like.past_names, like.future_names, like.static_names)
        return self._read(data, self._arguments() | roles, like)

    def read(self, data: Any) -> Panel:
        """Series that the fitted model is asked about, with the covariates and by the clock of training.

        Args:
            data: They, in any form that `fit` takes.

        Raises:
            InputError: As in `read_training`.
        """
        features = self.features_
        roles = _roles(features.past.names, features.future.names, features.static.names)
        return self._read(data, self._arguments() | roles, features)

    def _arguments(self) -> dict[str, Any]:
        """Of `read_panel`, as far as they are this estimator's own."""
        names = ("id", "time", "target", "past", "future", "static", "frequency", "duplicates")
        arguments = self.get_params()
        return {name: arguments[name] for name in names}

    def _read(self, data: Any, options: dict[str, Any], clock: Panel | PanelFeatures | None) -> Panel:
        """Read series; with a clock, on its grid, by the rule of training for stamps off it, written as its were."""
        if isinstance(data, Panel):
            return data
        if clock is None:
            return read_panel(data, **options)
        as_trained = {"frequency": clock.frequency, "utc": clock.utc, "written": clock.written}
        panel = read_panel(data, **options | as_trained, strict=options["frequency"] is None)
        if panel.utc and not clock.utc:
            raise InputError(
                f"{panel.source}: found time stamps of several zones, expected local time or one zone, as in training; "
                "leave the zones out, or train on stamps of all of them"
            )
        return panel

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
        roles = _roles((), self.features_.future.names, ())
        ahead = self._read(data, self._arguments() | roles | {"target": []}, self.features_)
        return replace(ahead, ids=known.ids) if len(ahead) == len(known) == 1 else ahead


def _roles(past: Sequence[str], future: Sequence[str], static: Sequence[str]) -> dict[str, Any]:
    """What `read_panel` is told so that it finds the same columns again."""
    return {"past": list(past), "future": list(future), "static": list(static)}
