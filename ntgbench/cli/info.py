"""`ntgbench info`: all about one thing."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ntgbench.cli import completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, in_track
from ntgbench.errors import NtgbenchError
from ntgbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

KINDS = ("system", "metric", "dataset", "protocol", "suite", "track", "plugin")

_QUIET = {
    "system": {"settings"},
    "metric": {"name", "goal", "lowest", "highest", "best", "target", "likelihood", "costly"},
    "dataset": {"has_iat", "tcp_share"},
    "protocol": {"name", "seeds"},
}
"""Keys that JSON has and text has not, by kind: they are said in other words, or are of no interest to people."""


@click.command(
    short_help="Tell all about one system, metric, dataset or protocol.",
    epilog=examples(
        "ntgbench info lab",
        "ntgbench info flows.parquet --json",
        "ntgbench info link.pcap --track headers",
        "ntgbench info 'markov[order=2]'",
        "ntgbench info my-protocol.toml",
        "ntgbench info headers --kind track",
    ),
)
@click.argument("name", shell_complete=completing.anything)
@click.option("--kind", type=click.Choice(KINDS), help="What is meant, where several things have the name.")
@in_track
@as_json
def info(name: str, kind: str | None, track: str | None, as_json: bool) -> None:
    """Tell all about what is called NAME.

    NAME is a system, also with parameters; a metric; a dataset of the catalogue, or the path of one; a protocol, or
    the path of its TOML file; a suite, a track or a plugin.
    """
    kind, found = _find(name, kind, track)
    if as_json:
        click.echo(json.dumps(found, indent=1, default=str))
        return
    from ntgbench.cli.figures import has_blocks, say, width

    quiet = _QUIET.get(kind, set()) | (_suites(found) if kind == "protocol" else set())
    for line in lines({key: value for key, value in found.items() if key not in quiet}, width(), has_blocks()):
        say(line)


def lines(found: Mapping[str, Any], columns: int, blocks: bool) -> Iterator[str]:
    """Facts as text of at most so many columns where it can be broken, with figures drawn."""
    from ntgbench.cli.figures import bars, spark
    from ntgbench.figures import Counts, Histogram

    for key, value in found.items():
        title = f"{key.replace('_', ' ')}:"
        if isinstance(value, Counts):
            yield title
            yield from (f"  {line}" for line in bars(value, columns - 2, blocks))
        elif isinstance(value, Histogram):
            yield f"{title} {spark(value, blocks)}"
        elif isinstance(value, dict):
            yield title
            texts = {printable(str(inner)): _text(content) for inner, content in value.items()}
            room = max(map(len, texts), default=0)
            for inner, text in texts.items():
                yield from _wrapped(f"  {inner:<{room}}  ", text, columns)
        elif key in ("notes", "warnings") and value:
            yield title
            for text in value:
                yield from _wrapped("  - ", _text(text), columns)
        elif value is not None:
            text = "; ".join(map(_text, value)) or "none" if isinstance(value, list | tuple) else _text(value)
            yield from _wrapped(f"{title} ", text, columns)


def _wrapped(start: str, text: str, columns: int) -> Iterator[str]:
    """The text behind `start`, broken between words; following lines are indented."""
    indent = " " * min(len(start), 34)
    broken = textwrap.wrap(
        text, columns, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    yield from broken or [start.rstrip()]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else printable(str(value))


def _suites(found: Mapping[str, Any]) -> set[str]:
    """The tables of all suites, of which a protocol's `settings` tell what is not as usual."""
    from ntgbench.protocol import suites_of

    return set(suites_of(found["track"]))


def _find(name: str, kind: str | None, track: str | None) -> tuple[str, dict[str, Any]]:
    """The kind of thing that is called so, and all about it. Raises NtgbenchError with near names."""
    from ntgbench.cli import about
    from ntgbench.plugins import registry
    from ntgbench.protocol import bundled, find
    from ntgbench.words import suggestion

    known = registry()
    if track is not None:
        known.track(track)
    tracks = [track] if track is not None else list(known.tracks())
    suites = {suite.name: suite for one in reversed(tracks) for suite in known.suites(one).values()}
    path = Path(name)
    here: dict[str, tuple[bool, Callable[[], dict[str, Any]]]] = {
        "system": ("[" in name or name in known.systems(track), lambda: about.system(name, track)),
        "metric": (name in known.metrics(), lambda: about.metric(name)),
        "protocol": (path.suffix == ".toml" or name in bundled(), lambda: about.protocol(find(name), name)),
        "dataset": (name in known.datasets() or path.exists() or path.is_symlink(), lambda: about.dataset(name, track)),
        "suite": (name in suites, lambda: about.suite(suites[name])),
        "track": (name in known.tracks(), lambda: about.track(name)),
        "plugin": (name in {one.name for one in known.plugins}, lambda: about.plugin(name)),
    }
    found = [one for one, (there, _) in here.items() if there and kind in (None, one)]
    if found:
        others = [one for one in found[1:] if one != "plugin"]  # most plugins are called as what they bring
        if others:
            click.echo(f"note: the {found[0]} {name}; for the {others[0]}, --kind {others[0]}", err=True)
        return found[0], here[found[0]][1]()
    if kind in (None, "system") and name in known.systems():
        known.system(name, track)  # raises that it is of another track
    if kind in (None, "dataset", "protocol") and (path.name != name or path.suffix):
        raise NtgbenchError(f"there is no file or folder {name}")
    every: dict[str, Iterable[str]] = {
        "system": known.systems(),
        "metric": known.metrics(),
        "dataset": known.datasets(),
        "protocol": bundled(),
        "suite": suites,
        "track": known.tracks(),
        "plugin": [one.name for one in known.plugins],
    }
    if kind is not None:
        raise NtgbenchError(f"no {kind} is called {name!r:.200}; {suggestion(name, every[kind])}")
    advice = suggestion(name, {one for members in every.values() for one in members})
    if not advice.startswith("did you mean"):  # all names of all kinds would be a page
        advice = "`ntgbench list` shows what there is"
    raise NtgbenchError(f"nothing is called {name!r:.200}, and no such path exists; {advice}")
