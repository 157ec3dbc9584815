"""ntgbench: how faithful, how useful and how cheap is synthetic network traffic?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ntgbench.datasets.loading import load_dataset
    from ntgbench.hookspecs import hookimpl
    from ntgbench.interfaces import (
        AugmenterSpec,
        Context,
        DatasetSpec,
        GeneratorSpec,
        MetricSpec,
        NoParameters,
        Occupies,
    )
    from ntgbench.running.run import run
    from ntgbench.scores import score
    from ntgbench.suites import Suite, SuiteInput
    from ntgbench.systems import choose
    from ntgbench.tracks import Track, TrackSpec
    from ntgbench.tracks.biflows.interfaces import Augmenter, Generator
    from ntgbench.traffic.biflows import Biflows
    from ntgbench.traffic.trace import PacketTrace

_HOME = {
    **dict.fromkeys(("Augmenter", "Generator"), "tracks.biflows.interfaces"),
    **dict.fromkeys(
        ("AugmenterSpec", "Context", "DatasetSpec", "GeneratorSpec", "MetricSpec", "NoParameters", "Occupies"),
        "interfaces",
    ),
    **dict.fromkeys(("Suite", "SuiteInput"), "suites"),
    **dict.fromkeys(("Track", "TrackSpec"), "tracks"),
    "Biflows": "traffic.biflows",
    "PacketTrace": "traffic.trace",
    "choose": "systems",
    "hookimpl": "hookspecs",
    "load_dataset": "datasets.loading",
    "run": "running.run",
    "score": "scores",
}
"""The module below `ntgbench` of each public name."""

__all__ = [
    "Augmenter",
    "AugmenterSpec",
    "Biflows",
    "Context",
    "DatasetSpec",
    "Generator",
    "GeneratorSpec",
    "MetricSpec",
    "NoParameters",
    "Occupies",
    "PacketTrace",
    "Suite",
    "SuiteInput",
    "Track",
    "TrackSpec",
    "choose",
    "hookimpl",
    "load_dataset",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import ntgbench` itself loads nothing."""
    if name in _HOME:
        import importlib

        return getattr(importlib.import_module(f"ntgbench.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
