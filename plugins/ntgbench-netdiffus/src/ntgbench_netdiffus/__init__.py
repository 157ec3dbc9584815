"""A diffusion model over images of biflows as an ntgbench generator."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_netdiffus.parameters import NetDiffusParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The one generator of this plugin."""
    return [
        GeneratorSpec(
            "netdiffus-nr",
            "ntgbench_netdiffus.generator:NetDiffusGenerator",
            "A small diffusion model that draws a biflow as an image",
            parameters=NetDiffusParameters,
            needs=("torch",),
            batch="batch",
            epochs="epochs",
        )
    ]
