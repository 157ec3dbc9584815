"""my-generator: what it brings to ntgbench. This module must be quick to import."""

from __future__ import annotations

from dataclasses import dataclass

from ntgbench import GeneratorSpec, hookimpl


@dataclass(frozen=True)
class MyGeneratorParameters:
    """What a user can set as `my-generator[stretch=…]`.

    Attributes:
        stretch: standard deviation of the logarithm of the factor by which a flow is slowed down.
    """

    stretch: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.stretch <= 10:
            raise ValueError(f"stretch must be in 0..10, not {self.stretch}")


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generators of this plugin."""
    return [
        GeneratorSpec(
            name="my-generator",
            target="my_generator.generator:MyGenerator",
            summary="Flows of the training trace, started at random times, each a little faster or slower",
            parameters=MyGeneratorParameters,
            track="headers",
        )
    ]
