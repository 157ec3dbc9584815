"""CTGAN, a conditional GAN for tables, as a generator of header traces and of biflows."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_ctgan.parameters import BiflowParameters, HeaderParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The system `ctgan`, for header traces and for biflows."""
    return [
        GeneratorSpec(
            "ctgan",
            "ntgbench_ctgan.headers:CtganOfPackets",
            "A conditional GAN for tables whose rows are packets, drawn one by one",
            parameters=HeaderParameters,
            needs=("sklearn", "torch"),
            batch="batch",
            track="headers",
            lacks=(("flows", "its packets are drawn one by one, so those that share a 5-tuple are no flow"),),
        ),
        GeneratorSpec(
            "ctgan",
            "ntgbench_ctgan.biflows:CtganOfBiflows",
            "A conditional GAN for tables whose rows are biflows, a column a packet",
            parameters=BiflowParameters,
            needs=("sklearn", "torch"),
            batch="batch",
        ),
    ]
