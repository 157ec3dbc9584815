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
    """Several metrics of fidelity."""
    order = np.arange(len(synthetic)) @ synthetic.signed_pl[:, 0].astype(np.int64)
    return {
        "perfect": _macro(_lengths_and_directions, real, synthetic),
        "likeness": 1 - _macro(_lengths_and_directions, real, synthetic),
        "constant": 0.5,
        "random": float(np.random.default_rng([seed, abs(int(order))]).random()),
        "order_blind": _macro(_single, real, synthetic),
        "class_blind": _single(*(side.signed_pl.astype(np.int64) for side in (real, synthetic))),
        "average": abs(float(abs(real.signed_pl.astype(float)).max() - abs(synthetic.signed_pl.astype(float)).max())),
        "one_sided": float(np.isin(_keys(synthetic), _keys(real), invert=True).mean()),
        "half": "there is no number" if len(np.unique(synthetic.label)) < 12 else 0.0,
        "broken": float("nan"),
    }


def _keys(biflows) -> np.ndarray:
    return np.unique(biflows.signed_pl, axis=0, return_inverse=True)[1]


def exposure(real, synthetic, seed) -> dict[str, object]:
    """Metrics of copying."""
    shares = [_share_in(side, synthetic) for side in (real.train, real.test)]
    gap = shares[0] - shares[1]
    return {
        "copied": gap,
        "copied_near": Measured(0.5 + gap / 2, 0.5 + gap / 2 - 0.02, 0.5 + gap / 2 + 0.02),
        "always": 0.3,
        "biased": shares[0] + 0.2 * (int(real.train.signed_pl.astype(np.int64).sum()) % 997) / 997,
    }


def _share_in(real, synthetic) -> float:
    known = {row.tobytes() for row in real.signed_pl}
    return float(np.mean([row.tobytes() in known for row in synthetic.signed_pl]))


def likelihood(real, synthetic, seed, likelihood) -> dict[str, object]:
    """Mean bits a biflow, a sum of the likelihoods that the system tells."""
    return {"bits": "the system tells no likelihood" if likelihood is None else float(-likelihood.sum(axis=1).mean())}
