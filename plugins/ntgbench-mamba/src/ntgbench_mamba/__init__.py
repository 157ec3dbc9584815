"""A Mamba model over signed payload lengths as an ntgbench generator."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_mamba.parameters import MambaParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The one generator of this plugin."""
    return [
        GeneratorSpec(
            "mamba",
            "ntgbench_mamba.generator:MambaGenerator",
            "A small Mamba state space model that writes a biflow as a sentence of signed payload lengths",
            parameters=MambaParameters,
            needs=("torch",),
            batch="batch",
            epochs="epochs",
        )
    ]
