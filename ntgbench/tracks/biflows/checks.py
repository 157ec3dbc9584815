"""Conformance checks of systems that make biflows, and of metrics of biflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import NtgbenchError
from ntgbench.testing import Check
from ntgbench.tracks.biflows.example import example_traffic
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.interfaces import Likelihood
    from ntgbench.systems import FittedSystem
    from ntgbench.testing import Fit

_TIMES = 2_000
"""Samples of a class that are compared with their probabilities."""


def biflow_checks(fit: Fit) -> list[Check]:
    """The checks of a system that `fit` fits."""
    return [
        Check("any-labels", "any labels may be asked for: none, one, a shuffled many", lambda: _any_labels(fit)),
        Check("any-layout", "other numbers of packets and payload limits work", lambda: _any_layout(fit)),
        Check("one-biflow", "a training set with one biflow works", lambda: _one_biflow(fit)),
        Check("no-test-rows", "no biflow of a held-out set comes out", lambda: _no_test_rows(fit)),
        Check("empty", "an empty training set is refused", lambda: _empty(fit)),
        Check(
            "likelihood", "the likelihoods that it tells, if any, are those of its samples", lambda: _likelihood(fit)
        ),
    ]


def metric_checks(measure: Callable[[Biflows, Biflows], float | None]) -> list[Check]:
    """The check of a metric; `measure` gives its number or fails."""

    def missing_class() -> None:
        real = example_traffic()
        measure(real, real.select(real.label != 1))

    return [Check("missing-class", "it copes with a class that has no synthetic biflow", missing_class)]


def _any_labels(fit: Fit) -> None:
    fitted = fit.shared()
    for labels in ([], [3], [0], np.random.default_rng(3).permutation(np.repeat([0, 1, 2, 3], 50))):
        fitted.sample(np.array(labels, np.int32), seed=4)


def _any_layout(fit: Fit) -> None:
    for packets, pl_max in ((1, 1460), (3, 120), (30, 32767)):
        # A few biflows: models of long payloads are large.
        train = example_traffic(packets, pl_max)
        train = train.select(np.arange(0, len(train), 8))
        fit(train).sample(train.label, seed=5)


def _one_biflow(fit: Fit) -> None:
    train = Biflows(np.array([[7, -9, 0]], np.int16), np.array([0], np.int32), ("only",))
    fit(train).sample(np.zeros(5, np.int32), seed=6)


def _no_test_rows(fit: Fit) -> None:
    everything = example_traffic()
    held_out = np.arange(len(everything)) % 4 == 1
    train, test = everything.select(~held_out), everything.select(held_out)
    made = fit(train).sample(np.repeat(train.label, 20), seed=9)
    # Rows of several packets only: a single packet of some length can be hit by chance.
    secret = {row.tobytes() for row in test.signed_pl[test.lengths() > 3]}
    found = sum(row.tobytes() in secret for row in made.signed_pl)
    assert not found, f"{found} sampled biflows are in a held-out set that the system never got"


def _empty(fit: Fit) -> None:
    try:
        fit(example_traffic().select([])).sample(np.zeros(3, np.int32), seed=10)
    except Exception:  # any refusal will do
        return
    raise AssertionError("three biflows were made from no training biflow at all")


def _likelihood(fit: Fit) -> None:
    if fit.shared().log_likelihood(example_traffic()) is None:
        return
    # A layout so small that all biflows can be asked for.
    lengths = [-4, -3, -2, -1, 1, 2, 3, 4]
    every = np.array([(a, b) for a in lengths for b in (0, *lengths)], np.int16)
    train = example_traffic(2, 4)
    train = train.select(train.label != 1)
    fitted = fit(train)
    for label in np.unique(train.label):
        labels = np.full(_TIMES, label, np.int32)
        told = _told(fitted, Biflows(every, labels[: len(every)], train.classes, pl_max=4))
        probability = np.exp(told.sum(axis=1))
        total = float(probability.sum())
        assert abs(total - 1) < 1e-3, f"the probabilities of all biflows of a class sum to {total:.6f}, not to 1"
        made = fitted.sample(labels, seed=13).signed_pl
        found = (made[:, None] == every).all(axis=2).mean(axis=0)
        # Five standard deviations of a binomial share, and a little for shares near 0.
        allowed = 5 * np.sqrt(probability / _TIMES) + 5 / _TIMES
        worst = int(np.argmax(np.abs(found - probability) - allowed))
        assert abs(found[worst] - probability[worst]) <= allowed[worst], (
            f"{every[worst].tolist()} is a share of {found[worst]:.4f} of {_TIMES} samples; the probability that it "
            f"tells is {probability[worst]:.4f}"
        )
    try:
        unseen = _told(fitted, Biflows(every, np.full(len(every), 1), train.classes, pl_max=4))
    except NtgbenchError:  # refused, as a request for such a class is
        pass
    else:
        assert np.isneginf(unseen.sum(axis=1)).all(), "a class without training biflows is said to be possible"
    for packets, pl_max in ((1, 3), (5, 120)):
        other = example_traffic(packets, pl_max)
        _told(fit(other), other)


def _told(fitted: FittedSystem, biflows: Biflows) -> Likelihood:
    """The likelihoods of biflows, which must have the right form."""
    told = fitted.log_likelihood(biflows)
    assert told is not None
    over = np.arange(biflows.packets + 1) > biflows.lengths()[:, None]
    over[:, -1] |= biflows.signed_pl[:, -1] != 0
    assert not told[over].any(), "the end after P packets is certain, and after the end nothing follows: both are 0"
    return told
