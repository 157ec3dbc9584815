"""int8 post-training quantisations of fitted token generators as ntgbench generators."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_ptq.parameters import PtqParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Both quantisations of LLaMA."""
    return [
        _spec("llama", "wo", "WeightOnly", "weights in int8"),
        _spec("llama", "da", "DynamicActivation", "weights in int8 and activations quantised as they come"),
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
