"""STAN, a generator of header traces that draws packets one after the other, column by column."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_stan.parameters import StanParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """STAN at packet level."""
    return [
        GeneratorSpec(
            "stan",
            "ntgbench_stan.generator:Stan",
            "Packets one after the other, column by column, from a window of those before (STAN)",
            parameters=StanParameters,
            needs=("torch",),
            batch="batch",
            track="headers",
        )
    ]
