"""Privacy: what the synthetic traffic tells about the training traffic that other real traffic does not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Exposed
from ntgbench.scores import Scores, score

if TYPE_CHECKING:
    from ntgbench.suites import SuiteInput

_log = logging.getLogger(__name__)


def measure(given: SuiteInput) -> Scores:
    """Scores of attacks that see the synthetic traffic, and what the system says of likelihoods when it does.

    Floors are forms that the metrics return: they need the same sets.
    """
    exposed = Exposed(given.train, given.test)
    likelihood = None
    if given.system.tells_likelihoods and any(metric.likelihood for metric in given.metrics):
        try:
            told = [given.fitted().log_likelihood(side) for side in (given.train, given.test)]
            likelihood = None if told[0] is None or told[1] is None else Exposed(*told)
        except NtgbenchError as error:  # the other attacks need none
            _log.warning("no attack by likelihoods: %s", error)
    return score(given.metrics, exposed, given.synthetic, given.seed("privacy"), likelihood=likelihood)
