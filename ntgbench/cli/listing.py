"""`ntgbench list`: what there is."""

from __future__ import annotations

from typing import Any

import click

from ntgbench.cli.options import as_json, show

KINDS = ("systems", "metrics", "datasets", "protocols", "suites", "tracks")


@click.command("list", epilog="Examples: ntgbench list datasets; ntgbench list systems --json")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@as_json
def listing(kind: str | None, as_json: bool) -> None:
    """List one kind of what there is; without KIND, all of it."""
    from ntgbench.plugins import registry

    for plugin in registry().plugins:
        if plugin.refused is not None:
            click.echo(f"{plugin.name}: refused: {plugin.refused}", err=True)
    for place, one in enumerate([kind] if kind else KINDS):
        if kind is None and not as_json:
            click.echo(f"{chr(10) if place else ''}{one}:")
        heads, rows = _rows(one)
        show(rows, heads, as_json)


def _rows(kind: str) -> tuple[list[str], list[dict[str, Any]]]:
    from ntgbench.interfaces import GeneratorSpec
    from ntgbench.plugins import registry
    from ntgbench.protocol import bundled

    known = registry()
    if kind == "systems":
        systems = [
            {
                "name": spec.name,
                "kind": "generator" if isinstance(spec, GeneratorSpec) else "augmenter",
                "reference": "reference" if spec.reference else "",
                "plugin": known.plugin_of(spec).name,
                "summary": spec.summary,
            }
            for spec in known.systems().values()
        ]
        return ["name", "kind", "reference", "plugin", "summary"], systems
    if kind == "metrics":
        metrics = [
            {"name": m.name, "suite": m.suite, "goal": m.goal, "version": m.version, "summary": m.summary}
            for m in known.metrics().values()
        ]
        return ["name", "suite", "goal", "version", "summary"], metrics
    if kind == "datasets":
        found = [{"name": d.name, "licence": d.licence, "summary": d.summary} for d in known.datasets().values()]
        return ["name", "licence", "summary"], found
    if kind == "tracks":
        return ["name", "summary"], [{"name": one.name, "summary": one.summary} for one in known.tracks().values()]
    if kind == "suites":
        suites = [
            {"name": one.name, "track": one.track, "version": one.version, "summary": one.summary}
            for track in known.tracks()
            for one in known.suites(track).values()
        ]
        return ["name", "track", "version", "summary"], suites
    protocols = [
        {"name": p.name, "version": p.version, "digest": p.digest(), "summary": p.summary} for p in bundled().values()
    ]
    return ["name", "version", "digest", "summary"], protocols
