"""Attacks on membership: each gives every real biflow a score, higher where it is more likely a training biflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench_privacy.chain import Chains
from ntgbench_privacy.singles import groups

if TYPE_CHECKING:
    from ntgbench.interfaces import Exposed
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_privacy.singles import Floats, Integers, Singles

SEEN = 32
"""Packets of a biflow that distances and chains look at; later ones are passed over."""

APART = 100.0
"""Bytes that a packet is at least from no packet; twice that from one of the other direction."""

FARTHEST = 1000.0
"""Bytes at which a biflow resembles nothing: the search ends there, which costs a tenth and no attack any strength."""

ORDER = 5
"""Packets that the chains look back on."""

FOLDS = 5
"""Parts of the held-out set: a biflow is compared with a chain of the other parts."""


def scores(
    singles: Singles, exposed: Exposed, synthetic: Biflows, likelihood: Exposed | None, rng: np.random.Generator
) -> dict[str, Floats | str]:
    """The scores of each attack by its name, float64 (S,), or a text that says why it cannot be made.

    - nearest: minus the distance to the nearest synthetic biflow.
    - density: ln p_syn(x) / p_ref(x), with back-off chains of the synthetic and of other real traffic. Source: DOMIAS,
      van Breugel et al., "Membership inference attacks against synthetic data through overfitting detection" (2023),
      arXiv 2302.12580.
    - likelihood: ln p_sys(x | class) / p_ref(x), of a system that tells its likelihoods; -inf where p_sys is 0.
    """
    found: dict[str, Floats | str] = {"nearest": -nearest(singles.signed_pl, synthetic.signed_pl)}
    told = None
    if likelihood is not None:
        told = np.concatenate([np.sum(side, axis=1) for side in (likelihood.train, likelihood.test)])[singles.place]
    fold = _folds(singles, groups(exposed)[len(exposed.train) :], rng)
    if fold is None:
        reason = "the held-out traffic is of one session: there is no other to refer to"
        return {**found, "density": reason, **({} if told is None else {"likelihood": reason})}
    made, reference = densities(singles.signed_pl, exposed.test, synthetic, *fold)
    found["density"] = made - reference
    if told is not None:
        found["likelihood"] = told - reference
    return found


def nearest(rows: SignedPL, among: SignedPL) -> Floats:
    """Distance of each row to the nearest of other rows, float64 (N,).

    The distance of two rows is the sum of the distances of their packets in bytes. These are the differences of the
    signed lengths, and `APART` more where one is missing, twice that where the directions differ. More than `FARTHEST`
    is `FARTHEST`.
    """
    from scipy.spatial import cKDTree

    def spread(side: SignedPL) -> Floats:
        seen = side[:, :SEEN]
        return seen + APART * np.sign(seen)

    tree = cKDTree(spread(np.unique(among[:, :SEEN], axis=0)))
    distance: Floats = tree.query(spread(rows), p=1, distance_upper_bound=FARTHEST)[0]
    return np.minimum(distance, FARTHEST)


def densities(
    rows: SignedPL, test: Biflows, synthetic: Biflows, fold: Integers, fold_of_test: Integers
) -> tuple[Floats, Floats]:
    """Logarithms of what rows have in a chain of the synthetic traffic, and in one of held-out traffic, float64 (S,).

    Args:
        rows: integers (S, P).
        test: the held-out biflows; the chain for a row is of those that are not in its fold.
        synthetic: the synthetic biflows.
        fold: int64 (S,). Fold of each row.
        fold_of_test: int64 (N,). Fold of each held-out biflow.
    """
    parts = [side[:, :SEEN] for side in (rows, test.signed_pl, synthetic.signed_pl)]
    side = np.repeat([0, 1, 2], [len(part) for part in parts])
    chains = Chains(np.concatenate(parts), ORDER, test.pl_max)
    made = chains.log_probability(side == 2, side == 0)
    of_all = np.full(len(side), -1)
    of_all[side == 0], of_all[side == 1] = fold, fold_of_test
    reference = np.empty(len(rows))
    for one in np.unique(fold):
        reference[fold == one] = chains.log_probability((side == 1) & (of_all != one), (side == 0) & (of_all == one))
    return made, reference


def _folds(singles: Singles, of_test: Integers, rng: np.random.Generator) -> tuple[Integers, Integers] | None:
    """Folds of the singles, int64 (S,), and of the held-out biflows, int64 (N,); None where these are of one group.

    Held-out biflows are put into folds by whole groups. So a class with few sessions is missing in the reference of its
    own biflows' fold and not in others. Members of a class get the folds that its non-members have, in the same shares:
    with folds at random, real traffic that nobody has learnt from had less than 0.5.
    """
    others, of_others = np.unique(of_test, return_inverse=True)
    folds = min(FOLDS, len(others))
    if folds < 2:
        return None
    of_group = rng.permutation(len(others)) % folds
    member, label = singles.member, singles.label
    fold = np.empty(len(singles), np.int64)
    fold[~member] = of_group[np.searchsorted(others, singles.group[~member])]
    # One draw for each session and class: the fold of a random non-member of the class.
    of_class = np.argsort(np.where(member, np.iinfo(np.int32).max, label), kind="stable")
    count = np.bincount(label[~member], minlength=int(label.max()) + 1)
    pairs, number = np.unique(np.stack([singles.group[member], label[member]]), axis=1, return_inverse=True)
    drawn = (np.cumsum(count) - count)[pairs[1]] + rng.integers(count[pairs[1]])
    fold[member] = fold[of_class[drawn]][number.ravel()]
    return fold, of_group[of_others]
