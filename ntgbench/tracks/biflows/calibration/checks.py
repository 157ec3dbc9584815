"""The checks of the metrics of biflows.

After the sanity checks of "All Current Fidelity and Diversity Metrics are Flawed" (ICML 2025). Each function says why
the metric lacks the property, None when it has it. Cases are those of `ntgbench.tracks.biflows.calibration.traffic`, of
`size` biflows a side, by default in all repetitions. "Worse" is meant as `ntgbench.calibration.is_worse`: in each
repetition, and on average by more than two standard errors. "Fresh" traffic is real traffic of the same law that is
neither in the training nor in the test set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.calibration import EXACT, SHARE, Calibration, CalibrationCheck, DoesNotApplyError, identity, is_worse
from ntgbench.tracks.biflows.calibration.traffic import sides

if TYPE_CHECKING:
    from ntgbench.calibration import Asking

SHORT_SIZE, SHORT_SIZES = 2_400, (1_000, 3_000, 9_000)
FULL_SIZE, FULL_SIZES = 12_000, (1_000, 10_000, 100_000)
REPETITIONS, FULL_REPETITIONS = 3, 5

BY_CHANCE = 0.05
"""Share of its range that a metric of exposure may drift by with the size, besides the floor."""

OUTLIERS = 10
"""Times its share of the biflows that one outlier may move a metric, in shares of the metric's range."""


LEFT_OUT = """\
- **Fréchet distances** compare Gaussians fitted to the outputs of an encoder. For traffic there is no encoder that
  people agree on, and another one gives another order of systems.
- **MAUVE** needs an encoder as well, and clusters whose number changes the result.
- **Precision and recall** of 2019 (Kynkäänniemi et al., arXiv 1904.06991): one outlier makes a ball that covers much.
- **Shares by the distance to the closest record (DCR)** are no measure of privacy: systems that leak pass them (arXiv
  2505.01524). `membership_auc` asks the question directly."""


def calibration(full: bool) -> Calibration:
    """The catalogue, in the short form or with all sizes."""
    return Calibration(
        CHECKS,
        sides,
        FULL_SIZE if full else SHORT_SIZE,
        FULL_SIZES if full else SHORT_SIZES,
        FULL_REPETITIONS if full else REPETITIONS,
        timed="chain",
        unit="biflows",
        traffic="Biflows of the model behind the dataset `simulated`, drawn anew in each repetition: 12 classes of the "
        "same number of biflows, in sessions of 12, with 10 packets of at most 1460 bytes.",
        left_out=LEFT_OUT,
    )


def disjoint(ask: Asking) -> str | None:
    """Traffic that shares no packet, no direction and no number of packets with the real traffic scores worst.

    The loss is the largest, or the way to it is at most a tenth of that from fresh traffic. Where the worst has no
    bound: it is worse than noise, every packet random.
    """
    apart = ask.losses("disjoint")
    if np.isinf(ask.worst):
        return None if is_worse(apart, ask.losses("noise: 1")) else "disjoint traffic does not score worse than noise"
    left = ask.worst - apart
    if (left <= np.maximum(SHARE * (ask.worst - ask.losses("fresh")), EXACT)).all():
        return None
    return "disjoint traffic does not score worst"


def order_invariance(ask: Asking) -> str | None:
    """The order of the biflows does not change the number.

    A Markov chain's traffic, and the same with the biflows of all sides in another order: the difference is at most
    1e-9, or for metrics that draw at random, twice what another seed of the metric changes: the range of 3 seeds, which
    must not be above a tenth of the metric's range.
    """
    change = np.abs(ask.values("shuffled") - ask.values("chain")).max()
    return None if change <= ask.allowed("chain") else f"another order of the biflows changes it by {change:.3g}"


def sample_size(ask: Asking) -> str | None:
    """The number of biflows does not change the number by more than the real-vs-real floor.

    One law that differs from the real one (a chain of order 1, fitted on 24,000 biflows; for metrics of exposure, half
    of the biflows copied) at 1,000, 10,000 and 100,000 biflows a side; in the short form 1,000, 3,000 and 9,000; two
    repetitions. The mean at each size differs from that at the largest by no more than the loss of fresh traffic, the
    larger of both sizes, plus the metric's standard deviation at the smaller size. Metrics of exposure may drift by a
    twentieth of their range besides: in more traffic, more unseen biflows equal a training biflow by chance.
    """
    if not ask.has_best:
        raise DoesNotApplyError("its best number has no bound, so there is no floor to compare with")
    case = "copied: 0.5" if ask.exposed else "order: 1"
    chance = BY_CHANCE * ask.span if ask.exposed and np.isfinite(ask.span) else 0.0
    values = {size: ask.values(case, size, 2) for size in ask.calibration.sizes}
    floors = {size: ask.losses("fresh", size, 2).mean() for size in ask.calibration.sizes}
    *smaller, largest = ask.calibration.sizes
    for size in smaller:
        floor = max(floors[size], floors[largest])
        drift = abs(values[size].mean() - values[largest].mean())
        if drift > floor + chance + values[size].std(ddof=1) + EXACT:
            return f"it drifts by {drift:.3g} from {size:,} biflows on, more than the floor of {floor:.3g}"
    return None


def noise(ask: Asking) -> str | None:
    """More noise scores worse.

    Fresh traffic whose packets are, with probability 0.1, 0.3 and 1, of random direction and length: each worse than
    the one before, the first worse than fresh traffic.
    """
    return ask.ladder("fresh", "noise: 0.1", "noise: 0.3", "noise: 1")


def mode_dropping(ask: Asking) -> str | None:
    """Missing classes, and missing modes of a class, score worse, the more the worse.

    Fresh traffic without 1 and 6 of the 12 classes. Then with all classes, but of 3 and all 12 classes only biflows
    with more bytes than the median of the class.
    """
    return ask.ladder("fresh", "classes left out: 1", "classes left out: 6") or ask.ladder(
        "fresh", "classes halved: 3", "classes halved: 12"
    )


def truncation(ask: Asking) -> str | None:
    """Long biflows that are cut score worse: fresh traffic cut after 5 of 10 packets is worse than fresh traffic."""
    return ask.ladder("fresh", "cut after: 5")


def class_swap(ask: Asking) -> str | None:
    """Traffic under the label of another class scores worse, the more classes the worse.

    Fresh traffic with the first and the last class exchanged is worse than fresh traffic, and with all 12 exchanged
    likewise it is worse than that.
    """
    return ask.ladder("fresh", "classes exchanged: 2", "classes exchanged: 12")


def markov_order(ask: Asking) -> str | None:
    """Markov chains score better the higher their order, and a bootstrap of their training set better than all.

    Chains of order 1, 2 and 3, and `copy`, fitted on 24,000 biflows, as many in each class; each worse than the next.
    The real traffic of dwell times in states is of no finite order. A metric of likelihoods is not asked about `copy`,
    which tells none.
    """
    chains = ["order: 3", "order: 2", "order: 1"]
    return ask.ladder(*chains) if ask.metric.likelihood and not ask.exposed else ask.ladder("copy", *chains)


def noisy_copy(ask: Asking) -> str | None:
    """A memoriser that hides behind noise does not score better than fresh traffic.

    The training set with each packet 1 to 3 bytes longer or shorter; fresh traffic must not be worse than that.
    """
    if is_worse(ask.losses("fresh"), ask.losses("noisy copy")):
        return "the training set with a little noise scores better than fresh traffic"
    return None


def outlier(ask: Asking) -> str | None:
    """One outlier hardly changes the number.

    A Markov chain's traffic, and the same with one biflow of ten packets of 1460 bytes upstream, in the synthetic and
    then in the real traffic. In each repetition the change is at most 10 times that biflow's share of the biflows of a
    side, as a share of the metric's range, or of the way from fresh traffic to noise where it has no bounds, or of the
    number itself where it is of likelihoods; plus, for metrics that draw at random, twice what another seed changes.
    """
    metric, plain = ask.metric, ask.values("chain")
    if np.isfinite(ask.span):
        span = ask.span
    elif metric.likelihood:
        span = abs(plain).mean()
    else:
        span = abs(ask.values("noise: 1").mean() - ask.values("fresh").mean())
    allowed = OUTLIERS / ask.calibration.size * span + ask.allowed("chain")
    for side in ("synthetic", "real"):
        change = np.abs(ask.values(f"outlier: {side}") - plain).max()
        if change > allowed:
            return f"one outlier in the {side} traffic changes it by {change:.3g}, more than {allowed:.3g}"
    return None


def symmetry(ask: Asking) -> str | None:
    """The number stays when real and synthetic traffic change places.

    A Markov chain's traffic and the real traffic, and both exchanged: the difference is at most 1e-9, or for metrics
    that draw at random, twice what another seed changes. A metric that does not declare this is asymmetric.
    """
    change = np.abs(ask.values(f"exchanged: {ask.metric.against}") - ask.values("chain")).max()
    return None if change <= ask.allowed("chain") else f"exchanging both sides changes it by {change:.3g}"


def copying(ask: Asking) -> str | None:
    """The more of the traffic is copied from the training set, the worse it scores.

    Fresh traffic with 25, 50 and 100% training biflows in place of it: each worse than the one before.
    """
    return ask.ladder("fresh", "copied: 0.25", "copied: 0.5", "copied: 1")


def held_out(ask: Asking) -> str | None:
    """Other real traffic in place of synthetic traffic scores as no leak.

    Fresh traffic tells as much of the training set as of the test set: when these two change places, the number stays,
    which means that both intervals of the metric overlap in each repetition; without intervals, that the mean
    difference is within two standard errors. For the goal "near", the best number is within the interval as well.
    """
    straight, turned = ask.values("fresh"), ask.values("other way round")
    repetitions = range(ask.calibration.repetitions)
    pairs = [(ask.found("fresh", None, r), ask.found("other way round", None, r)) for r in repetitions]
    if all("low" in one and "low" in other for one, other in pairs):
        same = all(one["low"] <= other["high"] and other["low"] <= one["high"] for one, other in pairs)
        if same and ask.metric.goal == "near" and not ask.covers_best("fresh"):
            return "the best number is outside its interval for other real traffic"
    else:
        gap = straight - turned
        same = bool(abs(gap.mean()) <= 2 * gap.std(ddof=1) / np.sqrt(len(gap)) + EXACT)
    return None if same else "other real traffic seems to tell more of the training set than of the test set, or less"


CHECKS = (
    CalibrationCheck("identity", "the real traffic itself scores best", identity, exposed=False),
    CalibrationCheck("disjoint", "traffic that shares nothing with the real traffic scores worst", disjoint, False),
    CalibrationCheck("order-invariance", "the order of the biflows does not change it", order_invariance),
    CalibrationCheck("sample-size", "the number of biflows changes it by no more than the floor", sample_size),
    CalibrationCheck("noise", "more noise scores worse", noise, exposed=False),
    CalibrationCheck("mode-dropping", "missing classes and modes score worse", mode_dropping, exposed=False),
    CalibrationCheck("truncation", "long biflows that are cut score worse", truncation, exposed=False),
    CalibrationCheck("class-swap", "traffic of the wrong class scores worse", class_swap, exposed=False),
    CalibrationCheck("markov-order", "chains of order 1, 2, 3 and a bootstrap rank in this order", markov_order, False),
    CalibrationCheck("noisy-copy", "copies with a little noise score no better than real traffic", noisy_copy),
    CalibrationCheck("outlier", "one outlier hardly changes it", outlier),
    CalibrationCheck("symmetry", "real and synthetic traffic may change places", symmetry, exposed=False),
    CalibrationCheck("copies", "more copying scores worse", copying, exposed=True),
    CalibrationCheck("held-out", "other real traffic scores as no leak", held_out, exposed=True),
)
