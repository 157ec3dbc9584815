"""int8 post-training quantisations of fitted token generators as ntgbench generators."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_ptq.parameters import PtqParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Both quantisations of each token generator."""
    return [
        spec
        for base in ("llama", "mamba")
        for spec in (
            _spec(base, "wo", "WeightOnly", "weights in int8"),
            _spec(base, "da", "DynamicActivation", "weights in int8 and activations quantised as they come"),
        )
    ]


def _spec(base: str, name: str, target: str, what: str) -> GeneratorSpec:
    return GeneratorSpec(
        f"{base}-int8-{name}",
        f"ntgbench_ptq.generator:{target}",
        f"The fitted {base} with {what}",
        parameters=PtqParameters,
        needs=("torch", "torchao", "transformers"),
        base=base,
    )
