"""Discovery of plugins by entry point: each loads alone, and one that fails is refused with a reason."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import os
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import pluggy

from ntgbench import hookspecs
from ntgbench.contract import Spec, check_spec
from ntgbench.errors import PluginError
from ntgbench.interfaces import AugmenterSpec, DatasetSpec, GeneratorSpec, MetricSpec, SystemSpec
from ntgbench.probing import PROBED, find_fatal
from ntgbench.suites import Suite
from ntgbench.tracks import DEFAULT, Track, TrackSpec, same_track
from ntgbench.words import pluralised, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RESTRICT = "NTGBENCH_PLUGINS"
"""Environment variable: entry-point names, comma-separated, of the only plugins to load."""

_log = logging.getLogger(__name__)

_KINDS: dict[str, type] = {
    "ntgbench_generators": GeneratorSpec,
    "ntgbench_augmenters": AugmenterSpec,
    "ntgbench_metrics": MetricSpec,
    "ntgbench_datasets": DatasetSpec,
    "ntgbench_suites": Suite,
    "ntgbench_tracks": TrackSpec,
}

OWN = "ntgbench."
"""Prefix of the host's own entry points, which are always loaded."""


@dataclass(frozen=True)
class Plugin:
    """One entry point of an installed distribution: what it brings, or why it was refused."""

    name: str
    distribution: str
    version: str
    specs: tuple[Spec, ...] = ()  # what its hooks returned; empty when it was refused
    refused: str | None = None  # reason why nothing of it is used, None when it loaded


@dataclass(frozen=True)
class Registry:
    """The plugins of this installation and what can be found by name in them."""

    plugins: tuple[Plugin, ...]

    def systems(self, track: str | None = None) -> dict[str, SystemSpec]:
        """Generators and augmenters of a track by name: they share one name space, that of leaderboard rows.

        Without a track, those of all tracks; of several with one name the default track's, or else the first.
        """
        found = [spec for spec in self.every_system() if track in (None, spec.track)]
        found.sort(key=lambda spec: spec.track != DEFAULT)
        return {spec.name: spec for spec in reversed(found)}

    def tracks_of(self, name: str) -> list[str]:
        """The tracks that have a system called `name`."""
        return [spec.track for spec in self.every_system() if spec.name == name]

    def every_system(self) -> list[SystemSpec]:
        """Generators and augmenters of all tracks, in the order plugins brought them."""
        return [spec for spec in self._specs if isinstance(spec, GeneratorSpec | AugmenterSpec)]

    def metrics(self) -> dict[str, MetricSpec]:
        """Metrics by name."""
        return {spec.name: spec for spec in self._specs if isinstance(spec, MetricSpec)}

    def datasets(self) -> dict[str, DatasetSpec]:
        """Datasets of the catalogue by name."""
        return {spec.name: spec for spec in self._specs if isinstance(spec, DatasetSpec)}

    def suites(self, track: str) -> dict[str, Suite]:
        """The suites of a track by name."""
        return {spec.name: spec for spec in self._specs if isinstance(spec, Suite) and spec.track == track}

    def tracks(self) -> dict[str, TrackSpec]:
        """Tracks by name."""
        return {spec.name: spec for spec in self._specs if isinstance(spec, TrackSpec)}

    def track(self, name: str) -> Track[Any]:
        """The track called `name`, imported. Raises PluginError with the nearest names."""
        tracks = self.tracks()
        if name not in tracks:
            raise PluginError(f"no track is called {name!r}; {suggestion(name, tracks)}")
        return _track(tracks[name])

    def system(self, name: str, track: str | None = None) -> SystemSpec:
        """The system called `name`, of a track when one is given; see `systems` for names that several tracks have.

        Raises PluginError with the nearest names, or why its plugin was refused.
        """
        systems = self.systems(track)
        if name not in systems:
            if name in self.systems():
                same_track(f"the system {name}", self.systems()[name].track, track or DEFAULT)
            if not systems:
                raise PluginError(self.why_empty())
            refused = [plugin for plugin in self.plugins if plugin.refused is not None]
            note = f" ({pluralised(len(refused), 'refused plugin')}: see `ntgbench plugins`)" if refused else ""
            raise PluginError(f"no system is called {name!r}; {suggestion(name, systems)}{note}")
        return systems[name]

    def plugin_of(self, spec: Spec) -> Plugin:
        """The plugin that brought `spec`."""
        return next(plugin for plugin in self.plugins if spec in plugin.specs)

    @cached_property
    def _specs(self) -> tuple[Spec, ...]:
        return tuple(spec for plugin in self.plugins for spec in plugin.specs)

    def why_empty(self) -> str:
        """Why there is no plugin at all, and what to do about it."""
        limit = os.environ.get(RESTRICT)
        if limit is not None:
            return f"no plugin is loaded, because {RESTRICT}={limit!r} names none that is installed"
        return "no plugins are installed, not even the bundled ones: run `pip install -e .` in the source tree"


@cache
def _track(spec: TrackSpec) -> Track[Any]:
    track: Track[Any] = resolve(spec.target)(spec)
    return track


@cache
def registry() -> Registry:
    """The plugins of this installation, discovered once."""
    entry_points = importlib.metadata.entry_points(group=hookspecs.PROJECT)
    return discover(entry_points, os.environ.get(RESTRICT), probing=PROBED not in os.environ)


def discover(
    entry_points: Iterable[importlib.metadata.EntryPoint], only: str | None = None, probing: bool = False
) -> Registry:
    """Load each entry point alone.

    Args:
        entry_points: of the group `ntgbench`.
        only: comma-separated entry-point names to keep; None keeps all. An unknown name gives a warning.
        probing: load those that are not bundled in another process first, and refuse one that ends or blocks it.
    """
    # Bundled plugins come first, so that a clash is always the newcomer's.
    found = sorted(set(entry_points), key=lambda e: (not _is_bundled(e), _origin(e), e.name))
    if only is not None:
        wanted = {name.strip() for name in only.split(",")}
        _warn_of_unknown(wanted, [entry_point.name for entry_point in found])
        found = [one for one in found if one.name in wanted or (_is_bundled(one) and one.value.startswith(OWN))]
    foreign = [entry_point for entry_point in found if not _is_bundled(entry_point)]
    fatal = find_fatal(foreign) if probing and foreign else {}
    plugins: list[Plugin] = []
    for entry_point in found:
        plugins.append(_load(entry_point, plugins, fatal.get(entry_point)))
    return Registry(tuple(_refuse_dangling(plugins)))


def _warn_of_unknown(wanted: set[str], known: list[str]) -> None:
    for name in sorted(wanted - {*known, ""}):
        _log.warning("%s: no installed plugin is called %r; %s", RESTRICT, name, suggestion(name, known))


def resolve(target: str) -> Any:
    """Import the object behind a "module:attribute" target.

    Raises PluginError when the import fails, or the attribute is missing.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way while it is imported
        raise PluginError(f"cannot import {target}: {_reason(error)}") from error


def _load(entry_point: importlib.metadata.EntryPoint, earlier: Sequence[Plugin], fatal: str | None) -> Plugin:
    distribution, version = _origin(entry_point)
    try:
        if fatal is not None:
            raise PluginError(fatal)
        for plugin in earlier:
            if plugin.name == entry_point.name:
                raise PluginError(f"the entry point {entry_point.name!r} is already taken by {plugin.distribution}")
        specs = call_hooks(entry_point)
        _refuse_clashes(specs, earlier)
    except (Exception, SystemExit) as error:  # whatever a plugin does while it loads, the others go on
        return Plugin(entry_point.name, distribution, version, refused=_reason(error))
    return Plugin(entry_point.name, distribution, version, specs)


def call_hooks(entry_point: importlib.metadata.EntryPoint) -> tuple[Spec, ...]:
    """Import a plugin and return all that it brings. Raises PluginError, or whatever the plugin does."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugin = entry_point.load()
    manager.register(plugin, entry_point.name)
    manager.check_pending()
    hooks = [caller.name for caller in manager.get_hookcallers(plugin) or []]
    if not hooks:
        raise PluginError(f"{entry_point.value} implements no hook; mark its functions with ntgbench.hookimpl")
    specs: list[Spec] = []
    for hook in sorted(hooks):
        for returned in getattr(manager.hook, hook)():
            if not isinstance(returned, list | tuple):
                raise PluginError(f"{hook} must return a list, not {type(returned).__name__}")
            specs += [check_spec(spec, _KINDS[hook], hook) for spec in returned]
    return tuple(specs)


def _refuse_clashes(specs: Sequence[Spec], earlier: Sequence[Plugin]) -> None:
    def claims(spec: Spec) -> list[tuple[str, str]]:
        kind = type(spec).__name__
        if isinstance(spec, GeneratorSpec | AugmenterSpec):
            kind = f"system of {spec.track}"
        if isinstance(spec, Suite):
            kind = f"suite of {spec.track}"
        if isinstance(spec, MetricSpec) and spec.primary:
            return [(kind, spec.name), ("the primary metric of suite", spec.suite)]
        return [(kind, spec.name)]

    owners = {claim: plugin.distribution for plugin in earlier for spec in plugin.specs for claim in claims(spec)}
    for spec in specs:
        for claim in claims(spec):
            if claim in owners:
                what = "the name" if claim[1] == spec.name else claim[0]
                raise PluginError(f"{what} {claim[1]!r} is already taken by {owners[claim]}")
            owners[claim] = "the same plugin"


def _refuse_dangling(plugins: Sequence[Plugin]) -> list[Plugin]:
    """Refuse plugins with a spec that names a base, a suite or a track which is not there."""
    known = Registry(tuple(plugins))
    kept = []
    for plugin in plugins:
        wrong = next(filter(None, (_dangling(spec, known) for spec in plugin.specs)), None)
        kept.append(plugin if wrong is None else replace(plugin, specs=(), refused=wrong))
    # A refused plugin may have brought what another one names.
    return kept if kept == list(plugins) else _refuse_dangling(kept)


def _dangling(spec: Spec, known: Registry) -> str | None:
    """What is wrong with the names that a spec refers to, None when nothing is."""
    if isinstance(spec, TrackSpec):
        return None
    if spec.track not in known.tracks():
        return f"there is no track {spec.track!r}, which {spec.name} names; {suggestion(spec.track, known.tracks())}"
    if isinstance(spec, MetricSpec) and spec.suite not in known.suites(spec.track):
        advice = suggestion(spec.suite, known.suites(spec.track))
        return f"there is no suite {spec.suite!r}, which {spec.name} names; {advice}"
    track = known.tracks()[spec.track]
    named = spec.about if isinstance(spec, MetricSpec) else [name for name, _ in getattr(spec, "lacks", ())]
    for aspect in named:
        if aspect not in track.aspects:
            advice = suggestion(aspect, track.aspects)
            return f"traffic of {spec.track} has no aspect {aspect!r}, which {spec.name} names; {advice}"
    if isinstance(spec, GeneratorSpec) and not _has_base(spec, known.systems(spec.track)):
        return f"the base {spec.base!r} of {spec.name} is not a generator, or starts from {spec.name} itself"
    return None


def _has_base(spec: GeneratorSpec, systems: Mapping[str, SystemSpec]) -> bool:
    seen = {spec.name}
    while spec.base is not None:
        base = systems.get(spec.base)
        if spec.base in seen or not isinstance(base, GeneratorSpec):
            return False
        seen.add(spec.base)
        spec = base
    return True


def _is_bundled(entry_point: importlib.metadata.EntryPoint) -> bool:
    return _origin(entry_point)[0] == hookspecs.PROJECT


def _origin(entry_point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    distribution = entry_point.dist
    return (distribution.name, distribution.version) if distribution else ("unknown", "0")


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
