"""E-WGAN-GP, a GAN over learnt vectors of header values."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_e_wgan_gp.parameters import EWganGpParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return [
        GeneratorSpec(
            "e-wgan-gp",
            "ntgbench_e_wgan_gp.generator:EWganGp",
            "A GAN that makes packets one by one, as learnt vectors of addresses, ports and lengths",
            parameters=EWganGpParameters,
            needs=("gensim", "torch"),
            track="headers",
            lacks=(("flows", "it makes each packet by itself, so packets form flows only by chance"),),
        )
    ]
