"""`ntgbench plugins`: what is installed, and what was refused and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, show
from ntgbench.errors import PluginError

if TYPE_CHECKING:
    from ntgbench.contract import Spec


@click.command(
    short_help="List plugins, and why one was refused.",
    epilog=examples("ntgbench plugins", "ntgbench plugins --json"),
)
@as_json
def plugins(as_json: bool) -> int:
    """List plugins with their distribution, what they bring, and why one was refused; exits with 1 when one was."""
    from ntgbench.plugins import registry

    found = registry()
    if not found.systems() and not found.metrics() and not as_json:
        raise PluginError(found.why_empty())
    rows = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": "refused" if plugin.refused is not None else "loaded",
            "brings": ", ".join(map(_named, plugin.specs)) if plugin.refused is None else plugin.refused,
        }
        for plugin in found.plugins
    ]
    show(rows, ["plugin", "distribution", "version", "state", "brings"], as_json)
    return int(any(plugin.refused is not None for plugin in found.plugins))


def _named(spec: Spec) -> str:
    """The name of what a plugin brings, with its track where several have a system of that name."""
    from ntgbench.interfaces import AugmenterSpec, GeneratorSpec
    from ntgbench.plugins import registry

    if isinstance(spec, AugmenterSpec | GeneratorSpec) and len(registry().tracks_of(spec.name)) > 1:
        return f"{spec.name} ({spec.track})"
    return spec.name
