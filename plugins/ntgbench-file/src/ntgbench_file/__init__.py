"""Traffic from a file in place of a generator: generators that are closed, or in another language."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """What this plugin brings."""
    return []
