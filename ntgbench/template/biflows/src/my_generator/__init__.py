"""my-generator: what it brings to ntgbench. This module must be quick to import."""

from __future__ import annotations

from dataclasses import dataclass

from ntgbench import GeneratorSpec, hookimpl


@dataclass(frozen=True)
class MyGeneratorParameters:
    """What a user can set as `my-generator[jitter=…]`.

    Attributes:
        jitter: standard deviation, in bytes, of the noise on each payload length.
    """

    jitter: float = 8.0

    def __post_init__(self) -> None:
        if not self.jitter >= 0:
            raise ValueError(f"jitter must be at least 0, not {self.jitter}")


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generators of this plugin."""
    return [
        GeneratorSpec(
            name="my-generator",
            target="my_generator.generator:MyGenerator",
            summary="Training biflows with noise on their payload lengths",
            parameters=MyGeneratorParameters,
        )
    ]
