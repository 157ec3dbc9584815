"""Tracks: one kind of traffic each, with all that the host must know of it. The host itself names no track."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar

from ntgbench.errors import DatasetError, NtgbenchError, PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ntgbench.calibration import Calibration
    from ntgbench.row_schema import Profile
    from ntgbench.testing import Check, Fit

DEFAULT = "biflows"
"""Name of the track of specs, protocols and rows that name none."""

Traffic = Any
"""Traffic of some track; the host hands it on and never looks inside."""

Request = tuple[Any, ...]
"""What a system is asked for: the arguments of its `sample` before the random generator."""

Notes = tuple[str, ...]
"""What was changed or left out, one sentence each."""

T = TypeVar("T")


class Caution(NamedTuple):
    """Why a test set is too small to rank systems well: a sentence, and whether it cannot rank them at all."""

    text: str
    unranked: bool = False


@dataclass(frozen=True)
class NoLayout:
    """The layout of a track that has no layout settings."""


@dataclass(frozen=True)
class TrackSpec:
    """A track, light enough to be listed without importing what it needs.

    Attributes:
        name: what protocols and rows write: lower-case letters, digits and hyphens.
        target: "module:Class", a `Track`.
        unit: what one item of its traffic is called, in the singular.
        summary: one line for listings.
        layout: frozen dataclass with defaults: the settings that datasets are loaded with, a protocol's table `layout`.
        aspects: names of what traffic of a system may lack, see `GeneratorSpec.lacks` and `MetricSpec.about`.
    """

    name: str
    target: str
    unit: str
    summary: str
    layout: type = NoLayout
    aspects: tuple[str, ...] = ()


class Track(ABC, Generic[T]):
    """What the host does with traffic of one kind. Built as `Class(spec)`.

    Attributes:
        spec: what the track's plugin says about it.
        endings: endings of the files that `read` reads; the name of a dataset leaves them out.
        writes: endings of the files that `write` writes.
        profiled: the side of the real traffic, "test" or "train", that the profile in a row is of.
        splits_by_seed: whether `split` gives other sides for another seed. Then test sets of several seeds overlap, and
            boards widen the intervals over seeds.
    """

    profiled: Literal["test", "train"] = "test"
    splits_by_seed = True
    endings: tuple[str, ...] = ()
    writes: tuple[str, ...] = (".parquet",)

    def __init__(self, spec: TrackSpec) -> None:
        self.spec = spec

    @abstractmethod
    def read(self, path: Path, layout: Any) -> tuple[T, Notes]:
        """The traffic in a user's file or folder. Raises NtgbenchError."""

    def prepare(self, traffic: T, max_items: int | None) -> tuple[T, Notes]:
        """A dataset as it is split: checked, and cut to about `max_items` items, the same ones each time.

        Raises DatasetError when it is too small, or cannot be cut.
        """
        if max_items is not None:
            raise DatasetError(f"traffic of the track {self.spec.name} cannot be cut to max_items = {max_items}")
        return traffic, ()

    def read_prepared(self, path: Path, layout: Any, max_items: int | None) -> tuple[T, Notes]:
        """What `prepare` makes of what `read` reads, and the notes of both.

        A track overrides it to read no more than is kept, with the same result.
        """
        traffic, notes = self.read(path, layout)
        ready, more = prepared(self, path, traffic, max_items, notes)
        return ready, (*notes, *more)

    @abstractmethod
    def accepts(self, traffic: Any, layout: Any) -> bool:
        """Whether a loader's result is traffic of this track in that layout."""

    @abstractmethod
    def load(self, path: Path) -> T:
        """Read what `write` wrote as Parquet. Raises TrafficError."""

    @abstractmethod
    def write(self, traffic: T, path: Path) -> None:
        """Write a file with one of the endings in `writes`, without loss if it is Parquet."""

    def files(self, path: Path) -> tuple[Path, ...]:
        """The files that `write` makes for `path`."""
        return (path,)

    @abstractmethod
    def digest(self, traffic: T) -> str:
        """Identity of the traffic, hexadecimal digits: equal for equal traffic in equal order."""

    @abstractmethod
    def split(self, traffic: T, test_share: float, seed: int) -> tuple[T, T]:
        """The traffic to train on and the traffic to test with. Raises DatasetError when it cannot be split."""

    def split_notes(self, train: T, test: T) -> Notes:  # noqa: ARG002
        """What a reader of a row must know about how its traffic was split."""
        return ()

    def cautions(self, train: T, test: T) -> tuple[Caution, ...]:  # noqa: ARG002
        """What keeps the test set from ranking systems; every board of the dataset shows it."""
        return ()

    @abstractmethod
    def request(self, train: T) -> Request:
        """What a system is asked for so that it makes as much, of the same kinds, as `train` has."""

    def request_for(self, train: T, classes: Sequence[str], number: int) -> Request:  # noqa: ARG002
        """What a system that learnt from `train` is asked for when a user wants `number` items of some classes.

        No class named means all. Raises NtgbenchError for a class that `train` has not.
        """
        raise NtgbenchError(f"traffic of the track {self.spec.name} cannot be asked for by number")

    def known(self, train: T) -> list[str]:  # noqa: ARG002
        """What must be remembered of a training set to refuse requests that a system cannot answer, in any order."""
        return []

    def checked_request(self, request: Request, train: T, known: Sequence[str]) -> Request:  # noqa: ARG002
        """A copy of the request as systems are handed it.

        Raises TrafficError when it makes no sense, and PluginError, in the words that follow "was", when a system with
        this training set and `known` cannot answer it.
        """
        return request

    @abstractmethod
    def check(self, made: Any, request: Request, train: T) -> T:
        """What a system handed back for `request`, as traffic. Raises PluginError that says what is wrong with it."""

    def matched(self, real: T, synthetic: T) -> tuple[T, T, Notes]:
        """Traffic of two files as metrics compare it. Raises DatasetError when it cannot be compared."""
        return real, synthetic, ()

    def outline(self, train: T) -> T:
        """What a saved model keeps of its training set: as little as `check` and `checked_request` need."""
        return train

    def kept(self, train: T) -> T:
        """What a saved system keeps of a training set that it makes traffic from: all that systems look at."""
        return train

    def surface(self, train: T) -> Any:  # noqa: ARG002
        """What a saved model keeps of its training set for `dressed`, as JSON: no item of it; None for nothing."""
        return None

    def dressed(self, traffic: T, surface: Any, rate: float | None, span: float | None, seed: int) -> tuple[T, Notes]:  # noqa: ARG002
        """Made traffic with all that a capture shows, and what systems do not make drawn; and what was drawn.

        Args:
            traffic: what a system made.
            surface: what `surface` said of its training set, as read from a file that may come from anywhere.
            rate: items that begin in a second; None where the user does not say.
            span: seconds in which all begin, likewise.
            seed: of all draws.

        Raises:
            NtgbenchError: when rate or span are given for traffic that has times of its own, or `surface` is none.
        """
        if rate is not None or span is not None:
            raise NtgbenchError(f"traffic of the track {self.spec.name} has times of its own: no --rate and no --span")
        return traffic, ()

    def empty_request(self, train: T) -> Request | None:  # noqa: ARG002
        """A request that a model answers at once, to try a loaded one; None when there is none."""
        return None

    def likelihood_shape(self, traffic: T) -> tuple[int, ...]:
        """The shape of what a system says of the likelihood of `traffic`, see `ntgbench.interfaces.Likelihood`."""
        return (len(traffic),)  # type: ignore[arg-type]

    @abstractmethod
    def describe(self, traffic: T) -> dict[str, Any]:
        """Figures about the traffic for people, by their names; the first ones also say how much there is."""

    def profile(self, real: T, synthetic: T) -> Profile | None:  # noqa: ARG002
        """What both look like, as counts that `ntgbench.profiles` packs; None when the track has no pictures of it.

        It holds no item of the traffic: what is real may not be published.
        """
        return None

    def examples(self, real: T, synthetic: T, shown: T, hidden: Sequence[T] = ()) -> str | None:  # noqa: ARG002
        """The part `examples` of `shown`, one of the sides of a profile: some of its items, but none of `hidden`."""
        return None

    def size(self, traffic: T) -> str:
        """How much traffic there is, in words."""
        from ntgbench.words import pluralised

        return pluralised(len(traffic), self.spec.unit)  # type: ignore[arg-type]

    @abstractmethod
    def example(self, seed: int = 1) -> T:
        """Small made-up traffic, on which the conformance checks fit systems; other seeds give other traffic."""

    def checks(self, fit: Fit) -> list[Check]:  # noqa: ARG002
        """Conformance checks of a system beside those that all tracks share."""
        return []

    def metric_checks(self, measure: Callable[[T, T], float | None]) -> list[Check]:  # noqa: ARG002
        """Conformance checks of a metric beside those that all tracks share; `measure` compares real and synthetic."""
        return []

    def noise(self, real: T) -> T | None:  # noqa: ARG002
        """Traffic very unlike `real`: the checks require that a metric scores it no better than real traffic."""
        return None

    def calibration(self, full: bool) -> Calibration | None:  # noqa: ARG002
        """The calibration checks of its metrics, in the short form or with all sizes; None when it has none."""
        return None


def prepared(track: Track[T], name: object, traffic: T, max_items: int | None, notes: Notes) -> tuple[T, Notes]:
    """`track.prepare`; what it refuses is said with the dataset's name and the notes on how it was read."""
    try:
        return track.prepare(traffic, max_items)
    except DatasetError as error:
        raise DatasetError("; ".join((f"{name}: {error}", *notes))) from error


@contextlib.contextmanager
def blamed(track: str) -> Iterator[None]:
    """Whatever a track's code raises in the block becomes a PluginError that names the track."""
    try:
        yield
    except NtgbenchError:
        raise
    except Exception as error:  # a track is a plugin's, and may fail in any way
        raise PluginError(f"the track {track} failed: {type(error).__name__}: {error}") from error


def same_track(owner: str, track: str, wanted: str) -> None:
    """Raise PluginError when what is called `owner` is of another track than is wanted."""
    if track != wanted:
        raise PluginError(f"{owner} is of the track {track}, and {wanted} is asked for")
