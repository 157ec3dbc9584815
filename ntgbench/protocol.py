"""Protocols: frozen, versioned TOML that says what is measured, on what, how often and how."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from ntgbench.errors import NtgbenchError, ProtocolError
from ntgbench.files import MOST_JSON, read_bytes
from ntgbench.interfaces import Budget
from ntgbench.row_schema import SafeName
from ntgbench.traffic.biflows import MOST_PACKETS, PACKETS, PL_MAX
from ntgbench.values import Count, Positive, convert
from ntgbench.words import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

QUALITY = ("fidelity", "utility", "augmentation")
"""Suites about what is made; they share cells."""

COSTS = ("efficiency",)
"""Suites about what making it takes; they have cells of their own, with no other beside them."""

SUITES = (*QUALITY, *COSTS)

EFFICIENCY_VERSION = 5
"""Version of the efficiency suite's numbers; raised when the same system and machine may give others."""

_GRID = ("name", "summary", "datasets", "biflows", "systems", "suites", "seeds", "limits")
"""Fields that say which cells there are and how long they may take, but not what a cell measures. What `biflows` leaves
of a dataset is known by the digest of the dataset."""

_OF_QUALITY = ("test_share", "threads", "budget", "fidelity", "augmentation")
_OF_COSTS = ("efficiency",)
"""Fields that change what the ones or the others measure."""


Share = Annotated[float, Meta(gt=0, le=1)]
"""A share of a whole."""

Texts = Annotated[tuple[str, ...], Meta(min_length=1)]
"""At least one text."""


@dataclass(frozen=True)
class Limits:
    """What one cell may use before it is stopped and marked as failed.

    Attributes:
        cpu_minutes: CPU minutes of its process and all that it starts, whatever else the machine does meanwhile.
        memory_gib: GiB of resident memory, child processes included.
        idle_minutes: minutes without CPU time to speak of, less than a hundredth of a processor: it waits for ever.
    """

    cpu_minutes: Positive = 120.0
    memory_gib: Positive = 16.0
    idle_minutes: Positive = 10.0


@dataclass(frozen=True)
class Fidelity:
    """How the fidelity suite measures.

    Attributes:
        floor_draws: random halves of the training set that the real-vs-real floor is averaged over.
    """

    floor_draws: Count = 5


@dataclass(frozen=True)
class Augmentation:
    """How the augmentation suite measures.

    Attributes:
        fractions: shares of each class's training biflows that are available, in 0..1.
        arms: what generators learn from: "full", the whole training set (the paper's design), or "subset", the
            available biflows only. Augmenters always see the available biflows only.
    """

    fractions: Annotated[tuple[Share, ...], Meta(min_length=1)] = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 0.75, 1.0)
    arms: Annotated[tuple[Literal["full", "subset"], ...], Meta(min_length=1)] = ("full",)

    def __post_init__(self) -> None:
        if len({f"{share * 100:g}" for share in self.fractions}) < len(self.fractions):
            raise ProtocolError("fractions must differ as they are printed")


@dataclass(frozen=True)
class Efficiency:
    """How the efficiency suite measures; the defaults are those of arXiv 2603.25507, Table III.

    Attributes:
        classes: number of classes, the largest of the dataset.
        biflows: training biflows of each.
        epochs: epochs of a training whose time is taken.
        samples: biflows of each class that a repetition makes, one at a time.
        rounds: processes that a system is measured in, each after one of every other system: where a process finds
            its memory makes a difference, and a machine may be slow for minutes.
        repetitions: repeated measurements of a round, of all of which the median with its interval and the shortest are
            shown.
        seconds: what a repetition is shortened to, about, by fewer biflows and a single epoch, and there are as many as
            then fit into the same time; one of sampling may be a few times as long. None measures whole.
        largest_batch: largest batch that is tried for throughput.
        threads: CPU threads.
    """

    classes: Count = 5
    biflows: Count = 500
    epochs: Count = 10
    samples: Count = 100
    rounds: Count = 1
    repetitions: Count = 10
    seconds: Positive | None = None
    largest_batch: Count = 4096
    threads: Count = 1


@dataclass(frozen=True)
class Protocol:
    """What `ntgbench run` does.

    Attributes:
        name, version, summary: what it is called, how often it has changed, one line for listings.
        datasets, systems, suites: the grid, as a user would write each after -d, -s and --suite.
        biflows: a larger dataset is thinned to about so many, the same share of each class; None uses all.
        seeds: repetitions, each with its own split, fit and samples.
        packets, pl_max: layout of the biflows.
        test_share: share of each class kept for testing, in 0..1.
        threads: CPU threads of a cell; another number may change the last digits of what a model learns.
        budget: how much training is allowed.
        limits: what a cell may use.
        fidelity, augmentation, efficiency: how these suites measure.

    Raises:
        ProtocolError: when a value is out of its range.
    """

    name: SafeName
    version: int
    summary: str
    datasets: Texts
    systems: Texts
    suites: Texts = QUALITY
    seeds: Count = 3
    packets: Annotated[int, Meta(ge=1, le=MOST_PACKETS)] = PACKETS
    pl_max: int = PL_MAX
    biflows: Annotated[int, Meta(ge=2)] | None = None
    test_share: Annotated[float, Meta(gt=0, lt=1)] = 0.2
    threads: Count = 1
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    fidelity: Fidelity = field(default_factory=Fidelity)
    augmentation: Augmentation = field(default_factory=Augmentation)
    efficiency: Efficiency = field(default_factory=Efficiency)

    def __post_init__(self) -> None:
        unknown = [suite for suite in self.suites if suite not in SUITES]
        if unknown:
            raise ProtocolError(f"there is no suite {unknown[0]!r}; {suggestion(unknown[0], SUITES)}")
        if self.of_costs and set(self.suites) - set(COSTS):
            raise ProtocolError(
                f"{COSTS[0]} is measured by itself, so that nothing disturbs it; leave out the other suites"
            )

    @property
    def of_costs(self) -> bool:
        """Whether its cells measure costs, each alone on the machine."""
        return bool(set(self.suites) & set(COSTS))

    def digest(self) -> str:
        """BLAKE2b-64 over all that changes what a cell measures, as 16 hex digits; the grid and limits do not."""
        without = (*_GRID, *(_OF_QUALITY if self.of_costs else _OF_COSTS))
        values = {key: value for key, value in self.to_json().items() if key not in without}
        # Rows that are older than these settings were measured at their defaults.
        if values.get("threads") == 1:
            del values["threads"]
        if "budget" in values and values["budget"]["steps"] is None:
            del values["budget"]["steps"]
        return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=8).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The protocol as plain values that `from_values` reads."""
        return dataclasses.asdict(self)


def bundled() -> dict[str, Protocol]:
    """The protocols that come with ntgbench, by name."""
    folder = resources.files("ntgbench") / "protocols"
    paths = (Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {path.stem: read(path) for path in sorted(paths)}


def find(argument: str) -> Protocol:
    """The protocol of a bundled name or of a path to a TOML file. Raises ProtocolError."""
    if argument.endswith(".toml"):
        return read(Path(argument))
    protocols = bundled()
    if argument not in protocols:
        raise ProtocolError(
            f"no protocol is called {argument!r}; {suggestion(argument, protocols)} or give a .toml file"
        )
    return protocols[argument]


def read(path: Path) -> Protocol:
    """The protocol in a TOML file. Raises ProtocolError that names the file and the key."""
    try:
        values = tomllib.loads(read_bytes(path, MOST_JSON).decode())
    except NtgbenchError as error:
        raise ProtocolError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{path} is not TOML: {error}") from error
    return from_values({"name": path.stem, **values}, str(path))


def from_values(values: Mapping[str, Any], where: str) -> Protocol:
    """The protocol of plain values; `where` names their source in errors. Raises ProtocolError."""
    return convert(values, Protocol, where, ProtocolError)
