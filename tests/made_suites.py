"""What suites of the biflow track are handed, of a system that was fitted on made-up traffic."""

from __future__ import annotations

from ntgbench.interfaces import Context
from ntgbench.running.codes import metrics_of
from ntgbench.suites import SuiteInput
from ntgbench.systems import choose
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.splits import split


def given(system: str, suite: str, settings: object = None) -> SuiteInput:
    """What a suite is handed of a system that was fitted on a part of the example."""
    train, test = split(example_traffic(), 0.2, 1)
    chosen = choose(system)
    fitted = chosen.fit(train, Context(seed=1))
    return SuiteInput(
        settings=settings,
        track=chosen.track,
        system=chosen,
        metrics=tuple(metrics_of("biflows", suite)),
        names=("digest", 0),
        train=train,
        test=test,
        synthetic=fitted.sample(train.label, seed=2),
        fitted=lambda: fitted,
        refit=lambda few: chosen.fit(few, Context(seed=1)),
        progress=print,
    )
