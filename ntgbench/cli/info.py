"""`ntgbench info`: all about one thing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ntgbench.cli import completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, in_track, say_which
from ntgbench.errors import NtgbenchError
from ntgbench.words import printable

if TYPE_CHECKING:
    from ntgbench.needs import Needy


@click.command(
    short_help="Tell all about one system, metric, dataset or protocol.",
    epilog=examples(
        "ntgbench info markov",
        "ntgbench info simulated",
        "ntgbench info flows.parquet --json",
        "ntgbench info link.pcap --track headers",
    ),
)
@click.argument("name", shell_complete=completing.anything)
@in_track
@as_json
def info(name: str, track: str | None, as_json: bool) -> None:
    """Tell all about a system, metric, dataset (name or path) or protocol called NAME."""
    found = _find(name, track)
    if as_json:
        click.echo(json.dumps(found, indent=1, default=str))
        return
    for key, value in found.items():
        if isinstance(value, dict):
            click.echo(f"{key.replace('_', ' ')}:")
            texts = {printable(str(inner)): content for inner, content in value.items()}
            width = max(map(len, texts), default=0)
            for inner, content in texts.items():
                click.echo(f"  {inner:<{width}}  {_text(content)}")
        elif isinstance(value, list | tuple):
            click.echo(f"{key.replace('_', ' ')}: {'; '.join(map(_text, value)) or 'none'}")
        else:
            click.echo(f"{key.replace('_', ' ')}: {_text(value)}")


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def _find(name: str, track: str | None) -> dict[str, Any]:
    from ntgbench.parameters import parse_request
    from ntgbench.plugins import registry
    from ntgbench.protocol import bundled
    from ntgbench.words import suggestion

    known = registry()
    if track is not None:
        known.track(track)
    if "[" in name or name in known.systems(track):
        return _system(parse_request(name).name, track)
    if name in known.metrics():
        metric = known.metrics()[name]
        return {"metric": name, **dataclasses.asdict(metric), "missing": _missing(metric)}
    if name in known.datasets() or Path(name).exists():
        return _dataset(name, track)
    if name in bundled():
        protocol = bundled()[name]
        return {"protocol": name, "digest": protocol.digest(), **protocol.to_json()}
    if name in known.systems():
        known.system(name, track)  # raises that it is of another track
    if Path(name).name != name or Path(name).suffix:
        raise NtgbenchError(f"there is no file or folder {name}")
    everything = [*known.systems(), *known.metrics(), *known.datasets(), *bundled()]
    raise NtgbenchError(f"nothing is called {name!r}, and no such path exists; {suggestion(name, everything)}")


def _system(name: str, track: str | None) -> dict[str, Any]:
    from ntgbench.interfaces import GeneratorSpec
    from ntgbench.plugins import registry

    say_which(name, track)
    spec = registry().system(name, track)
    plugin = registry().plugin_of(spec)
    parameters = {
        item.name: f"{getattr(item.type, '__name__', item.type)}, default {item.default!r}"
        for item in dataclasses.fields(spec.parameters)
    }
    found = {
        "system": name,
        "track": spec.track,
        "kind": "generator" if isinstance(spec, GeneratorSpec) else "augmenter",
        "reference": spec.reference,
        "summary": spec.summary,
        "plugin": f"{plugin.distribution} {plugin.version}",
        "target": spec.target,
        "needs": spec.needs,
        "missing": _missing(spec),
        "parameters": parameters or "none",
    }
    if isinstance(spec, GeneratorSpec) and spec.base is not None:
        found["base"] = spec.base
    return found


def _missing(spec: Needy) -> str:
    """What is not installed of what it needs, and how to get it."""
    from ntgbench.needs import install_command, missing

    return f"{', '.join(missing(spec))}; {install_command(spec)}" if missing(spec) else "nothing"


def _dataset(name: str, track: str | None) -> dict[str, Any]:
    from ntgbench.datasets.loading import first_that_reads, load_dataset
    from ntgbench.plugins import registry

    spec = registry().datasets().get(name)
    keys = ("summary", "licence", "citation", "how", "datasheet")
    about = {} if spec is None else {key: getattr(spec, key) for key in keys if getattr(spec, key)}
    tracks = [track] if track is not None else [] if spec is None else [spec.track]
    try:
        kind, dataset = first_that_reads(tracks, lambda track: load_dataset(name, track=track))
    except NtgbenchError as error:
        if spec is None:
            raise
        return {"dataset": name, **about, "not available here": str(error)}
    figures = registry().track(kind).describe(dataset.traffic)
    return {"dataset": dataset.name, "track": kind, **about, "notes": dataset.notes, **figures}
