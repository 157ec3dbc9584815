"""Fitted token generators as ONNX graphs, run by ONNX Runtime, as ntgbench generators."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec

FORMATS = {"onnx": ("OnnxGenerator", ""), "onnx-int8": ("Int8OnnxGenerator", " with int8 weights")}


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Each bundled token generator in ONNX Runtime, in float32 and in int8."""
    return [
        GeneratorSpec(
            f"{base}-{name}",
            f"ntgbench_onnx.generator:{target}",
            f"The fitted {base} in ONNX Runtime{weights}",
            needs=("onnx", "onnxruntime", "torch"),
            base=base,
            format=name,
        )
        for base in ("llama", "mamba")
        for name, (target, weights) in FORMATS.items()
    ]
