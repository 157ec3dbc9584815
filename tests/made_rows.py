"""Rows with chosen numbers, and the tables that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ntgbench.results import SCHEMA, Row

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_row(system: str, seed: int, *, value: float | None = 0.5, **changed: Any) -> Row:
    """A finished row with one utility metric; `changed` replaces any of its keys."""
    row = Row(
        schema=SCHEMA,
        protocol="quick",
        protocol_version=1,
        protocol_digest="p",
        dataset="made",
        dataset_digest="d",
        source="made.parquet",
        system=system,
        reference=False,
        distribution="made",
        distribution_version="1",
        params={},
        seed=seed,
        status="ok",
        reason=None,
        metrics={"utility/macro_f1": {"value": value, "version": 1, "goal": "max", "digits": 3, "primary": True}},
        phases={"fit": 1.0},
        peak_memory_mib=100.0,
        notes=[],
        machine={"cpu": "a cpu", "cores": 2},
        versions={"numpy": "2.0"},
    )
    return Row(**{**row, **changed})  # type: ignore[typeddict-item]


MACHINE = {"cpu": "a cpu", "cores": 2, "hardware": "a cpu, 1 of 2 threads", "clock": "a clock", "load": 0.5}


def timed(system: str, ms: float, low: float, high: float, **changed: Any) -> Row:
    """A row of the efficiency suite: milliseconds of an item with their interval, and 2 MB."""

    def number(value: float, **more: float) -> Mapping[str, object]:
        return {"value": value, "version": 1, "goal": "min", "digits": 2, **more}

    metrics = {
        "efficiency/sample_shortest_ms": number(ms, low=low, high=high, count=10),
        "efficiency/sample_ms": number(2.0 * ms, low=2.0 * low, high=2.0 * high, count=10),
        "efficiency/size_mb": number(2.0),
    }
    made = {"metrics": metrics, "protocol": "efficiency", "protocol_digest": "e", "machine": MACHINE}
    return make_row(system, 0, **{**made, **changed})


def quality(system: str, macro_f1: float, jsd: float, **changed: Any) -> Row:
    """A row of the quality suites."""
    metrics = {
        "utility/macro_f1": {"value": macro_f1, "version": 1, "goal": "max", "digits": 3, "primary": True},
        "fidelity/jsd_2gram": {"value": jsd, "version": 1, "goal": "min", "digits": 3, "primary": True},
    }
    return make_row(system, 0, metrics=metrics, **changed)


def lines(text: str, title: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = text.partition(title)[2].partition("\n#")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
