"""Tasks on packet traces: prediction of load and detection of anomalous flows."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

PREDICTION = "ntgbench_trace_tasks.prediction"
ONE_CLASS = "ntgbench_trace_tasks.anomaly:one_class"
DETECTORS = "ntgbench_trace_tasks.detectors"

_MODELS = {
    "ar": "ARIMA(5,0,0)",
    "arma": "ARIMA(5,0,1)",
    "knn": "5 nearest neighbours",
    "dt": "a decision tree",
    "rf": "a random forest",
    "ab": "AdaBoost",
}

_ROWS = {
    "iat": "gaps between packets",
    "size": "lengths of packets",
    "iat_size": "gaps and lengths of packets",
    "stats": "twelve statistics of a flow",
    "samp_num": "packets in windows of a flow",
    "samp_size": "bytes in windows of a flow",
}

_DETECTORS = {
    "iforest": "isolation forests",
    "gmm": "Gaussians",
    "pca": "principal components",
    "kde": "kernel densities",
    "ae": "auto-encoders",
}


def _error(kind: str, model: str) -> MetricSpec:
    what = kind.replace("_", " ")
    return MetricSpec(
        f"{kind}_{model}",
        f"{PREDICTION}:{model}",
        f"Error of {_MODELS[model]} trained on synthetic {what}, divided by that of one trained on real {what}",
        "prediction",
        "min",
        lowest=0.0,
        track="headers",
        needs=("statsmodels",) if model in ("ar", "arma") else (),
        about=("times",),
    )


# On all traces tried, held-out traffic scored well above flows without duration and packets at random; see the README.
_TELLING = ("f1_stats", "f1_stats_kde")


def _agreement(name: str, target: str, summary: str, suite: str, needs: tuple[str, ...] = ()) -> MetricSpec:
    summary = f"F1 of {summary} trained on synthetic flows, with those trained on real flows as truth"
    return MetricSpec(
        name,
        target,
        summary,
        suite,
        "max",
        lowest=0.0,
        highest=1.0,
        primary=name in _TELLING,
        track="headers",
        needs=needs,
        about=("flows", "times"),
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Ratios of errors, 1 when synthetic load is as good to learn from as real, and agreement of detectors."""
    return [
        *(_error(kind, model) for kind in ("throughput", "packet_rate") for model in _MODELS),
        *(_agreement(f"f1_{name}", ONE_CLASS, f"one-class SVMs on {rows}", "anomaly") for name, rows in _ROWS.items()),
        *(
            _agreement(
                f"f1_{name}_{detector}",
                f"{DETECTORS}:f1_{detector}",
                f"{kind} on {rows}",
                "detectors",
                ("torch",) if detector == "ae" else (),
            )
            for name, rows in _ROWS.items()
            for detector, kind in _DETECTORS.items()
        ),
    ]
