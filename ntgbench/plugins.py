"""Discovery of plugins by entry point: each loads alone, and a bad one is a row with a reason, never a crash."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from ntgbench import hookspecs
from ntgbench.errors import PluginError
from ntgbench.interfaces import AugmenterSpec, DatasetSpec, GeneratorSpec, MetricSpec, SystemSpec
from ntgbench.parameters import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESTRICT = "NTGBENCH_PLUGINS"
"""Environment variable: entry-point names, comma-separated, of the only plugins to load."""

_KINDS: dict[str, type] = {
    "ntgbench_generators": GeneratorSpec,
    "ntgbench_augmenters": AugmenterSpec,
    "ntgbench_metrics": MetricSpec,
    "ntgbench_datasets": DatasetSpec,
}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

Spec = GeneratorSpec | AugmenterSpec | MetricSpec | DatasetSpec
SpecT = TypeVar("SpecT", GeneratorSpec, AugmenterSpec, MetricSpec, DatasetSpec)


@dataclass(frozen=True)
class Plugin:
    """One entry point: what it brings, or why it was refused.

    Attributes:
        name: entry-point name.
        distribution, version: the installed distribution that declares it.
        specs: what its hooks returned; empty when it was refused.
        refused: reason why nothing of it is used, None when it loaded.
    """

    name: str
    distribution: str
    version: str
    specs: tuple[Spec, ...] = ()
    refused: str | None = None


@dataclass(frozen=True)
class Registry:
    """The plugins of this installation and what can be found by name in them."""

    plugins: tuple[Plugin, ...]

    def systems(self) -> dict[str, SystemSpec]:
        """Generators and augmenters by name: they share one name space, that of leaderboard rows."""
        return {spec.name: spec for spec in self._specs() if isinstance(spec, GeneratorSpec | AugmenterSpec)}

    def metrics(self) -> dict[str, MetricSpec]:
        """Metrics by name."""
        return {spec.name: spec for spec in self._specs() if isinstance(spec, MetricSpec)}

    def datasets(self) -> dict[str, DatasetSpec]:
        """Datasets of the catalogue by name."""
        return {spec.name: spec for spec in self._specs() if isinstance(spec, DatasetSpec)}

    def system(self, name: str) -> SystemSpec:
        """The system called `name`. Raises PluginError with the nearest names, or why its plugin was refused."""
        systems = self.systems()
        if name not in systems:
            if not self.plugins:
                raise PluginError(self.why_empty())
            refused = [plugin for plugin in self.plugins if plugin.refused is not None]
            note = f" ({len(refused)} plugin(s) were refused: see `ntgbench plugins`)" if refused else ""
            raise PluginError(f"no system is called {name!r}; {suggestion(name, systems)}{note}")
        return systems[name]

    def plugin_of(self, spec: Spec) -> Plugin:
        """The plugin that brought `spec`."""
        return next(plugin for plugin in self.plugins if spec in plugin.specs)

    def _specs(self) -> Iterable[Spec]:
        return (spec for plugin in self.plugins for spec in plugin.specs)

    def why_empty(self) -> str:
        """Why there is no plugin at all, and what to do about it."""
        limit = os.environ.get(RESTRICT)
        if limit is not None:
            return f"no plugin is loaded, because {RESTRICT}={limit!r} names none that is installed"
        return "no plugins are installed, not even the bundled ones: run `pip install -e .` in the source tree"


@cache
def registry() -> Registry:
    """The plugins of this installation, discovered once."""
    return discover(importlib.metadata.entry_points(group=hookspecs.PROJECT), os.environ.get(RESTRICT))


def discover(entry_points: Iterable[importlib.metadata.EntryPoint], only: str | None = None) -> Registry:
    """Load each entry point alone.

    Args:
        entry_points: of the group `ntgbench`.
        only: comma-separated entry-point names to keep; None keeps all.
    """
    wanted = None if only is None else {name.strip() for name in only.split(",")}
    plugins: list[Plugin] = []
    # Bundled plugins come first, so that a clash is always the newcomer's.
    for entry_point in sorted(
        set(entry_points), key=lambda e: (_origin(e)[0] != hookspecs.PROJECT, _origin(e), e.name)
    ):
        if wanted is None or entry_point.name in wanted:
            plugins.append(_load(entry_point, plugins))
    return Registry(tuple(plugins))


def resolve(target: str, needs: Sequence[str] = ()) -> Any:
    """Import the object behind a "module:attribute" target.

    Raises PluginError when an import name in `needs` is not installed, the import fails, or the attribute is missing.
    """
    missing = [name for name in needs if importlib.util.find_spec(name) is None]
    if missing:
        raise PluginError(f"{target} needs {', '.join(missing)}, which is not installed")
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way while it is imported
        raise PluginError(f"cannot import {target}: {_reason(error)}") from error


def _load(entry_point: importlib.metadata.EntryPoint, earlier: Sequence[Plugin]) -> Plugin:
    distribution, version = _origin(entry_point)
    try:
        for plugin in earlier:
            if plugin.name == entry_point.name:
                raise PluginError(f"the entry point {entry_point.name!r} is already taken by {plugin.distribution}")
        specs = _call_hooks(entry_point)
        _refuse_clashes(specs, earlier)
    except (Exception, SystemExit) as error:  # whatever a plugin does while it loads, the others go on
        return Plugin(entry_point.name, distribution, version, refused=_reason(error))
    return Plugin(entry_point.name, distribution, version, specs)


def _call_hooks(entry_point: importlib.metadata.EntryPoint) -> tuple[Spec, ...]:
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
            for spec in returned:
                _check_spec(spec, hook)
                specs.append(spec)
    return tuple(specs)


def _check_spec(spec: Any, hook: str) -> None:
    kind = _KINDS[hook]
    if not isinstance(spec, kind) or not isinstance(spec, Spec):
        raise PluginError(f"{hook} must return {kind.__name__} objects, not {type(spec).__name__}")
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        raise PluginError(f"{hook}: {spec.name!r} is no name: lower-case letters, digits, '-', '_' and '.' only")
    if not isinstance(spec.target, str) or not _TARGET.fullmatch(spec.target):
        raise PluginError(
            f"{hook}: the target of {spec.name} must look like 'package.module:Name', not {spec.target!r}"
        )
    if isinstance(spec, GeneratorSpec | AugmenterSpec):
        _check_parameters(spec)


def _check_parameters(spec: SystemSpec) -> None:
    kind = spec.parameters
    frozen = dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not frozen:
        raise PluginError(f"the parameters of {spec.name} must be a frozen dataclass")
    for item in dataclasses.fields(kind):
        if item.default is dataclasses.MISSING:
            raise PluginError(f"parameter {item.name!r} of {spec.name} needs a default")


def _refuse_clashes(specs: Sequence[Spec], earlier: Sequence[Plugin]) -> None:
    def space(spec: Spec) -> tuple[str, str]:
        return ("system" if isinstance(spec, GeneratorSpec | AugmenterSpec) else type(spec).__name__, spec.name)

    owners = {space(spec): plugin.distribution for plugin in earlier for spec in plugin.specs}
    for spec in specs:
        if space(spec) in owners:
            raise PluginError(f"the name {spec.name!r} is already taken by {owners[space(spec)]}")
        owners[space(spec)] = "the same plugin"


def _origin(entry_point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    distribution = entry_point.dist
    return (distribution.name, distribution.version) if distribution else ("unknown", "0")


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
