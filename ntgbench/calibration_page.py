"""The page of calibration, as Markdown and as JSON."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from ntgbench.calibrating import COST_AT
from ntgbench.calibration import calibration_of
from ntgbench.machine import machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ntgbench.calibrating import Calibrated
    from ntgbench.calibration import Calibration

_INTRODUCTION = """\
# Calibration of the metrics

This page is made by `{command}`. It shows what each metric can tell, on traffic of known truth, before anybody trusts
its ranks.

How to read it: a column is a check, a row a metric. **pass** and **FAIL** are checks that the metric declares in
`MetricSpec.passes`; a FAIL is an error. pass and fail in plain type were not declared: nobody promised them. A dash
means that the check does not apply. No metric passes all checks, nor should it: `leakage` is there to show copies, so
identical traffic scores worst, and a metric of single packets sees no order. A plain "fail" says what a metric is
blind to, so what a rank by it cannot mean. Below each table are the reasons, then the numbers of every repetition.

"Worse" means worse by the goal of the metric (lower, higher, or further from its best number), in each repetition, and
on average by more than two standard errors of the difference. Numbers are the same on every run on one machine. A
metric of your own runs the same checks by `ntgbench check METRIC`."""


def page(found: Sequence[Calibrated], full: bool, command: str) -> str:
    """The page of metrics of any tracks, as Markdown."""
    parts = [_INTRODUCTION.format(command=command)]
    tracks = dict.fromkeys(one.metric.track for one in found)
    for track in tracks:
        of_track = [one for one in found if one.metric.track == track]
        calibration = calibration_of(track, full)
        parts.append(f"## The track {track}")
        if not calibration.checks:
            parts.append(f"The track {track} has no calibration checks.")
            continue
        parts += [_form(calibration, full), *_catalogue(calibration)]
        for suite in dict.fromkeys(one.metric.suite for one in of_track):
            parts += _suite(suite, [one for one in of_track if one.metric.suite == suite], calibration)
        parts += _costs(of_track, calibration)
        parts += ["### Not included", calibration.left_out] if calibration.left_out else []
    return "\n\n".join(parts) + "\n"


def _form(calibration: Calibration, full: bool) -> str:
    form = "all sizes" if full else "the short form"
    return (
        f"{calibration.traffic} Here in {form}: {calibration.size:,} {calibration.unit} a side, "
        f"{calibration.repetitions} repetitions."
    )


def _catalogue(calibration: Calibration) -> Iterable[str]:
    yield "### The checks"
    yield "\n".join(
        f"- **{one.name}**: {' '.join((inspect.getdoc(one.run) or '').split())}" for one in calibration.checks
    )


def _suite(suite: str, found: Sequence[Calibrated], calibration: Calibration) -> Iterable[str]:
    checks = [check.name for check in calibration.checks]
    # Checks that apply to no metric of the suite have no column.
    checks = [name for name in checks if any(one.verdicts[name].state != "does not apply" for one in found)]
    yield f"### The suite {suite}"
    rows = [[f"`{one.metric.name}`", *(_mark(one, name) for name in checks)] for one in found]
    yield tabulate(rows, ["metric", *checks], tablefmt="github", disable_numparse=True)
    reasons = [
        f"- `{one.metric.name}`, {name}: {verdict.reason}"
        for one in found
        for name, verdict in one.verdicts.items()
        if name in checks and verdict.state != "passes"
    ]
    if reasons:
        yield "\n".join(["What they do not pass, and why:", "", *reasons])
    for together in dict.fromkeys(one.together for one in found):
        yield from _numbers([one for one in found if one.together == together])


def _mark(one: Calibrated, name: str) -> str:
    declared = name in one.metric.passes
    state = one.verdicts[name].state
    if state == "does not apply":
        return "**FAIL**" if declared else "-"
    if state == "passes":
        return "**pass**" if declared else "pass"
    return "**FAIL**" if declared else "fail"


def _numbers(found: Sequence[Calibrated]) -> Iterable[str]:
    """The values behind the verdicts of metrics that share a call: a row for each case."""
    values = {one.metric.name: _by_case(one) for one in found}
    cases = dict.fromkeys(case for of_metric in values.values() for case in of_metric)
    if not cases:
        return
    rows = [
        [case, *(" ".join(f"{value:.4g}" for value in of_metric.get(case, [])) for of_metric in values.values())]
        for case in cases
    ]
    yield tabulate(rows, ["case", *values], tablefmt="github", disable_numparse=True)


def _by_case(one: Calibrated) -> dict[str, list[float]]:
    return {case: values for verdict in one.verdicts.values() for case, values in verdict.numbers.items()}


def _costs(found: Sequence[Calibrated], calibration: Calibration) -> Iterable[str]:
    """What a call costs; metrics that share one are in one row."""
    costs = {one.together: one.cost for one in found if one.cost is not None}
    if not costs:
        return
    about = machine(1)
    yield "### Cost"
    yield (
        f"CPU seconds of one call with {COST_AT:,} {calibration.unit} a side, carried on from the largest of "
        f"{', '.join(f'{size:,}' for size in calibration.sizes)} by the growth: the power of the number of "
        f"{calibration.unit} that the time is in proportion to. Measured on {about['cpu']}; times vary."
    )
    rows = [
        [", ".join(f"`{name}`" for name in together), f"{cost.at:.2g}", f"{cost.growth:.2f}"]
        for together, cost in costs.items()
        if cost is not None
    ]
    heads = ["metrics of one call", "CPU seconds", "growth"]
    yield tabulate(rows, heads, tablefmt="github", disable_numparse=True, colalign=("left", "right", "right"))


def as_json(found: Sequence[Calibrated], full: bool) -> dict[str, Any]:
    """What the page says, by metric."""
    metrics = {
        one.metric.name: {
            "track": one.metric.track,
            "suite": one.metric.suite,
            "version": one.metric.version,
            "checks": {
                name: {"state": verdict.state, "declared": name in one.metric.passes, "reason": verdict.reason}
                for name, verdict in one.verdicts.items()
            },
            "values": _by_case(one),
            "cost": one.cost and {"cpu_seconds": one.cost.seconds, "growth": one.cost.growth},
        }
        for one in found
    }
    return {"full": full, "cpu": machine(1)["cpu"], "metrics": metrics}
