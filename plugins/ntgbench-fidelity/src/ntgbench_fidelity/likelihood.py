"""How many bits a system needs to tell held-out biflows: the logarithmic score.

It is strictly proper: no law has a better expected score than the one that the biflows come from. Source: Gneiting and
Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102 (2007), section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.interfaces import Measured

if TYPE_CHECKING:
    from ntgbench.interfaces import Likelihood
    from ntgbench.traffic.biflows import Biflows

EPSILON = 1e-2
"""Share of a uniform law over the tokens that is mixed into what every system says of each token: without it, one token
that a system holds impossible would make its score infinite."""

DRAWS = 200
"""Draws of the bootstrap."""

FEWEST = 10
"""Sessions, or biflows where there are none, that an interval needs."""


def heldout_bits(
    real: Biflows,
    synthetic: Biflows,  # noqa: ARG001 - the system itself is asked
    seed: int,
    likelihood: Likelihood | None,
) -> dict[str, Measured | str]:
    """heldout_bits: mean of -log2 p(x | class) over the held-out biflows x.

    A biflow is told token by token: its packets, and its end if it has less than P. Each token costs

        -log2((1 - EPSILON) p + EPSILON / V)

    where p is what the system says of it, given the class and the packets before, and V counts the tokens that are
    possible: 2 pl_max signed lengths, and after the first packet the end.

    Args:
        real: the held-out biflows.
        synthetic: not used.
        seed: seed of the bootstrap.
        likelihood: what the system says of `real`, (N, P + 1), see `ntgbench.interfaces.Likelihood`.

    Returns:
        Bits a biflow, at least 0, with a 95% interval by a bootstrap over sessions, or over biflows where there are
        none; a text when the system tells no likelihoods.
    """
    if likelihood is None:
        return {"heldout_bits": "the system tells no likelihoods"}
    if not len(real):
        return {"heldout_bits": "there are no held-out biflows of classes that the system has learnt"}
    bits = bits_of(real, likelihood)
    session = np.arange(len(bits)) if real.session is None else np.unique(real.session, return_inverse=True)[1]
    total, count = np.bincount(session, bits), np.bincount(session)
    if len(total) < FEWEST:
        return {"heldout_bits": Measured(float(bits.mean()))}
    rng, means = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        drawn = rng.integers(len(total), size=len(total))
        means.append(total[drawn].sum() / count[drawn].sum())
    low, high = np.quantile(means, [0.025, 0.975])
    return {"heldout_bits": Measured(float(bits.mean()), float(low), float(high))}


def bits_of(real: Biflows, likelihood: Likelihood) -> npt.NDArray[np.float64]:
    """The bits that each biflow costs, float64 (N,)."""
    packets, first = real.packets, np.arange(real.packets) == 0
    possible = 2 * real.pl_max + np.where(first, 0, 1)
    cost = -np.log2((1 - EPSILON) * np.exp(likelihood[:, :packets]) + EPSILON / possible)
    told = np.arange(packets) <= real.lengths()[:, None]
    bits: npt.NDArray[np.float64] = np.where(told, cost, 0.0).sum(axis=1)
    return bits
