"""int8 post-training quantisation of fitted token generators as ntgbench generators."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec

SCHEMES = {
    "int8-wo": ("WeightOnly", "int8 weights"),
    "int8-da": ("DynamicActivation", "int8 weights and activations"),
}


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Both quantisations of each bundled token generator."""
    return [
        GeneratorSpec(
            f"{base}-{name}",
            f"ntgbench_ptq.generator:{target}",
            f"The fitted {base} with {what}",
            needs=("torch", "torchao", "transformers"),
            base=base,
            format=name,
        )
        for base in ("llama", "mamba")
        for name, (target, what) in SCHEMES.items()
    ]
