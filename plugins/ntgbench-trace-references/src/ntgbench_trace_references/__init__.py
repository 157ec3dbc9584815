"""Reference systems of packet traces: held-out, shifted, flow bootstrap, Poisson, marginals, zero."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """What this plugin brings."""
    return []
