"""Rows with chosen numbers."""

from __future__ import annotations

from typing import Any

from ntgbench.results import SCHEMA, Row


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
