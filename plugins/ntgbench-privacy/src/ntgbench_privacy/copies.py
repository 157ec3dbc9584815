"""Copies: training biflows that come out of the system again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.interfaces import Exposed
from ntgbench.tracks.biflows.splits import halves
from ntgbench_privacy.attacks import SEEN
from ntgbench_privacy.curves import share
from ntgbench_privacy.singles import groups, has_sessions, numbered, singles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ntgbench.interfaces import Measured
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_privacy.singles import Floats, Mask, Singles

REAL_DRAWS = 5
"""Random halves of the real traffic that `single_hit@real` is averaged over."""

LINEAR = 200
"""Bytes up to which lengths of a near copy may differ by 2 bytes; above, by 1%."""


def copies(real: Exposed, synthetic: Biflows, seed: int) -> Mapping[str, Measured | float | str]:
    """single_hit, exact_copies and near_copies, and what real traffic that nobody has learnt from scores.

    - single_hit: the share of the training biflows of rows that occur once in the training and the held-out set
      together, over all classes, which are among the synthetic rows. `@floor`: that of the held-out biflows of such
      rows. `@real`: half of the training set in place of the synthetic traffic, the other half and half of the held-out
      set in place of both sets.
    - exact_copies: the share of the synthetic biflows that equal a training biflow. `@floor`: of the held-out ones.
    - near_copies: the share of those that equal none and are near one, see `near`. `@floor` likewise.

    Intervals are of 95%, over the biflows that are counted, or over their sessions where those are known, see `share`.
    """
    rng = np.random.default_rng(seed)
    hit, single = _single_hits(real, synthetic)
    found: dict[str, Measured | float | str] = {}
    for form, whose, mask in (("", "training", single.member), ("@floor", "held-out", ~single.member)):
        of_them = share(hit[mask], single.group[mask], rng) if mask.any() else f"no {whose} biflow is single"
        found["single_hit" + form] = of_them
    # Draws of its own: it must not depend on how many biflows came out again.
    found["single_hit@real"] = _of_real(real, np.random.default_rng([seed, 1]))
    sessions = groups(real)[len(real.train) :] if has_sessions(real) else np.arange(len(real.test))
    compared = ("", synthetic, np.arange(len(synthetic))), ("@floor", real.test, sessions)
    for form, side, group in compared:
        exact, close = copied(side.signed_pl, real.train.signed_pl)
        found["exact_copies" + form] = share(exact, group, rng)
        found["near_copies" + form] = share(close, group, rng)
    return found


def _single_hits(real: Exposed, public: Biflows) -> tuple[Mask, Singles]:
    """Which single biflows are among public ones, bool (S,), and the single biflows."""
    single = singles(real)
    (here, there), _ = numbered(single.signed_pl, public.signed_pl)
    return np.isin(here, there), single


def _of_real(real: Exposed, rng: np.random.Generator) -> float | str:
    """The mean share of single biflows of half of the real traffic that are in the other half of the training set."""
    found, dealt = [], False
    for _ in range(REAL_DRAWS):
        train, public = halves(real.train, real.train.class_counts(), rng)
        test, _ = halves(real.test, real.test.class_counts(), rng)
        hit, single = _single_hits(Exposed(train, test), public)
        if single.member.any():
            found.append(hit[single.member].mean())
        dealt = dealt or len(public) > 0
    if not dealt:
        return "no class of the training set has two sessions, or two biflows without sessions, to deal into halves"
    return float(np.mean(found)) if found else "no half of the training set has a single biflow"


def copied(rows: SignedPL, train: SignedPL) -> tuple[Mask, Mask]:
    """Which rows, integers (N, P), equal a training row, and which others are near one, each bool (N,)."""
    (here, there), distinct = numbered(rows, train)
    known = np.zeros(distinct, bool)
    known[there] = True
    exact = known[here]
    # Each distinct row is looked for once.
    value, number = np.unique(here[~exact], return_index=True, return_inverse=True)[1:]
    close = np.zeros(len(rows), bool)
    close[~exact] = near(rows[~exact][value], train)[number]
    return exact, close


def near(rows: SignedPL, train: SignedPL) -> Mask:
    """Which rows are near one of the training rows, bool (N,).

    Near are rows with the same number of packets and the same directions, and with lengths that differ by at most 2
    bytes, or 1% where that is more: a step of 1 on a scale that is linear up to 200 bytes and logarithmic above.
    """
    from scipy.spatial import cKDTree

    def spread(side: SignedPL) -> Floats:
        length = np.abs(side[:, :SEEN].astype(np.float64))
        scale = np.where(length <= LINEAR, length / 2, LINEAR / 2 * (1 + np.log(np.maximum(length, LINEAR) / LINEAR)))
        # Packets of different directions, or none, are more than 1 apart.
        spread_out: Floats = np.sign(side[:, :SEEN]) * (1 + scale)
        return spread_out

    if not len(rows) or not len(train):
        return np.zeros(len(rows), bool)
    tree = cKDTree(spread(np.unique(train, axis=0)))
    distance = tree.query(spread(rows), p=np.inf, distance_upper_bound=1 + 1e-6)[0]
    found: Mask = np.isfinite(distance)
    return found
