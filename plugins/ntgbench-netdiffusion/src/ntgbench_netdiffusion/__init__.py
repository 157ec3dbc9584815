"""NetDiffusion: flows as images of header bits, made by diffusion."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return []
