"""REaLTabFormer, a GPT-2 over the digits of table rows, by its package."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return []
