"""Conformance checks of systems that make packet traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.testing import Check
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import UDP

if TYPE_CHECKING:
    from ntgbench.testing import Fit


def trace_checks(fit: Fit) -> list[Check]:
    """The checks of a system that `fit` fits."""
    return [
        Check("any-request", "other numbers of packets and spans may be asked for", lambda: _any_request(fit)),
        Check("few-packets", "a training trace of four packets works", lambda: _few_packets(fit)),
        Check("one-protocol", "a training trace of one protocol works", lambda: _one_protocol(fit)),
        Check("one-moment", "a training trace whose packets have one time works", lambda: _one_moment(fit)),
    ]


def _any_request(fit: Fit) -> None:
    fitted = fit.shared()
    span_ns = fitted.train.span_ns
    for packets, span in ((1, span_ns), (50, span_ns // 10), (2000, 3 * span_ns)):
        fitted.sample(packets, span, seed=4)


def _few_packets(fit: Fit) -> None:
    train = example_trace().select(np.arange(4))
    fit(train).sample(len(train), train.span_ns, seed=5)


def _one_protocol(fit: Fit) -> None:
    train = example_trace()
    train = train.select(train.protocol == UDP)
    fit(train).sample(len(train), train.span_ns, seed=6)


def _one_moment(fit: Fit) -> None:
    from dataclasses import replace

    train = example_trace().select(np.arange(20))
    train = replace(train, time_ns=np.full(20, train.time_ns[0]))
    fit(train).sample(20, 0, seed=7)
