"""A forecaster with an estimator's manners: series in, quantiles of what comes next out."""

from collections.abc import Sequence
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from treadle.errors import InputError, counted
from treadle.streaming import Streaming
from treadle.tasks.forecast.blend import describe_base
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.fitting import Fitting
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.predictions import Predicting
from treadle.tasks.forecast.settings import ForecastSettings, SeriesSettings
from treadle.tasks.forecast.streaming import ForecastStreamModel
from treadle.tasks.settings import check


class Forecaster(Fitting, Predicting, Streaming):
    r"""Learn from series what comes next, and how sure that is.

    One network for all series. Each is transformed (`transform`), and every window of it is seen from its own level and
    in its own spread (`scaling`), so that a series of any size can be forecast. The network reads window after window
    and answers, after each step, with the distribution of the steps ahead, about a base forecast: a blend of linear
    rules on the window such as the last season's value, corrected by ridge regression or not, with shares by how they
    err on the end of the training data (`treadle.tasks.forecast.blend`). It begins with the errors of the base in
    training, and learns which to expect when.

    What lies last, on which the best epoch is chosen, is learnt in the end (`refit`): half of the base is fitted anew
    to all steps, a second network is trained on them (`treadle.tasks.refit.Refitting`), and what is kept lies half way
    between the two networks, the mean of their weights. Where that errs by a quarter more on dev than both of them,
    the second is kept.

    In the mode "direct" one answer holds all steps of the horizon. In the mode "autoregressive" it is the next step
    alone; what lies further ahead is drawn step by step in many paths, and any horizon may be asked for.

    Args:
        horizon: Steps ahead; None for a season, or 12 without one.
        lookback: Values in a window; None for two seasons of the longest customary kind that the series have ten of,
            and no less than the season found and the horizon.
        lags: Last values of the window that a step reads; what lies before them is left to the recurrent state and the
            base. More of them are learnt by heart.
        season: Steps of a season; 1 for none, None to find it.
        mode: "direct" or "autoregressive".
        output: "quantiles", "gaussian", "student-t", or "negative-binomial" for counts.
        levels: Probabilities of the quantiles that are answered.
        scaling: "window", or "series" by mean and deviation of all of a series so far, or "none".
        transform: "log" (of values above 0), "sqrt" (of values from 0), "none", or "auto" by how the spread of the
            training series grows with their level.
        calendar: Whether the network reads hour, weekday and such of the next step.
        conformal: Whether the quantiles are calibrated on the dev part; "direct" only.
        chunk: Steps of a stretch that gradients go through; None for two windows, from 64 to 256 steps.
        id: The column that names the series, as in `treadle.data.forecasting.read_panel`; so are the next seven.
        time: The column of time stamps.
        target: The column or columns of values.
        past: Columns of covariates that are known up to now.
        future: Columns of covariates that are known in advance.
        static: Columns of covariates that do not change.
        frequency: The step of the series, such as "hour"; None to find it.
        duplicates: What is done with rows of the same series and time: "error", "first", "last", "mean" or "sum".
        hidden_size: Units of each layer.
        dropout: Share of features dropped between layers and before the answer, in training.
        batch_size: Stretches a batch.
        refit: Whether what was set aside or given as dev is learnt in the end; None: where none is given, and
            `conformal` does not need it.
        **options: Those of `treadle.tasks.estimator.Estimator`. Of every series, `dev_fraction` at its end is dev, at
            least a season and at most a third.

    Attributes:
        features_: Fitted: season, transform, base, calendar, covariates.
        settings_: The shape of the network.
        horizon_: Steps ahead.
        network_: The trained network.
        history_: One record an epoch, of the training that dev is kept from.
        met_: Whether the mean of two trainings is kept; only where there was a second one.
        panel_: The series, dev included; not saved.

    Sources: D. Salinas et al., "DeepAR: Probabilistic forecasting with autoregressive recurrent networks",
    International Journal of Forecasting 36, 2020; S. Smyl, "A hybrid method of exponential smoothing and recurrent
    neural networks for time series forecasting", there; R. Wen et al., "A multi-horizon quantile recurrent forecaster",
    2017; T. Kim et al., "Reversible instance normalization", ICLR 2022; S. Lin et al., "SegRNN", 2023; for the mean of
    two networks' weights, M. Wortsman et al., "Model soups", ICML 2022, and J. Frankle et al., "Linear mode
    connectivity and the lottery ticket hypothesis", ICML 2020.

    Example:
        >>> import numpy as np
        >>> wave = np.sin(np.arange(120) * np.pi / 6) + np.arange(120) / 50
        >>> model = Forecaster(horizon=6, season=12, hidden_size=8, epochs=2).fit({"y": wave})
        >>> model.predict()["ds"]
        [120, 121, 122, 123, 124, 125]
    """

    task = "forecast"
    network_: ForecastNetwork

    def __init__(
        self,
        *,
        horizon: int | None = None,
        lookback: int | None = None,
        lags: int = 24,
        season: int | None = None,
        mode: str = "direct",
        output: str = "quantiles",
        levels: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        scaling: str = "window",
        transform: str = "auto",
        calendar: bool = True,
        conformal: bool = False,
        chunk: int | None = None,
        id: str | None = None,  # noqa: A002 (the column's customary name)
        time: str | Sequence[str] | None = None,
        target: str | Sequence[str] | None = None,
        past: Sequence[str] | None = None,
        future: Sequence[str] | None = None,
        static: Sequence[str] | None = None,
        frequency: str | None = None,
        duplicates: str = "error",
        hidden_size: int = 64,
        dropout: float = 0.3,
        batch_size: int = 16,
        refit: bool | None = None,
        **options: Any,
    ) -> None:
        options |= {"hidden_size": hidden_size, "dropout": dropout}
        super().__init__(batch_size=batch_size, refit=refit, **options)
        self.horizon = horizon
        self.lookback = lookback
        self.lags = lags
        self.season = season
        self.mode = mode
        self.output = output
        self.levels = levels
        self.scaling = scaling
        self.transform = transform
        self.calendar = calendar
        self.conformal = conformal
        self.chunk = chunk
        self.id = id
        self.time = time
        self.target = target
        self.past = past
        self.future = future
        self.static = static
        self.frequency = frequency
        self.duplicates = duplicates

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range, or two do not go together.
        """
        super().check_arguments()
        values = self.get_params()
        check(SeriesSettings, values)
        check(ForecastSettings, values)
        if self.init_from is not None:
            raise InputError("init_from is a language model's folder, which a forecaster cannot begin from")
        if self.conformal and self.mode == "autoregressive":
            raise InputError("conformal calibration needs mode 'direct', found 'autoregressive'")
        if self.conformal and self.refit:
            raise InputError("conformal calibration needs steps that training has not seen, expected refit=False")
        if self.output == "negative-binomial" and self.transform not in ("auto", "none"):
            raise InputError(f"counts are not transformed, expected transform 'none', found {self.transform!r}")

    def fit(self, data: Any, dev: Any = None) -> Self:
        """Train.

        Args:
            data: Whatever `treadle.data.forecasting.read_panel` reads: a data frame or file in long form (columns
                `unique_id`, `ds`, `y`) or in wide form, a dict of columns, an array of numbers; or a `Panel`.
            dev: What follows it, to choose the best epoch by; by default the end of every series.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        self.check_arguments()
        panel = self.read_training(data)
        return self.fit_panel(panel, None if dev is None else self.read_training(dev, like=panel))

    def stream_model(self, rows: int = 1, threads: int = 1) -> ForecastStreamModel:
        """The fitted model for up to `rows` streams at once; `stream` and `stream_pool` run it."""
        check_is_fitted(self, "network_")
        return ForecastStreamModel(self.features_, self.network_, self.settings_.levels, rows, threads)

    def recurrent_settings(self) -> ForecastSettings:
        """The shape of the fitted network."""
        return self.settings_

    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""
        features = self.features_
        season = f"season {features.season}" if features.season > 1 else "no season"
        return (
            f"{self.count_parameters():,} parameters, {counted(self.settings_.hidden_size, 'unit')}; windows of "
            f"{counted(features.lookback, 'value')}, {season}, transform {features.transform}, from "
            f"{describe_base(features.base)}"
        )

    def explain(self) -> list[str]:
        """Which engine runs the recurrent layers and why not the others."""
        return [str(self.network_.stack.explain())]

    def fitted_to_json(self) -> dict[str, Any]:
        """Features and settings, as JSON can hold them."""
        return {
            "features": self.features_.to_json(),
            "settings": self.settings_.model_dump(),
            "horizon": self.horizon_,
        }

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: It is damaged.
        """
        self.levels = tuple(self.levels)
        self.features_ = PanelFeatures.from_json(saved["features"])
        self.settings_ = check(ForecastSettings, saved["settings"])
        self.horizon_ = int(saved["horizon"])
