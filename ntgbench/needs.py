"""What systems and metrics need that is not installed, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from ntgbench.errors import PluginError
from ntgbench.interfaces import GeneratorSpec, MetricSpec, SystemSpec
from ntgbench.plugins import registry, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Needy = SystemSpec | MetricSpec
"""What can need packages."""

_SHOWN = 24
"""Names that a line lists."""

_OF_EXTRA = re.compile(r"([\w.-]+)[^;]*;.*\bextra\s*==\s*[\"']([\w.-]+)[\"']")


def missing(spec: Needy) -> tuple[str, ...]:
    """Import names that `spec` needs, or the generator that it starts from, and that are not installed."""
    names = dict.fromkeys(name for name in spec.needs if not is_installed(name))
    if isinstance(spec, GeneratorSpec) and spec.base is not None:
        names |= dict.fromkeys(missing(registry().system(spec.base, spec.track)))
    return tuple(names)


def install_command(spec: Needy) -> str:
    """What installs all that is missing: an extra of the plugin's distribution that has it, or else each package."""
    names = missing(spec)
    return _command(registry().plugin_of(spec).distribution, names) if names else ""


def told(specs: Iterable[Needy]) -> list[str]:
    """A line for each command that installs what some of `specs` lack: who needs what, and the command."""
    groups: dict[str, list[Needy]] = {}
    for spec in specs:
        if missing(spec):
            groups.setdefault(install_command(spec), []).append(spec)
    return [_line(command, group) for command, group in groups.items()]


def require(*specs: Needy) -> None:
    """Raise PluginError that says what is missing and how to get it, unless all that `specs` need is installed."""
    if lines := told(specs):
        raise PluginError("; ".join(lines))


def imported(spec: Needy) -> Any:
    """The object behind the target of `spec`. Raises PluginError as `require` and `resolve` do."""
    require(spec)
    return resolve(spec.target)


def _line(command: str, group: Sequence[Needy]) -> str:
    names = list(dict.fromkeys(spec.name for spec in group))
    lacking = sorted({name for spec in group for name in missing(spec)})
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    need, are = ("needs" if len(names) == 1 else "need"), ("is" if len(lacking) == 1 else "are")
    return f"{shown} {need} {', '.join(lacking)}, which {are} not installed: {command}"


def _command(distribution: str, names: Sequence[str]) -> str:
    wanted = [name.partition(".")[0] for name in names]
    try:
        requirements = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        requirements = []
    extras: dict[str, set[str]] = {}
    for found in filter(None, map(_OF_EXTRA.match, requirements)):
        extras.setdefault(found[2], set()).add(_normal(found[1]))
    for extra, brought in extras.items():
        if brought >= set(map(_normal, wanted)):
            return f"pip install '{distribution}[{extra}]'"
    return f"pip install {' '.join(wanted)}"


def _normal(name: str) -> str:
    """The name of a package as all its spellings are compared, https://peps.python.org/pep-0503."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def is_installed(name: str) -> bool:
    """Whether a module of this name can be found."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        # Not even the package that the named one would be in.
        return False
