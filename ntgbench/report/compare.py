"""Two sets of rows compared: which numbers changed, by how much, and whether by more than their intervals.

Numbers are compared where data, settings of the suite, hardware (of timings), version of the metric, system and seed
are the same. Versions and parameters of a system may differ: that is what is often compared.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from ntgbench.efficiency.columns import CONDITIONS
from ntgbench.report.difference import Difference, Verdict, difference
from ntgbench.results import hardware_of, key_of, suite_of, track_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import Row


class About(NamedTuple):
    """What the two sides have in common."""

    track: str
    dataset_digest: str
    suite: str
    key: str  # of the suite, see `Protocol.key`
    hardware: str  # see `hardware_of`
    system: str


@dataclass(frozen=True)
class Change:
    """One metric of one system on both sides: its key without the suite, the seeds of both sides, the difference.

    `dataset` is the name on side A. The metric "failed" counts the seeds that failed.
    """

    about: About
    dataset: str
    metric: str
    seeds: tuple[int, ...]
    found: Difference


class Apart(NamedTuple):
    """Rows that were not compared."""

    side: Literal["a", "b", "both"]  # which side has them
    dataset: str
    suite: str
    system: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """All that was compared, what was not, and in what the systems compared differ."""

    changes: tuple[Change, ...]
    apart: tuple[Apart, ...]
    notes: tuple[str, ...] = ()

    def count(self, *verdicts: Verdict) -> int:
        """How many numbers have one of these verdicts."""
        return sum(one.found.verdict in verdicts for one in self.changes)

    @property
    def by_chance(self) -> float:
        """How many differences leave a 95% interval by chance alone, where nothing has changed."""
        return 0.05 * sum(one.found.low is not None and one.found.verdict != "same" for one in self.changes)


@dataclass(frozen=True)
class Chosen:
    """What is compared; an empty set stands for all. `metrics` are keys with or without their suite."""

    suites: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()

    def takes(self, row: Row) -> bool:
        """Whether a row's dataset and system are compared; the latter by its name with or without parameters."""
        names = {row["system"], row["system"].partition("[")[0]}
        return (not self.datasets or row["dataset"] in self.datasets) and (
            not self.systems or not names.isdisjoint(self.systems)
        )

    def takes_metric(self, key: str) -> bool:
        """Whether a metric is compared: without `metrics`, all that say something of the system itself."""
        if self.metrics:
            return not self.metrics.isdisjoint({key, key.partition("/")[2]})
        form = key.partition("@")[2]  # of what is compared with what; shares of real traffic are results, too
        return key not in CONDITIONS and (not form or (form.endswith("%") and "," not in form))


def compare(a: Sequence[Row], b: Sequence[Row], chosen: Chosen | None = None, tolerance: float = 0.0) -> Comparison:
    """Side B compared with side A.

    Args:
        a: rows of side A.
        b: rows of side B.
        chosen: what is compared.
        tolerance: a difference of at most this share of A's number counts as none.
    """
    chosen = chosen or Chosen()
    sides = _gathered(a, b, chosen)
    changes: list[Change] = []
    apart: list[Apart] = []
    notes: list[str] = []
    left: tuple[_Side, _Side] = ({}, {})
    for about in sorted(sides[0].keys() | sides[1].keys()):
        pairs, *rest = _paired(*(side.get(about, []) for side in sides))
        for one, other in pairs:
            found, missing = _changes(about, one, other, chosen, tolerance)
            changes += found
            apart += missing
            notes += _differences(about, one, other)
        for side, variants in zip(left, rest, strict=True):
            if variants:
                side[about] = variants
    apart += [*_apart("a", left[0], sides[1], left[1]), *_apart("b", left[1], sides[0], left[0])]
    return Comparison(tuple(changes), tuple(dict.fromkeys(apart)), tuple(dict.fromkeys(notes)))


class _Variant(NamedTuple):
    """The rows of one version and set of parameters of a system."""

    key: tuple[str, str, str]  # distribution, version, parameters
    rows: tuple[Row, ...]


_Side = dict[About, list[_Variant]]


def _gathered(a: Sequence[Row], b: Sequence[Row], chosen: Chosen) -> list[_Side]:
    """The variants of each side, by what they are about."""
    suites: dict[tuple[str, str], set[str]] = {}  # that rows have, by track and digest of the protocol
    for row in (*a, *b):
        suites.setdefault((track_of(row), row["protocol_digest"]), set()).update(map(suite_of, row["metrics"]))
    found: list[_Side] = []
    for rows in (a, b):
        gathered: dict[About, dict[tuple[str, str, str], list[Row]]] = {}
        for row in filter(chosen.takes, rows):
            asked = row["keys"] if "keys" in row else suites[track_of(row), row["protocol_digest"]]
            of_row = {*map(suite_of, row["metrics"]), *(asked if row["status"] == "failed" else ())}
            for suite in of_row if not chosen.suites else of_row & chosen.suites:
                key = key_of(row, suite) or ""
                about = About(track_of(row), row["dataset_digest"], suite, key, hardware_of(row), row["system"])
                params = json.dumps(row["params"], sort_keys=True)
                variant = (row["distribution"], row["distribution_version"], params)
                gathered.setdefault(about, {}).setdefault(variant, []).append(row)
        found.append(
            {about: [_Variant(key, tuple(own)) for key, own in sorted(one.items())] for about, one in gathered.items()}
        )
    return found


def _paired(
    a: Sequence[_Variant], b: Sequence[_Variant]
) -> tuple[list[tuple[_Variant, _Variant]], list[_Variant], list[_Variant]]:
    """Equal variants of both sides; where one is left on each side, these two as well; and those that are left."""
    by_key = {one.key: one for one in b}
    pairs = [(one, by_key[one.key]) for one in a if one.key in by_key]
    taken = {one.key for one, _ in pairs}
    rest_a, rest_b = ([one for one in side if one.key not in taken] for side in (a, b))
    if len(rest_a) == len(rest_b) == 1:
        return [*pairs, (rest_a[0], rest_b[0])], [], []
    return pairs, rest_a, rest_b


def _differences(about: About, a: _Variant, b: _Variant) -> list[str]:
    """In what two variants of a system differ, as sentences."""
    if a.key == b.key:
        return []
    told = [] if a.key[:2] == b.key[:2] else [f"{' '.join(a.key[:2])} in A, {' '.join(b.key[:2])} in B"]
    ours, theirs = a.rows[0]["params"], b.rows[0]["params"]
    for name in sorted(ours.keys() | theirs.keys()):
        before, after = (repr(side[name]) if name in side else "absent" for side in (ours, theirs))
        if before != after:
            told.append(f"{name} is {before} in A and {after} in B")
    return [f"{about.system}: {'; '.join(told)}"] if told else []


def _changes(
    about: About, a: _Variant, b: _Variant, chosen: Chosen, tolerance: float
) -> tuple[list[Change], list[Apart]]:
    """The metrics of two variants, and those that cannot be compared."""
    ours, theirs = ({row["seed"]: row for row in side.rows} for side in (a, b))
    dataset = a.rows[0]["dataset"]

    def alone(side: Literal["a", "b", "both"], reason: str) -> Apart:
        return Apart(side, dataset, about.suite, about.system, reason)

    apart = [alone("a", f"seed {seed} is only in A") for seed in sorted(ours.keys() - theirs.keys())]
    apart += [alone("b", f"seed {seed} is only in B") for seed in sorted(theirs.keys() - ours.keys())]
    pairs = [(ours[seed], theirs[seed]) for seed in sorted(ours.keys() & theirs.keys())]
    changes = [Change(about, dataset, "failed", *counted)] if (counted := _failed(pairs)) else []
    keys = {key for pair in pairs for row in pair for key in row["metrics"] if suite_of(key) == about.suite}
    for key in filter(chosen.takes_metric, sorted(keys)):
        metric = key.partition("/")[2]
        found = [(row["seed"], row["metrics"].get(key), other["metrics"].get(key)) for row, other in pairs]
        both = [(seed, one, other) for seed, one, other in found if one is not None and other is not None]
        changed = [(one, other) for _, one, other in both if one["version"] != other["version"]]
        if changed:
            versions = "version {} in A, {} in B".format(*(one["version"] for one in changed[0]))
            apart.append(alone("both", f"{metric} is measured otherwise: {versions}"))
        elif both:
            values = [(one, other) for _, one, other in both]
            known = difference(values, _overlap((*a.rows, *b.rows)), tolerance, bool(about.hardware))
            changes.append(Change(about, dataset, metric, tuple(seed for seed, _, _ in both), known))
        elif all(row["status"] == "ok" for pair in pairs for row in pair):
            in_a = any(one is not None for _, one, _ in found)
            apart.append(alone("a" if in_a else "b", f"{metric} is only in {'A' if in_a else 'B'}"))
    return changes, apart


def _failed(pairs: Sequence[tuple[Row, Row]]) -> tuple[tuple[int, ...], Difference] | None:
    """The seeds, and how many of them failed on each side; None when the same ones did."""
    failed = [tuple(row["status"] == "failed" for row in pair) for pair in pairs]
    if all(before == after for before, after in failed):
        return None
    newly = any(after and not before for before, after in failed)
    side = 1 if newly else 0
    reason = next(pair[side]["reason"] or "" for pair, one in zip(pairs, failed, strict=True) if one[side])
    a, b = (float(sum(column)) for column in zip(*failed, strict=True))
    verdict: Verdict = "worse" if newly else "better"
    seeds = tuple(one["seed"] for one, _ in pairs)
    return seeds, Difference("min", None, 0, a, b, b - a, None, None, verdict, reason)


def _overlap(rows: Sequence[Row]) -> float:
    """As `Board.overlap`."""
    ratios = [s["test"] / s["train"] if s["again"] else 0.0 for s in (row["split"] for row in rows if "split" in row)]
    return math.fsum(ratios) / len(ratios) if ratios else 0.0


def _apart(side: Literal["a", "b"], own: _Side, other: _Side, left: _Side) -> list[Apart]:
    """Why rows that are left on a side have no counterpart on the other one, of which others are left."""
    found = []
    for about, variants in own.items():
        dataset = variants[0].rows[0]["dataset"]
        near = [
            one
            for one, theirs in other.items()
            if (one.track, one.suite, one.system) == (about.track, about.suite, about.system)
            and (one != about or one in left)
            and (one.dataset_digest == about.dataset_digest or theirs[0].rows[0]["dataset"] == dataset)
        ]
        reason = _why(about, near)
        where: Literal["a", "b", "both"] = "both" if reason else side
        found.append(Apart(where, dataset, about.suite, about.system, reason or f"only in {side.upper()}"))
    return found


def _why(about: About, near: Sequence[About]) -> str:
    """What keeps rows from being compared with the nearest ones of the other side; empty when there are none."""
    if any(one == about for one in near):
        return "several versions or parameters, and none is the same in A and B"
    if any(one.dataset_digest == about.dataset_digest and one.key == about.key for one in near):
        return "other hardware"
    if any(one.dataset_digest == about.dataset_digest for one in near):
        return "other settings of the protocol"
    return "other data under the same name" if near else ""
