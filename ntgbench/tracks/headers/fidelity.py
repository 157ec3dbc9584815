"""Every suite of header traces: metrics of the synthetic trace against the training trace and against held-out traffic.

The paper compares with the training trace, so that is the headline. Floors stand beside it: two halves of the training
trace, and training against held-out traffic, which is the row of the reference `real`. Traffic drifts, so the second is
usually far above the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.interfaces import GeneratorSpec
from ntgbench.scores import Scores, score

if TYPE_CHECKING:
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> Scores:
    """Scores `name` against the training trace and `name@test` against held-out traffic; `name@floor` for `real`.

    Other forms of a metric, `name@form`, are kept for the training trace alone. Metrics about what the system's traffic
    lacks are not computed.
    """
    seed = given.seed("headers")
    lacks = given.system.spec.lacks
    scores = score(given.metrics, given.train, given.synthetic, seed, lacks=lacks)
    against_test = score(given.metrics, given.test, given.synthetic, seed, lacks=lacks)
    scores.update({f"{name}@test": value for name, value in against_test.items() if "@" not in name})
    if isinstance(given.system.spec, GeneratorSpec) and given.system.spec.heldout:
        from ntgbench.tracks.headers.splits import halves

        floor = score(given.metrics, *halves(given.train), seed)
        scores.update({f"{name}@floor": value for name, value in floor.items() if "@" not in name})
    return scores
