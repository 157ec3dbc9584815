"""Tasks on packet traces: throughput prediction and anomaly detection."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """What this plugin brings."""
    return []
