"""A conditional variational autoencoder over signed payload lengths as an ntgbench generator."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_cvae.parameters import CvaeParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The one generator of this plugin."""
    return [
        GeneratorSpec(
            "cvae",
            "ntgbench_cvae.generator:CvaeGenerator",
            "A conditional variational autoencoder that makes a whole biflow at once",
            parameters=CvaeParameters,
            needs=("torch",),
            batch="batch",
            epochs="epochs",
        )
    ]
