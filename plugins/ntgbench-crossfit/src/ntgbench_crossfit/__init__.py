"""Counts and decoders that are held to what they would say of unseen traffic, as an ntgbench generator."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_crossfit.parameters import CrossfitParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The one generator of this plugin."""
    return [
        GeneratorSpec(
            "crossfit",
            "ntgbench_crossfit.generator:CrossfitGenerator",
            "Counts and LLaMA decoders of folds: each biflow is spoken of only by what has not learnt from it",
            parameters=CrossfitParameters,
            needs=("torch",),
            batch="batch",
            epochs="epochs",
        )
    ]
