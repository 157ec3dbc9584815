"""Rows with profiles of made-up traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from made_rows import make_row

from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.profile import examples, profile
from ntgbench.tracks.headers import profile as headers
from ntgbench.tracks.headers.example import example_trace

if TYPE_CHECKING:
    from ntgbench.results import Row


def biflow_row(system: str, seed: int, classes: tuple[str, ...] | None = None, **more: Any) -> Row:
    """A row whose synthetic traffic is the example of this seed; its four classes may have other names."""
    real, made = example_traffic(), example_traffic(seed=seed)
    if classes is not None:
        real, made = (replace(one, classes=classes) for one in (real, made))
    found = profile(real, made)
    found["synthetic"]["examples"] = examples(real, made, made, (real,))
    return make_row(system, 0, profile=found, **more)


def trace_row(system: str, seed: int) -> Row:
    """A row of header traces."""
    metric = {"value": 0.1, "version": 1, "goal": "min", "digits": 3, "primary": True}
    found = headers.profile(example_trace(), example_trace(seed))
    return make_row(system, 0, profile=found, track="headers", dataset="trace", metrics={"statistics/sa": metric})
