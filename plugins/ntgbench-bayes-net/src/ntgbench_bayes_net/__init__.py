"""Flow attributes from a Bayesian network, packets inside a flow from a semi-Markov chain."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return []
