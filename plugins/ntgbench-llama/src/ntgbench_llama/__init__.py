"""A LLaMA decoder over signed payload lengths as an ntgbench generator."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_llama.parameters import LlamaParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The one generator of this plugin."""
    return [
        GeneratorSpec(
            "llama",
            "ntgbench_llama.generator:LlamaGenerator",
            "A small LLaMA decoder that writes a biflow as a sentence of signed payload lengths",
            parameters=LlamaParameters,
            needs=("torch",),
            batch="batch",
            epochs="epochs",
        )
    ]
