"""Efficiency of systems that make biflows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ntgbench.costs import suite
from ntgbench.costs.bench import Bench, traffic
from ntgbench.costs.hardware import hardware, pin, state
from ntgbench.costs.times import read
from ntgbench.costs.timing import clock
from ntgbench.interfaces import BUDGET_LOGGER

if TYPE_CHECKING:
    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> dict[str, MetricValue]:
    logging.getLogger(BUDGET_LOGGER).disabled = True
    settings = given.settings
    path = given.folder.parent / "times.json"
    if not given.earlier:
        path.unlink(missing_ok=True)
    times = read(path)
    train = traffic(given.train, settings, given.seed("efficiency"))
    bench = Bench(given.system, train, settings, given.context, given.folder, given.device)
    given.machine.update({**state(), "clock": clock(), "processors": pin(settings.threads)})
    found = suite.measure(bench, times, given.progress)
    times.write(path)
    given.earlier["rounds"] = times.rounds
    if "efficiency/peak_device_mib" not in found:
        given.machine["hardware"] = hardware("cpu", settings.threads)
    return {key.partition("/")[2]: value for key, value in found.items()}
