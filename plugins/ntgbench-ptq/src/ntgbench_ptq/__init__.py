"""int8 post-training quantisation of fitted token generators as ntgbench generators."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec

SCHEMES = {
    "wo": ("WeightOnly", "weights in int8"),
    "da": ("DynamicActivation", "weights in int8 and activations quantised at run time"),
}


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Both quantisations of each bundled token generator."""
    return [
        GeneratorSpec(
            f"{base}-int8-{scheme}",
            f"ntgbench_ptq.generator:{target}",
            f"The fitted {base} with {what}",
            needs=("torch", "torchao", "transformers"),
            base=base,
            format=f"int8-{scheme}",
        )
        for base in ("llama", "mamba")
        for scheme, (target, what) in SCHEMES.items()
    ]
