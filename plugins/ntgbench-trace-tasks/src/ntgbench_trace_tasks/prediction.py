"""Prediction of load: models learn from the synthetic trace and predict the real one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_trace_tasks.forecasts import MODELS, forecast
from ntgbench_trace_tasks.load import BINS, load, load_as_reference

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_trace_tasks.load import Load, Series

KINDS = ("throughput", "packet_rate")

WINDOW = BINS // 5
"""Bins by which the window grows from split to split."""

STEPS = 20
"""Bins that a model predicts: the last ones of each split's window."""

LEAST_BINS = 30
"""Bins that the reference's form needs: 20 that it cuts off, and 10 that give 5 neighbours 5 lags each."""


def predict(model: str, real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """Error of a model trained on synthetic load, divided by that of the same model trained on real load.

    CascadeNet's evaluation (README, "Prediction"). The load of both traces is counted in 200 bins of the real span,
    each from its own first packet. Split i of 5 looks at the first 40 i bins: a model learns all but the last 20 of one
    trace and predicts the last 20 of the real one; its error is the sum of absolute differences.

    Returns `throughput_MODEL` and `packet_rate_MODEL` for one of `MODELS`: the mean ratio over the splits where it is
    finite; its standard error as `@se`; the ratio of the sums over splits as `@sums`; and as `@ref` the mean by the
    reference's code, where the traces overlap in absolute time. A text when no ratio is finite.
    """
    from threadpoolctl import threadpool_limits

    span_ns, names = real.span_ns, [f"{kind}_{model}" for kind in KINDS]
    if span_ns == 0 or not len(synthetic):
        reason = "the real trace has no duration" if len(synthetic) else "the synthetic trace has no packets"
        return dict.fromkeys(names, reason)
    sides = load(real, span_ns), load(synthetic, span_ns)
    start_ns = int(real.time_ns.min())
    as_reference = [load_as_reference(trace, start_ns, span_ns) for trace in (real, synthetic)]
    values: dict[str, float | str] = {}
    with threadpool_limits(1):
        for kind in KINDS:
            values |= _ratios(kind, model, *sides)
            if len(as_reference[1].packet_rate) >= LEAST_BINS:
                values |= _reference(kind, model, *as_reference)
    return values


ar, arma, knn, dt, rf, ab = (partial(predict, model) for model in MODELS)


def _ratios(kind: str, model: str, real: Load, synthetic: Load) -> dict[str, float | str]:
    name = f"{kind}_{model}"
    of_real, of_synthetic = (_errors(kind, model, side, real) for side in (real, synthetic))
    ratio = _divided(of_synthetic, of_real)
    if not len(ratio):
        return {name: "the model trained on real load makes no error in any split, or cannot be fitted"}
    values: dict[str, float | str] = {name: float(ratio.mean())}
    if len(ratio) > 1:
        values[f"{name}@se"] = float(ratio.std(ddof=1) / np.sqrt(len(ratio)))
    known = np.isfinite(of_real) & np.isfinite(of_synthetic)
    values[f"{name}@sums"] = float(of_synthetic[known].sum() / of_real[known].sum())
    return values


def _reference(kind: str, model: str, real: Load, synthetic: Load) -> dict[str, float | str]:
    whole = kind == "packet_rate"  # its buffers hold integers
    ratio = _divided(*(_errors(kind, model, side, real, whole) for side in (synthetic, real)))
    return {f"{kind}_{model}@ref": float(ratio.mean())} if len(ratio) else {}


def _errors(kind: str, model: str, side: Load, real: Load, whole: bool = False) -> Series:
    """Sum of absolute errors in each split of a model that learns from `side`, float64 (5,)."""
    learnt, target = getattr(side, kind), getattr(real, kind)
    errors = []
    for end in range(WINDOW, BINS + 1, WINDOW):
        expected = forecast(model, learnt[:end][:-STEPS], STEPS, whole)
        errors.append(np.abs(expected - target[end - STEPS : end]).sum())
    return np.array(errors)


def _divided(synthetic: Series, real: Series) -> Series:
    """Their ratio in each split, where it is finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = synthetic / real
    return ratio[np.isfinite(ratio)]
