"""CascadeNet, a generator of header traces, and its representation by itself."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_cascadenet.parameters import CascadeNetParameters, RepresentationParameters, TunedParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """CascadeNet as its paper has it, a variant that learns more in a short time, and the ceiling of both."""
    return [
        GeneratorSpec(
            "cascadenet",
            "ntgbench_cascadenet.generator:CascadeNet",
            "Three generators in a row, for flows, their packets a time step, and the packets' headers",
            parameters=CascadeNetParameters,
            needs=("gensim", "torch"),
            track="headers",
        ),
        GeneratorSpec(
            "cascadenet-tuned",
            "ntgbench_cascadenet.generator:CascadeNet",
            "CascadeNet with settings that come nearer to the training trace in a short training",
            parameters=TunedParameters,
            needs=("torch",),
            track="headers",
        ),
        GeneratorSpec(
            "cascadenet-copy",
            "ntgbench_cascadenet.copying:CascadeNetCopy",
            "The training trace, encoded and decoded as CascadeNet does: how near its representation comes at best",
            parameters=RepresentationParameters,
            reference=True,
            track="headers",
        ),
    ]
