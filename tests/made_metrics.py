"""Metrics of biflows whose virtues and faults are known."""

import numpy as np

from ntgbench.interfaces import Measured

BINS = 20


def _jsd(first: np.ndarray, second: np.ndarray) -> float:
    """Jensen-Shannon divergence, base 2, of two samples of integers."""
    size = int(max(first.max(), second.max())) + 1
    p, q = (np.bincount(side, minlength=size) / len(side) for side in (first, second))
    middle = (p + q) / 2
    return sum(float(np.sum(side[side > 0] * np.log2(side[side > 0] / middle[side > 0]))) for side in (p, q)) / 2


def _macro(of_class, real, synthetic) -> float:
    """Mean over classes; a class without synthetic biflows counts 1."""
    found = []
    for label in np.unique(real.label):
        sides = [side.signed_pl[side.label == label].astype(np.int64) for side in (real, synthetic)]
        found.append(of_class(*sides) if len(sides[1]) else 1.0)
    return float(np.mean(found))


def _symbols(rows: np.ndarray) -> np.ndarray:
    """Bins of signed lengths, 1..BINS, 0 for no packet."""
    return np.where(rows != 0, 1 + (rows + 1460) * BINS // 2921, 0)


def _lengths_and_directions(real: np.ndarray, synthetic: np.ndarray) -> float:
    powers = 3 ** np.arange(real.shape[1])
    directions = _jsd(*((np.sign(side) + 1) @ powers for side in (real, synthetic)))
    positions = np.arange(real.shape[1]) * (BINS + 1)
    lengths = _jsd(*((_symbols(side) + positions)[side != 0] for side in (real, synthetic)))
    return (directions + lengths) / 2


def _single(real: np.ndarray, synthetic: np.ndarray) -> float:
    return _jsd(*(_symbols(side)[side != 0] for side in (real, synthetic)))


def measure(real, synthetic, seed) -> dict[str, object]:
    """Metrics of fidelity, one good, the others each with a fault."""
    first = [int(side.signed_pl[0].astype(np.int64).sum()) for side in (real, synthetic)]
    lengths = [np.abs(side.signed_pl.astype(np.int64)) for side in (real, synthetic)]
    perfect = _macro(_lengths_and_directions, real, synthetic)
    return {
        "perfect": perfect,
        "likeness": 1 - perfect,
        "random": float(np.random.default_rng([seed, *map(abs, first)]).random()),
        "order_blind": _macro(_single, real, synthetic),
        "class_blind": _single(*(side.signed_pl.astype(np.int64) for side in (real, synthetic))),
        "largest": float(abs(lengths[0].max() - lengths[1].max())),
        "biased": first[1] % 97 / 97,
        "growing": min(1.0, perfect * len(real) / 20_000),
        "undefined": "a class is missing" if len(np.unique(synthetic.label)) < len(real.classes) else perfect,
        "broken": float("nan"),
    }


def copying(real, synthetic, seed) -> dict[str, float]:
    """A metric of verbatim copies alone."""
    return {"novelty": _share_in(real, synthetic)}


def flat(real, synthetic, seed) -> dict[str, float]:
    """A metric that sees nothing."""
    return {"constant": 0.5}


def exposure(real, synthetic, seed) -> dict[str, object]:
    """Metrics of what synthetic traffic gives away, the first two good."""
    gap = _share_in(real.train, synthetic) - _share_in(real.test, synthetic)
    half = 0.5 + gap / 2
    return {
        "copied": gap,
        "near_half": Measured(half, half - 0.02, half + 0.02),
        "overconfident": Measured(half + 0.1, half + 0.099, half + 0.101),
        "always": 0.3,
    }


def _share_in(real, synthetic) -> float:
    known = {row.tobytes() for row in real.signed_pl}
    return float(np.mean([row.tobytes() in known for row in synthetic.signed_pl]))


def bits(real, synthetic, seed, likelihood) -> dict[str, object]:
    """Bits a biflow, of the likelihoods that the system tells."""
    if likelihood is None:
        return {"bits": "the system tells no likelihood"}
    return {"bits": float(np.minimum(-likelihood.sum(axis=1), 1e3).mean() / np.log(2))}
