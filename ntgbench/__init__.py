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
    )
    from ntgbench.running.run import run
    from ntgbench.scores import score
    from ntgbench.suites import Suite, SuiteInput
    from ntgbench.systems import choose
    from ntgbench.tracks import Track, TrackSpec
    from ntgbench.tracks.biflows.interfaces import Augmenter, Generator
    from ntgbench.traffic.biflows import Biflows

_HOME = {
    "Augmenter": "ntgbench.tracks.biflows.interfaces",
    "AugmenterSpec": "ntgbench.interfaces",
    "Biflows": "ntgbench.traffic.biflows",
    "Context": "ntgbench.interfaces",
    "DatasetSpec": "ntgbench.interfaces",
    "Generator": "ntgbench.tracks.biflows.interfaces",
    "GeneratorSpec": "ntgbench.interfaces",
    "MetricSpec": "ntgbench.interfaces",
    "NoParameters": "ntgbench.interfaces",
    "choose": "ntgbench.systems",
    "score": "ntgbench.scores",
    "Suite": "ntgbench.suites",
    "SuiteInput": "ntgbench.suites",
    "Track": "ntgbench.tracks",
    "TrackSpec": "ntgbench.tracks",
    "hookimpl": "ntgbench.hookspecs",
    "load_dataset": "ntgbench.datasets.loading",
    "run": "ntgbench.running.run",
}

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

        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
