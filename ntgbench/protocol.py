"""Protocols: frozen, versioned TOML that says what is measured, on what, how often and how."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import reprlib
import sys
import tomllib
import types
import typing
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from ntgbench.efficiency.settings import Efficiency
from ntgbench.errors import NtgbenchError, ProtocolError
from ntgbench.files import MOST_JSON, read_bytes
from ntgbench.interfaces import Budget
from ntgbench.parameters import suggestion
from ntgbench.row_schema import LONGEST_NAME, SAFE_NAME
from ntgbench.traffic.biflows import MOST_PACKETS, PACKETS, PL_MAX

QUALITY = ("fidelity", "utility", "augmentation")
"""Suites about what is made; they share cells."""

COSTS = ("efficiency",)
"""Suites about what making it takes; they have cells of their own, with no other beside them."""

SUITES = (*QUALITY, *COSTS)

_GRID = ("name", "summary", "datasets", "biflows", "systems", "suites", "seeds", "limits")
"""Fields that say which cells there are and how long they may take, but not what a cell measures. What `biflows` leaves
of a dataset is known by the digest of the dataset."""

_OF_QUALITY = ("test_share", "threads", "budget", "fidelity", "augmentation")
_OF_COSTS = ("efficiency",)
"""Fields that change what the ones or the others measure."""


@dataclass(frozen=True)
class Limits:
    """What one cell may use before it is stopped and marked as failed.

    Attributes:
        cpu_minutes: CPU minutes of its process and all that it starts, whatever else the machine does meanwhile.
        memory_gib: GiB of resident memory, child processes included.
        idle_minutes: minutes without CPU time to speak of, less than a hundredth of a processor: it waits for ever.
    """

    cpu_minutes: float = 120.0
    memory_gib: float = 16.0
    idle_minutes: float = 10.0


@dataclass(frozen=True)
class Fidelity:
    """How the fidelity suite measures.

    Attributes:
        floor_draws: random halves of the training set that the real-vs-real floor is averaged over.
    """

    floor_draws: int = 5


@dataclass(frozen=True)
class Augmentation:
    """How the augmentation suite measures.

    Attributes:
        fractions: shares of each class's training biflows that are available, in 0..1.
        arms: what generators learn from: "full", the whole training set (the paper's design), or "subset", the
            available biflows only. Augmenters always see the available biflows only.
    """

    fractions: tuple[float, ...] = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 0.75, 1.0)
    arms: tuple[Literal["full", "subset"], ...] = ("full",)


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

    name: str
    version: int
    summary: str
    datasets: tuple[str, ...]
    systems: tuple[str, ...]
    suites: tuple[str, ...] = QUALITY
    seeds: int = 3
    packets: int = PACKETS
    pl_max: int = PL_MAX
    biflows: int | None = None
    test_share: float = 0.2
    threads: int = 1
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    fidelity: Fidelity = field(default_factory=Fidelity)
    augmentation: Augmentation = field(default_factory=Augmentation)
    efficiency: Efficiency = field(default_factory=Efficiency)

    def __post_init__(self) -> None:
        if not SAFE_NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            raise ProtocolError(
                f"{self.name!r} is no name for a protocol: lower-case letters, digits, '.', '_' and '-' only, "
                f"and at most {LONGEST_NAME} of them"
            )
        unknown = [suite for suite in self.suites if suite not in SUITES]
        if unknown:
            raise ProtocolError(f"there is no suite {unknown[0]!r}; {suggestion(unknown[0], SUITES)}")
        if self.of_costs and set(self.suites) - set(COSTS):
            raise ProtocolError(
                f"protocol {self.name}: {', '.join(COSTS)} is measured by itself, so that nothing disturbs its times; "
                "leave out the other suites"
            )
        for name, fine in (
            ("datasets", bool(self.datasets)),
            ("systems", bool(self.systems)),
            ("suites", bool(self.suites)),
            ("seeds", self.seeds >= 1),
            ("packets", 1 <= self.packets <= MOST_PACKETS),
            ("biflows", self.biflows is None or self.biflows >= 2),
            ("test_share", 0 < self.test_share < 1),
            ("threads", self.threads >= 1),
            ("budget.epochs", self.budget.epochs is None or self.budget.epochs >= 1),
            ("budget.steps", self.budget.steps is None or self.budget.steps >= 1),
            ("budget.minutes", self.budget.minutes is None or self.budget.minutes > 0),
            ("limits.cpu_minutes", self.limits.cpu_minutes > 0),
            ("limits.memory_gib", self.limits.memory_gib > 0),
            ("limits.idle_minutes", self.limits.idle_minutes > 0),
            ("fidelity.floor_draws", self.fidelity.floor_draws >= 1),
            ("augmentation.fractions", _are_shares(self.augmentation.fractions)),
            ("augmentation.arms", bool(self.augmentation.arms)),
            *((f"efficiency.{name}", False) for name in self.efficiency.out_of_range()),
        ):
            if not fine:
                raise ProtocolError(f"protocol {self.name}: {name} is out of range")

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


def _are_shares(shares: tuple[float, ...]) -> bool:
    """Whether all lie in 0..1 and differ as they are printed."""
    return 0 < len({f"{share * 100:g}" for share in shares}) == len(shares) and all(0 < share <= 1 for share in shares)


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


def from_values(values: typing.Mapping[str, Any], where: str) -> Protocol:
    """The protocol of plain values; `where` names their source in errors. Raises ProtocolError."""
    return typing.cast("Protocol", _build(Protocol, values, where))


def _build(kind: type, values: typing.Mapping[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = [key for key in values if key not in hints]
    if unknown:
        raise ProtocolError(f"{where}: unknown key {unknown[0]!r}; {suggestion(unknown[0], hints)}")
    built = {key: _value(value, hints[key], f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**built)
    except TypeError as error:
        missing = [f.name for f in dataclasses.fields(kind) if _required(f) and f.name not in values]
        raise ProtocolError(f"{where}: {', '.join(missing)} must be given") from error


def _required(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _value(value: Any, hint: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(typing.cast("type", hint), value, where)
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_value(item, typing.get_args(hint)[0], where) for item in value)
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in allowed and type(value) in (int, float):
        if not abs(value) <= sys.float_info.max:  # whole numbers may be larger than any float
            raise ProtocolError(f"{where}: {reprlib.repr(value)} is no finite number")
        return float(value)
    if typing.get_origin(hint) is Literal and value in typing.get_args(hint):
        return value
    if type(value) in allowed or (value is None and types.NoneType in allowed):
        return value
    raise ProtocolError(f"{where}: {reprlib.repr(value)} has the wrong type")
