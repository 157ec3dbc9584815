"""Four classifiers that learn from synthetic biflows, and whether they rank there as they do on real traffic."""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.seeds import derive_seed
from ntgbench.tracks.biflows.splits import fraction, split
from ntgbench_utility.recognised import resampled, scores, tallied, with_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ntgbench.interfaces import Exposed, Measured
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows

NAMES = ("forest", "boosting", "network", "neighbours")

OWN_TEST = 0.2
"""Share of the synthetic biflows that the classifiers do not learn from but are tested on."""

LEARNT, TESTED = 20_000, 10_000
"""Biflows that a classifier learns from, and real ones that it is tested on, at most: about so many, the same share of
each class."""

PACKETS = 32
"""Packets of each biflow that the classifiers see at most, the first ones."""

MOST_CLASSES = 300
"""Boosting grows a tree for each class in each round, so more classes would take hours."""

OCTAVES = 8
"""Frequencies of the network's features: the finest has a period of pl_max / 128 bytes."""


def compare(real: Exposed, synthetic: Biflows, seed: int) -> Mapping[str, Measured | str]:
    """Macro-F1 on held-out traffic of four classifiers trained on synthetic biflows, and their rank consistency.

    Each is trained twice: on four fifths of the synthetic biflows, and on as many real training biflows. Both are
    tested on held-out real biflows, and the first also on the fifth of the synthetic biflows that it has not learnt.
    What somebody sees who has synthetic traffic alone is the order of the classifiers trained and tested on it; what
    counts is their order when trained and tested on real traffic. `rank_consistency` is Kendall's coefficient of both
    orders, see `agreement` (as the rank correlation of prediction algorithms of NetShare, Yin et al., SIGCOMM 2022,
    section 6.2, which has Spearman's).

    Args:
        real: training and held-out biflows.
        synthetic: as many as the training set has.
        seed: of samples, classifiers and bootstrap. The result does not depend on the number of threads.

    Returns:
        Macro-F1 in 0..1, with its interval by bootstrap over the sessions tested, or over biflows where sessions are
        not known. A text where there are too many classes, or too few biflows.
    """
    names = [f"macro_f1_{name}" for name in NAMES]
    if len(synthetic.classes) > MOST_CLASSES:
        return dict.fromkeys([*names, "rank_consistency"], f"measured with at most {MOST_CLASSES} classes")
    try:
        learnt, own = split(_sample(synthetic, LEARNT / (1 - OWN_TEST), seed), OWN_TEST, derive_seed(seed, "split"))
    except DatasetError as error:
        return dict.fromkeys([*names, "rank_consistency"], str(error))
    train = _sample(real.train, len(learnt), derive_seed(seed, "train"))
    test = _sample(real.test, TESTED, derive_seed(seed, "test"))
    seen = [_tested(name, learnt, (test, own), seed) for name in NAMES]
    true = [_tested(name, train, (test,), seed)[0] for name in NAMES]
    found: dict[str, Measured | str] = {
        name: with_interval(value, drawn) for name, ((value, drawn), _) in zip(names, seen, strict=True)
    }
    return {**found, "rank_consistency": agreement([own for _, own in seen], true)}


Tested = tuple[float, npt.NDArray[np.float64]]
"""A classifier's macro-F1, and those of the bootstrap samples, (DRAWS,)."""


def agreement(seen: list[Tested], true: list[Tested]) -> Measured | str:
    """Whether classifiers have the same order in both lists, -1..1.

    Kendall's coefficient in its general form, of which tau-b is the case of two orders with ties (Kendall, Rank
    Correlation Methods, 1948): sum a b / sqrt(sum a^2 sum b^2) over the pairs of classifiers, where a and b are the
    signs of their differences. Two classifiers are tied, 0, when the 95% interval of their difference over the
    bootstrap samples has 0 in it. Where `seen` ties all pairs it is 0, for such traffic does not help to choose.

    Returns:
        The coefficient; its interval is that of the bootstrap samples of both lists, in each of which the numbers
        themselves decide. A text when there are too few biflows or sessions, or no two classifiers differ in `true`.
    """
    if not all(len(drawn) for _, drawn in (*seen, *true)):
        return "too few biflows or sessions to tell how much the classifiers' scores vary"
    if not _order(true).any():
        return "on real traffic no two of the classifiers differ beyond doubt"
    drawn = [np.stack([np.sign(a - b) for (_, a), (_, b) in combinations(side, 2)]) for side in (seen, true)]
    return with_interval(float(_kendall(_order(seen), _order(true))), _kendall(*drawn))


def _order(tested: list[Tested]) -> npt.NDArray[np.float64]:
    """For each pair of classifiers 1 when the first is better, -1 when it is worse, 0 when neither is beyond doubt."""
    signs = []
    for (value, drawn), (other, drawn_other) in combinations(tested, 2):
        low, high = np.quantile(drawn - drawn_other, (0.025, 0.975))
        signs.append(0.0 if low <= 0 <= high else np.sign(value - other))
    return np.array(signs)


def _kendall(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The coefficient of signs of pairs (pairs, …), 0 where a side has ties only."""
    scale = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    found: npt.NDArray[np.float64] = (a * b).sum(axis=0) / np.where(scale > 0, scale, 1.0)
    return found


def _sample(biflows: Biflows, most: float, seed: int) -> Biflows:
    """About `most` of the biflows, the same share of each class, and of each its first packets."""
    few = biflows if len(biflows) <= most else fraction(biflows, most / len(biflows), seed)
    if few.packets <= PACKETS:
        return few
    from dataclasses import replace

    return replace(few, signed_pl=few.signed_pl[:, :PACKETS], iat=None)


def _tested(name: str, train: Biflows, tests: tuple[Biflows, ...], seed: int) -> list[Tested]:
    """What a classifier that learns from `train` scores on each of `tests`."""
    stacked = np.concatenate([test.signed_pl for test in tests])
    parts = np.split(_predicted(name, train, stacked, seed), np.cumsum([len(test) for test in tests])[:-1])
    found = []
    for number, (test, predicted) in enumerate(zip(tests, parts, strict=True)):
        tally = tallied(test, predicted)
        drawn = resampled(tally, derive_seed(seed, "bootstrap", number))
        found.append((float(scores(tally.sum(axis=0))[0]), drawn[:, 0]))
    return found


def _predicted(name: str, train: Biflows, signed_pl: SignedPL, seed: int) -> npt.NDArray[Any]:
    """Labels that a classifier gives, (N,)."""
    from threadpoolctl import threadpool_limits

    if name == "forest":
        from ntgbench_utility.forest import predicted

        return predicted(train, signed_pl, seed)
    if len(np.unique(train.label)) < 2:  # not all of them learn a single class
        return np.full(len(signed_pl), train.label[0])
    features = waves if name == "network" else scaled
    with warnings.catch_warnings(), threadpool_limits(1):  # sums of several threads differ in their last bits
        warnings.filterwarnings("ignore", "Stochastic Optimizer")  # it stops after so many passes, as is wanted
        model = _made(name, len(train), seed).fit(features(train.signed_pl, train.pl_max), train.label)
        labels: npt.NDArray[Any] = model.predict(features(signed_pl, train.pl_max))
    return labels


def _made(name: str, biflows: int, seed: int) -> Any:
    """The classifier, not trained yet."""
    if name == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        # Without a penalty the leaves of classes with few biflows grow until the sum of trees is worth nothing.
        return HistGradientBoostingClassifier(
            max_iter=30, learning_rate=0.2, l2_regularization=1.0, early_stopping=False, random_state=seed
        )
    if name == "network":
        from sklearn.neural_network import MLPClassifier

        batch = min(128, biflows)
        return MLPClassifier((256,), max_iter=20, batch_size=batch, learning_rate_init=0.003, random_state=seed)
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(min(5, biflows), weights="distance", p=1)


def scaled(signed_pl: SignedPL, pl_max: int) -> npt.NDArray[np.float32]:
    """Signed payload lengths divided by `pl_max`, -1..1."""
    return (signed_pl / pl_max).astype(np.float32)


def waves(signed_pl: SignedPL, pl_max: int) -> npt.NDArray[np.float32]:
    """Scaled lengths x, and sin and cos of 2^k pi x for k < OCTAVES, (N, P (1 + 2 OCTAVES)).

    They show a network small differences of lengths, which decide here and are lost in x itself (Tancik et al., Fourier
    features let networks learn high frequency functions, NeurIPS 2020).
    """
    x = scaled(signed_pl, pl_max)
    angle = (np.pi * x[:, :, None] * 2.0 ** np.arange(OCTAVES)).reshape(len(x), -1)
    return np.hstack([x, np.sin(angle), np.cos(angle)]).astype(np.float32)
