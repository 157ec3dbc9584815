"""NetShare: flows as attributes and packet sequences, made by a recurrent GAN in chunks of time."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_netshare.parameters import NetShareParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return [
        GeneratorSpec(
            "netshare",
            "ntgbench_netshare.generator:NetShare",
            "Flows as attributes and packet sequences, made by a recurrent GAN in chunks of time",
            parameters=NetShareParameters,
            needs=("gensim", "torch"),
            track="headers",
        )
    ]
