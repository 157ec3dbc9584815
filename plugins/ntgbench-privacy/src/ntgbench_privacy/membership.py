"""Membership: how well an attacker who sees synthetic traffic tells training biflows from other real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_privacy.attacks import scores
from ntgbench_privacy.curves import FALSE_POSITIVES, FEWEST, Curve, enough_groups, interval, redrawn
from ntgbench_privacy.singles import has_sessions, singles

if TYPE_CHECKING:
    from ntgbench.interfaces import Exposed, Measured
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_privacy.singles import Floats, Singles

MOST = 20_000
"""Members, and non-members, that are attacked: a random sample of more."""

Found = Mapping[str, "Measured | str"]


def membership(real: Exposed, synthetic: Biflows, seed: int, likelihood: Exposed | None = None) -> Found:
    """membership_auc, membership_tpr and session_auc: each of the worst attack, and of attack A as `name@A`.

    Members are training biflows and non-members are held-out ones, both of rows that occur once in both sets together:
    were rows that are repeated, or that both sets have, not left out alike on both sides, real traffic that nobody has
    learnt from would not have 0.5. The classes are weighted so that both sides have the same shares of them.

    Intervals are of 95%, by a bootstrap over sessions, or over biflows without sessions. Those of the worst attack hold
    for all attacks together (Bonferroni), as it is chosen after looking.

    Args:
        real: training and held-out biflows.
        synthetic: what the attacker sees; its classes do not matter.
        seed: of the sample, the folds and the bootstrap.
        likelihood: what the system tells of both sides of `real`.
    """
    rng = np.random.default_rng(seed)
    if not len(synthetic):
        return _none("there is no synthetic biflow")
    items = singles(real).comparable(MOST, rng)
    members, others = items.counts()
    if min(members, others) < FEWEST:
        return _none(
            f"{members} training and {others} held-out biflows are single, in classes that both sides have; "
            f"{FEWEST} each are needed"
        )
    found = scores(items, real, synthetic, likelihood, rng)
    numbers, refused = _told(found)
    auc, tpr = _measured(numbers, items, items.weights(), rng)
    if others < 1 / FALSE_POSITIVES:
        tpr = dict.fromkeys(tpr, f"{others} held-out biflows are single; a rate of 1% needs {1 / FALSE_POSITIVES:.0f}")
    of_sessions = _of_sessions(numbers, items, rng) if has_sessions(real) else {"": "the sessions are not known"}
    every = {"membership_auc": auc, "membership_tpr": tpr, "session_auc": of_sessions}
    return {name + form: value for name, forms in every.items() for form, value in {**refused, **forms}.items()}


def _told(found: Mapping[str, Floats | str]) -> tuple[dict[str, Floats], dict[str, Measured | str]]:
    numbers = {name: one for name, one in found.items() if not isinstance(one, str)}
    return numbers, {f"@{name}": one for name, one in found.items() if isinstance(one, str)}


def _none(reason: str) -> Found:
    return dict.fromkeys(("membership_auc", "membership_tpr", "session_auc"), reason)


def _measured(
    found: Mapping[str, Floats], items: Singles, weight: Floats, rng: np.random.Generator
) -> tuple[dict[str, Measured | str], dict[str, Measured | str]]:
    """Areas and true positive rates of each attack, and of the worst one with the key ""."""
    curves = {name: Curve(score, items.member) for name, score in found.items()}
    value = {name: curve.measure(weight) for name, curve in curves.items()}
    drawn: dict[str, list[tuple[float, float]]] = {name: [] for name in curves}
    if enough_groups(items.member, items.group):
        for times in redrawn(items.member, items.group, rng):
            for name, curve in curves.items():
                drawn[name].append(curve.measure(weight * times))
    areas = {name: abs(area - 0.5) for name, (area, _) in value.items()}
    rates = {name: rate for name, (_, rate) in value.items()}
    forms: list[dict[str, Measured | str]] = []
    for which, badness in enumerate((areas, rates)):
        draws = {name: np.array([one[which] for one in of_one]) for name, of_one in drawn.items()}
        worst = max(badness, key=badness.__getitem__)
        one = {f"@{name}": interval(value[name][which], draws[name]) for name in curves}
        forms.append({"": interval(value[worst][which], draws[worst], 0.05 / len(curves)), **one})
    return forms[0], forms[1]


def _of_sessions(found: Mapping[str, Floats], items: Singles, rng: np.random.Generator) -> dict[str, Measured | str]:
    """Areas of whole sessions, whose score is the mean rank of their biflows.

    A sum would tell large sessions from small ones, and a split may put large ones on one side more often. Ranks are
    the same for all attacks, where distances are dominated by biflows that nothing resembles and -inf by itself.
    """
    from scipy.stats import rankdata

    _, first, number = np.unique(items.group, return_index=True, return_inverse=True)
    sessions = items.select(first)
    members, others = sessions.counts()
    if min(members, others) < FEWEST:
        return {"": f"{members} training and {others} held-out sessions have single biflows; {FEWEST} each are needed"}
    size = np.bincount(number)
    weight = np.bincount(number, items.weights()) / size
    ranked = {name: np.bincount(number, rankdata(score)) / size for name, score in found.items()}
    return _measured(ranked, sessions, weight, rng)[0]
