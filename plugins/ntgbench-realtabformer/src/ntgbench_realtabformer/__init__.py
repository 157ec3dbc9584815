"""REaLTabFormer, a GPT-2 over the digits of table rows, as a generator of header traces."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_realtabformer.parameters import REaLTabFormerParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return [
        GeneratorSpec(
            "realtabformer",
            "ntgbench_realtabformer.generator:REaLTabFormer",
            "A GPT-2 over the digits of each packet's row: time, 5-tuple and header fields",
            parameters=REaLTabFormerParameters,
            needs=("realtabformer",),
            batch="batch",
            epochs="epochs",
            track="headers",
        )
    ]
