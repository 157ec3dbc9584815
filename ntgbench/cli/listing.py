"""`ntgbench list`: what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, show, show_json

KINDS = ("systems", "metrics", "datasets", "protocols", "suites", "tracks")


@click.command(
    "list",
    short_help="List systems, metrics, datasets and all else.",
    epilog=examples("ntgbench list datasets", "ntgbench list systems --json"),
)
@click.argument("kind", type=click.Choice(KINDS), required=False)
@as_json
def listing(kind: str | None, as_json: bool) -> None:
    """List one kind of what there is; without KIND, all of it."""
    from ntgbench.plugins import registry

    for plugin in registry().plugins:
        if plugin.refused is not None:
            click.echo(f"{plugin.name}: refused: {plugin.refused}", err=True)
    if kind is None and as_json:
        show_json({one: _rows(one)[1] for one in KINDS})
        return
    for place, one in enumerate([kind] if kind else KINDS):
        if kind is None:
            click.echo(f"{chr(10) if place else ''}{one}:")
        heads, rows = _rows(one)
        if not any(row.get("missing") for row in rows) and not as_json:
            heads = [head for head in heads if head not in ("missing", "install")]
        show(rows, heads, as_json)


def _rows(kind: str) -> tuple[list[str], list[dict[str, Any]]]:
    from ntgbench.interfaces import GeneratorSpec
    from ntgbench.needs import install_command, missing
    from ntgbench.plugins import registry
    from ntgbench.protocol import bundled

    known = registry()
    suites = [suite for track in known.tracks() for suite in known.suites(track).values()]
    listed: dict[str, tuple[Iterable[Any], list[str]]] = {
        "systems": (
            known.every_system(),
            ["name", "track", "kind", "reference", "plugin", "missing", "install", "summary"],
        ),
        "metrics": (
            known.metrics().values(),
            ["name", "track", "suite", "goal", "version", "missing", "install", "summary"],
        ),
        "datasets": (known.datasets().values(), ["name", "track", "licence", "summary"]),
        "protocols": (bundled().values(), ["name", "track", "version", "digest", "summary"]),
        "suites": (suites, ["name", "track", "version", "summary"]),
        "tracks": (known.tracks().values(), ["name", "summary"]),
    }
    special: dict[str, Callable[[Any], str]] = {
        "kind": lambda spec: "generator" if isinstance(spec, GeneratorSpec) else "augmenter",
        "reference": lambda spec: "reference" if spec.reference else "",
        "plugin": lambda spec: known.plugin_of(spec).name,
        "missing": lambda spec: ", ".join(missing(spec)),
        "install": install_command,
        "digest": lambda protocol: protocol.digest(),
    }
    found, heads = listed[kind]
    return heads, [
        {head: special[head](one) if head in special else getattr(one, head) for head in heads} for one in found
    ]
