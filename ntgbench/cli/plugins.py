"""`ntgbench plugins`: what is installed, and what was refused and why."""

from __future__ import annotations

import click

from ntgbench.cli.options import as_json, show
from ntgbench.errors import PluginError


@click.command()
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
            "brings": ", ".join(spec.name for spec in plugin.specs) if plugin.refused is None else plugin.refused,
        }
        for plugin in found.plugins
    ]
    show(rows, ["plugin", "distribution", "version", "state", "brings"], as_json)
    return int(any(plugin.refused is not None for plugin in found.plugins))
