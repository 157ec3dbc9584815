"""Protocols: frozen, versioned TOML that says what is measured, on what, how often and how."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from ntgbench.errors import NtgbenchError, ProtocolError
from ntgbench.files import MOST_JSON, read_bytes
from ntgbench.interfaces import Budget
from ntgbench.plugins import registry
from ntgbench.row_schema import SafeName
from ntgbench.seeds import MOST_SEEDS
from ntgbench.suites import Suite, changed
from ntgbench.tracks import DEFAULT
from ntgbench.values import Count, convert
from ntgbench.words import suggestion

Texts = Annotated[tuple[str, ...], Meta(min_length=1)]
"""At least one text."""

Minutes = Annotated[float, Meta(ge=0.01)]
"""A time that is long enough for a process to start."""


@dataclass(frozen=True)
class Limits:
    """What one cell may use before it is stopped and marked as failed.

    Attributes:
        cpu_minutes: CPU minutes of its process and all that it starts, whatever else the machine does meanwhile.
        memory_gib: GiB of resident memory, child processes included.
        idle_minutes: minutes in which it uses less than 1% of a processor; it is then taken to hang.
    """

    cpu_minutes: Minutes = 120.0
    memory_gib: Annotated[float, Meta(ge=0.1)] = 16.0
    idle_minutes: Minutes = 10.0


@dataclass(frozen=True)
class Protocol:
    """What `ntgbench run` does.

    Attributes:
        name: lower-case letters, digits, `.`, `_` and `-`; by default the name of the file.
        version: raised when the protocol measures something else.
        summary: one line for `ntgbench list protocols`.
        datasets: as after -d: names or paths.
        systems: as after -s: `"name"` or `"name[parameter=value]"`.
        suites: as after --suite. Without: all of the track that can be measured together, but those on request.
        seeds: repetitions, each with its own split, fit and samples.
        track: name of the kind of traffic.
        layout: how datasets are loaded, an instance of the track's layout; None takes its defaults.
        max_items: a larger dataset is cut to about so many items, the same share of each class; None uses all. Of a
            table, no others are held in memory.
        test_share: share of a dataset that is kept for testing, in 0..1.
        threads: CPU threads of a cell; another number may change the last digits of what a model learns.
        budget: how much training is allowed.
        limits: what a cell may use.
        settings: how suites measure, by name: an instance of each suite's settings; a suite that is left out has its
            defaults.

    Raises:
        ProtocolError: when a value is out of its range, or there is no such track or suite.
    """

    name: SafeName
    version: Count
    summary: str
    datasets: Texts
    systems: Texts
    suites: Texts = ()
    seeds: Annotated[int, Meta(ge=1, le=MOST_SEEDS)] = 3
    track: str = DEFAULT
    layout: Any = None
    max_items: Annotated[int, Meta(ge=2)] | None = None
    test_share: Annotated[float, Meta(gt=0, lt=1)] = 0.2
    threads: Count = 1
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = suites_of(self.track)
        for suite in (*self.suites, *self.settings):
            if suite not in known:
                raise ProtocolError(
                    f"no suite of the track {self.track} is called {suite!r}; {suggestion(suite, known)}"
                )
        chosen = tuple(dict.fromkeys(self.suites)) or tuple(
            suite.name for suite in known.values() if not suite.alone and not suite.on_request
        )
        alone = [suite for suite in chosen if known[suite].alone]
        if alone and len(chosen) > 1:
            raise ProtocolError(
                f"protocol {self.name}: {alone[0]} is measured by itself, so that nothing disturbs its times; "
                "leave out the other suites"
            )
        settings = {name: self.settings.get(name, suite.settings()) for name, suite in known.items()}
        object.__setattr__(self, "suites", chosen)
        object.__setattr__(self, "settings", settings)
        object.__setattr__(self, "layout", self.layout or registry().tracks()[self.track].layout())

    @property
    def alone(self) -> Suite | None:
        """The suite that its cells measure, when that is one which is measured alone on the machine."""
        suite = suites_of(self.track)[self.suites[0]]
        return suite if suite.alone else None

    def rounds(self, device: str) -> int:
        """Processes that its suites are measured in, one after another."""
        suite = self.alone
        return 1 if suite is None or suite.rounds is None else suite.rounds(self.settings[suite.name], device)

    def key(self, suite: str) -> str:
        """What makes numbers of a suite comparable, 16 hex digits: BLAKE2b-64 over all that they depend on.

        Settings that stand at their default are left out, so that a new one leaves the keys of published rows alone.
        """
        about = suites_of(self.track)[suite]
        settings = changed(self.settings[suite])
        if about.beside is not None and "digest" in settings:
            settings.pop(about.beside, None)  # whatever it is called, it is the same traffic
        own = {"suite": suite, "version": about.version, "settings": settings}
        fit = {key: value for key, value in self._of_fit().items() if not about.alone or key == "threads"}
        return _digest({"track": self.track, **own, **fit})

    def digest(self) -> str:
        """What a cell's fitted system depends on, 16 hex digits; for a suite that is measured alone, its key."""
        return _digest({"track": self.track, **self._of_fit()}) if self.alone is None else self.key(self.alone.name)

    def _of_fit(self) -> dict[str, Any]:
        """The settings of a fit that are not at their default."""
        return {key: value for key, value in changed(self).items() if key in ("test_share", "threads", "budget")}

    def to_json(self) -> dict[str, Any]:
        """The protocol as plain values that `from_values` reads."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        settings = values.pop("settings")
        for name, value in {**values, **settings}.items():
            values[name] = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]
        return values


def suites_of(track: str, where: str = "") -> dict[str, Suite]:
    """The suites of a track by name. Raises ProtocolError, which begins with `where`, when there is no such track."""
    tracks = registry().tracks()
    if track not in tracks:
        raise ProtocolError(f"{where}no track is called {track!r}; {suggestion(track, tracks)}")
    return registry().suites(track)


def _digest(values: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=8).hexdigest()


@cache
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
    if argument in protocols:
        return protocols[argument]
    if Path(argument).exists():
        raise ProtocolError(f"{argument} is not read as a protocol: the name of its file must end in .toml")
    advice = suggestion(argument, protocols)
    more = " Or" if advice.endswith("?") else "; or"
    raise ProtocolError(f"no protocol is called {argument!r}; {advice}{more} give the path of a .toml file")


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
    """The protocol of plain values; errors begin with `where`. Raises ProtocolError."""
    track = str(values.get("track", DEFAULT))
    suites = suites_of(track, f"{where}: ")
    special = {"layout": registry().tracks()[track].layout, **{name: one.settings for name, one in suites.items()}}
    tables = TypedDict("Tables", special, total=False)  # type: ignore[misc]
    given = {name: values[name] for name in special if name in values}
    found: dict[str, Any] = convert(given, tables, where, ProtocolError)  # type: ignore[arg-type]
    plain = {name: value for name, value in values.items() if name not in special}
    if "settings" in plain:
        raise ProtocolError(f"{where}: unknown key 'settings'; suites have tables of their own names")
    protocol = convert(plain, Protocol, where, ProtocolError)
    return dataclasses.replace(protocol, layout=found.pop("layout", None), settings=found)
