"""Every hook a plugin may implement. Hooks return light specs; what is behind one is imported only when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import AugmenterSpec, DatasetSpec, GeneratorSpec, MetricSpec
    from ntgbench.suites import Suite
    from ntgbench.tracks import TrackSpec

PROJECT = "ntgbench"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

__all__ = [
    "PROJECT",
    "hookimpl",
    "hookspec",
    "ntgbench_augmenters",
    "ntgbench_datasets",
    "ntgbench_generators",
    "ntgbench_metrics",
    "ntgbench_suites",
    "ntgbench_tracks",
]


@hookspec
def ntgbench_generators() -> Sequence[GeneratorSpec]:  # type: ignore[empty-body]
    """Generators that this plugin brings: systems that learn a model of a training set and sample it.

    Each is fitted once per dataset and seed, in a process of its own, on the training set alone. It then makes as much
    traffic as the training set has, of biflows as many of each class, which suites measure. A generator of biflows also
    serves as an augmenter in the augmentation suite without further code.
    """


@hookspec
def ntgbench_augmenters() -> Sequence[AugmenterSpec]:  # type: ignore[empty-body]
    """Augmenters that this plugin brings: systems that make new biflows from a few real ones in a single call.

    In the augmentation suite an augmenter is handed a fraction of the training set and the classes of the biflows that
    are wanted. In the fidelity and utility suites it is handed the whole training set, as a generator would be.
    """


@hookspec
def ntgbench_metrics() -> Sequence[MetricSpec]:  # type: ignore[empty-body]
    """Metrics that this plugin brings: numbers that compare real traffic with synthetic traffic.

    A metric never sees the model or the system's name. It states its goal, range and version; when the version changes,
    old rows are measured again from the stored synthetic traffic, without training.
    """


@hookspec
def ntgbench_datasets() -> Sequence[DatasetSpec]:  # type: ignore[empty-body]
    """Datasets that this plugin adds to the catalogue, so that users can name them instead of a path.

    A dataset's loader returns traffic of its track; it may read a file that the user has fetched, or make traffic by
    itself. The harness splits it; biflows by whole sessions when they have them.
    """


@hookspec
def ntgbench_suites() -> Sequence[Suite]:  # type: ignore[empty-body]
    """Suites that this plugin brings: what is measured of every system of a track, and the page that shows it.

    A protocol names them in `suites` and sets their parameters in a table of that name.
    """


@hookspec
def ntgbench_tracks() -> Sequence[TrackSpec]:  # type: ignore[empty-body]
    """Tracks that this plugin brings: kinds of traffic, with all that the host needs to handle them."""
