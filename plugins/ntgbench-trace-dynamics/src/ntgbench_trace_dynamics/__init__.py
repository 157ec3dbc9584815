"""Dynamics of packet traces: a queue fed by them, and their scaling behaviour."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """What this plugin brings."""
    return []
