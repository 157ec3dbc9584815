"""The metrics of a suite, and the code that measures it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ntgbench.code_digest import code_digest
from ntgbench.needs import missing
from ntgbench.plugins import OWN, registry

if TYPE_CHECKING:
    from ntgbench.interfaces import MetricSpec


def metrics_of(track: str, suite: str) -> list[MetricSpec]:
    """The metrics that a suite computes here, in the order plugins brought them: those that lack no package."""
    return [one for one in every_metric_of(track, suite) if not missing(one)]


def every_metric_of(track: str, suite: str) -> list[MetricSpec]:
    """The same, with those that lack a package."""
    about = registry().suites(track)[suite]
    wanted = about.metrics_of or about.name
    return [one for one in registry().metrics().values() if (one.track, one.suite) == (track, wanted)]


@cache
def codes(track: str, suite: str) -> dict[str, str]:
    """Digests of the code that measures a suite, as `Row` has them: changed code may give other numbers."""
    # The host's own suites have a version.
    targets = [registry().suites(track)[suite].target, *(one.target for one in metrics_of(track, suite))]
    found = {re.split(r"[.:]", target)[0]: target for target in targets if not target.startswith(OWN)}
    return {f"{suite}/{package}": code_digest(target) for package, target in sorted(found.items())}


@cache
def codes_tried(track: str, suite: str) -> dict[str, str]:
    """The same with that of ntgbench, which rows of a suite that failed have: the host's code may be at fault."""
    package = OWN.removesuffix(".")
    return {**codes(track, suite), f"{suite}/{package}": code_digest(package)}
