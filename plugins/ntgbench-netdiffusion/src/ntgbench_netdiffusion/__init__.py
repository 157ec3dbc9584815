"""NetDiffusion: flows as images of header bits, made by diffusion."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_netdiffusion.parameters import NetDiffusionParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return [
        GeneratorSpec(
            "netdiffusion-small",
            "ntgbench_netdiffusion.generator:NetDiffusion",
            "NetDiffusion: flows as images of header bits; a small diffusion model from scratch, headers repaired",
            parameters=NetDiffusionParameters,
            needs=("torch",),
            batch="batch",
            track="headers",
            lacks=(("times", "header bits hold no times: its packets are evenly spaced"),),
        )
    ]
