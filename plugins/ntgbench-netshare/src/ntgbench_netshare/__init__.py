"""NetShare: flows as attributes and packet sequences, made by a recurrent GAN in chunks of time."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return []
