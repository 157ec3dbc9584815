"""Reference systems for ntgbench: the training set, a bootstrap of it, independent positions, and chains."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_baselines.parameters import BackoffParameters, MarkovParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The five reference systems."""
    return [
        GeneratorSpec(
            "real",
            "ntgbench_baselines.replay:Real",
            "The training set itself instead of synthetic traffic: the ceiling",
            reference=True,
        ),
        GeneratorSpec(
            "copy",
            "ntgbench_baselines.replay:Copy",
            "A bootstrap of the training set: high fidelity by memorising, the trap that leakage shows",
            reference=True,
        ),
        GeneratorSpec(
            "marginals",
            "ntgbench_baselines.replay:Marginals",
            "Every position drawn independently of the others: the floor",
            reference=True,
        ),
        GeneratorSpec(
            "markov",
            "ntgbench_baselines.markov:Markov",
            "A Markov chain per class over signed payload lengths and the end of the biflow",
            parameters=MarkovParameters,
            reference=True,
        ),
        GeneratorSpec(
            "backoff",
            "ntgbench_baselines.backoff:Backoff",
            "A chain per class over all packets before, mixed with ever shorter histories: counting at its best",
            parameters=BackoffParameters,
            reference=True,
        ),
    ]
