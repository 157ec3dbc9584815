"""Fitted token generators as ONNX graphs, run by ONNX Runtime, as ntgbench generators."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Each token generator in ONNX Runtime, in float32 and in int8."""
    return [
        spec
        for base in ("llama", "mamba")
        for spec in (
            _spec(base, "onnx", "OnnxGenerator", f"The fitted {base} in ONNX Runtime"),
            _spec(base, "onnx-int8", "Int8OnnxGenerator", f"The fitted {base} in ONNX Runtime, its weights in int8"),
        )
    ]


def _spec(base: str, form: str, target: str, summary: str) -> GeneratorSpec:
    return GeneratorSpec(
        f"{base}-{form}",
        f"ntgbench_onnx.generator:{target}",
        summary,
        needs=("onnx", "onnxruntime", "torch"),
        base=base,
    )
