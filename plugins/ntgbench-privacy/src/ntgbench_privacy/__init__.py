"""Privacy metrics for ntgbench: membership attacks and copies."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec  # noqa: TC001


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """The metrics of this plugin."""
    return []
