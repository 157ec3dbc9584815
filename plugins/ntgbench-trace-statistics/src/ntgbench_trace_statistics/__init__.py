"""Statistics, timing and bursts of packet traces."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """What this plugin brings."""
    return []
