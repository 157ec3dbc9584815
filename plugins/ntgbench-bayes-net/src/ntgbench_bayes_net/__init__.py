"""Flow attributes from a Bayesian network, packets inside a flow from a semi-Markov chain."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_bayes_net.parameters import BayesNetParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generator."""
    return [
        GeneratorSpec(
            "bayes-net",
            "ntgbench_bayes_net.generator:BayesNet",
            "Connections from a Bayesian network of their attributes, their packets from a semi-Markov chain",
            parameters=BayesNetParameters,
            track="headers",
        )
    ]
