"""Models that learn a series and predict what follows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ntgbench_trace_tasks.load import Series

LAGS = 5
"""Values before the next one from which a model predicts it."""

MODELS = ("ar", "arma", "knn", "dt", "rf", "ab")
"""ARIMA(5,0,0) and ARIMA(5,0,1); 5 nearest neighbours, a decision tree, a random forest, AdaBoost."""


def forecast(model: str, series: Series, steps: int, whole: bool = False) -> Series:
    """The next `steps` values after `series`, predicted by one of `MODELS` trained on it, float64 (steps,).

    NaN where the model cannot be fitted. `whole`: predictions of regressors are cut to whole numbers before the next
    step uses them. ARIMA does not.
    """
    if model in ("ar", "arma"):
        return _arima(series, steps, moving=int(model == "arma"))
    return _regression(_regressor(model), series, steps, whole)


def _arima(series: Series, steps: int, moving: int) -> Series:
    from statsmodels.tsa.arima.model import ARIMA

    if np.ptp(series) == 0:
        return np.full(steps, series[0])  # its likelihood has no maximum: the variance is 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of series that are short or hardly vary: the reference does not mind
        try:
            fitted = ARIMA(series, order=(LAGS, 0, moving), enforce_stationarity=False).fit()
            return np.asarray(fitted.forecast(steps), np.float64)
        except np.linalg.LinAlgError:
            return np.full(steps, np.nan)


def _regressor(model: str) -> Any:
    """Settings of CascadeNet's evaluation code."""
    from sklearn.ensemble import AdaBoostRegressor, RandomForestRegressor
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.tree import DecisionTreeRegressor

    match model:
        case "knn":
            return KNeighborsRegressor(5)
        case "dt":
            return DecisionTreeRegressor(max_depth=5, random_state=6)
        case "rf":
            return RandomForestRegressor(n_estimators=10, max_depth=5, max_features=1, random_state=6)
        case "ab":
            return AdaBoostRegressor(random_state=6)
    raise ValueError(f"no model is called {model!r}")


def _regression(model: Any, series: Series, steps: int, whole: bool) -> Series:
    """Each value from the five before it, standardised; then on from the end, where predictions become lags."""
    from sklearn import config_context
    from sklearn.preprocessing import StandardScaler

    lags = np.lib.stride_tricks.sliding_window_view(series[:-1], LAGS)
    with config_context(assume_finite=True, skip_parameter_validation=True):
        scaler = StandardScaler().fit(lags)
        model.fit(scaler.transform(lags), series[LAGS:])
        known = np.concatenate([series[-LAGS:], np.zeros(steps)])
        for step in range(steps):
            row = (known[None, step : step + LAGS] - scaler.mean_) / scaler.scale_
            value = _predicted(model, row)
            known[LAGS + step] = np.trunc(value) if whole else value
    return known[LAGS:]


def _predicted(model: Any, row: Series) -> float:
    """`model.predict(row)[0]`. Asks the trees of a model themselves: checks of each row take 20 times as long."""
    if hasattr(model, "tree_"):
        return _of_tree(model, row)
    if not hasattr(model, "estimators_"):
        return float(model.predict(row)[0])
    values = np.array([_of_tree(tree, row) for tree in model.estimators_])
    if not hasattr(model, "estimator_weights_"):
        return float(sum(values) / len(values))
    order = np.argsort(values)  # AdaBoost: the weighted median
    weight = np.cumsum(model.estimator_weights_[order])
    return float(values[order[np.argmax(weight >= 0.5 * weight[-1])]])


def _of_tree(tree: Any, row: Series) -> float:
    return float(tree.tree_.predict(row.astype(np.float32))[0, 0])
