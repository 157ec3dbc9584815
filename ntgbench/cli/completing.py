"""What the shell completes: names that are known here, and paths. Nothing heavy is imported."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Iterable
from dataclasses import fields
from glob import escape, glob, iglob
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

Items = list[CompletionItem[str]]
Complete = Callable[["click.Context", "click.Parameter", str], Items]
"""What click calls with the word as far as it is typed."""

_MOST = 1_000
"""Candidates of one word."""


def _named(found: Callable[[str | None], Iterable[tuple[str, str]]], *, paths: bool = False) -> Complete:
    """Completes names with what they mean, of the track that --track gives, and perhaps paths."""

    def complete(context: click.Context, _: click.Parameter, word: str) -> Items:
        known = dict(found(context.params.get("track")))
        return _items(known, word) + (_paths(word) if paths else [])

    return complete


def _items(known: dict[str, str], word: str) -> Items:
    return [CompletionItem(name, help=text) for name, text in known.items() if name.startswith(word)][:_MOST]


def _paths(word: str, ending: str = "") -> Items:
    """Folders, and files with an ending, that begin like the word."""
    begun = os.path.expanduser(word)
    found = sorted(islice(iglob(f"{escape(begun)}*"), _MOST))
    folders = [CompletionItem(f"{path}/", open=True) for path in found if os.path.isdir(path)]
    return folders + [CompletionItem(path) for path in found if path.endswith(ending) and os.path.isfile(path)]


def _systems(track: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.plugins import registry

    return [(spec.name, spec.summary) for spec in registry().every_system() if track in (None, spec.track)]


def _metrics(track: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.plugins import registry

    return [(spec.name, spec.summary) for spec in registry().metrics().values() if track in (None, spec.track)]


def _datasets(track: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.plugins import registry

    return [(spec.name, spec.summary) for spec in registry().datasets().values() if track in (None, spec.track)]


def _suites(track: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.plugins import registry

    tracks = registry().tracks() if track is None else (track,)
    return [(suite.name, suite.summary) for one in tracks for suite in registry().suites(one).values()]


def _tracks(_: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.plugins import registry

    return [(spec.name, spec.summary) for spec in registry().tracks().values()]


def _protocols(track: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.protocol import bundled

    return [(name, one.summary) for name, one in bundled().items() if track in (None, one.track)]


def _formats(_: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.interfaces import GeneratorSpec
    from ntgbench.plugins import registry

    specs = (spec for spec in registry().every_system() if isinstance(spec, GeneratorSpec))
    return [(spec.format, "") for spec in specs if spec.format is not None]


def _fetched(_: str | None) -> Iterable[tuple[str, str]]:
    from ntgbench.datasets.fetch import URLS

    return [(name, "") for name in URLS]


metrics, suites, tracks = _named(_metrics), _named(_suites), _named(_tracks)
datasets, formats, fetched = _named(_datasets, paths=True), _named(_formats), _named(_fetched)
devices = _named(lambda _: [("cpu", ""), ("cuda", "")])


def systems(context: click.Context, _: click.Parameter, word: str) -> Items:
    """Systems, and after `name[` their parameters."""
    track = context.params.get("track")
    return _parameters(word, track) if "[" in word else _items(dict(_systems(track)), word)


def checkable(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Systems with their parameters, and metrics."""
    return systems(context, parameter, word) + metrics(context, parameter, word)


def anything(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """All that `ntgbench info` tells about."""
    known = _items(dict(_protocols(context.params.get("track"))), word)
    return [*checkable(context, parameter, word), *known, *datasets(context, parameter, word)]


def protocols(context: click.Context, _: click.Parameter, word: str) -> Items:
    """Protocols that come with ntgbench, and TOML files."""
    return _items(dict(_protocols(context.params.get("track"))), word) + _paths(word, ".toml")


def models(_: click.Context, __: click.Parameter, word: str) -> Items:
    """Folders of fitted systems below `runs`, or any folder."""
    known = sorted(glob("runs/*/*/*/*/fitted"))
    return _items(dict.fromkeys(known, ""), word) or [item for item in _paths(word) if item.open]


def classes(context: click.Context, _: click.Parameter, word: str) -> Items:
    """The classes that the fitted system in the folder of --model has seen."""
    from ntgbench.files import read_json

    known = read_json(Path(context.params["model"]) / "system.json")["known"]
    return _items(dict.fromkeys(map(str, known), ""), word)


def _parameters(word: str, track: str | None) -> Items:
    """What may follow in `name[parameter=value,…`: parameters that are not given yet, or the values of one."""
    from ntgbench.plugins import registry

    name, _, body = word.partition("[")
    before, comma, begun = body.rpartition(",")
    head, given = f"{name}[{before}{comma}", {part.partition("=")[0] for part in before.split(",")}
    found: dict[str, Any] = {}
    for spec in registry().every_system():
        if spec.name == name and track in (None, spec.track):
            found |= {item.name: (item, typing.get_type_hints(spec.parameters)) for item in fields(spec.parameters)}
    key, equals, value = begun.partition("=")
    if equals:
        hint = found[key][1][key]
        values = ("true", "false") if hint is bool else typing.get_args(hint)
        texts = [one for one in values if isinstance(one, str) and one.startswith(value)]
        return [CompletionItem(f"{head}{key}={one}", open=True) for one in texts]
    return [
        CompletionItem(f"{head}{parameter}=", help=f"default {item.default}", open=True)
        for parameter, (item, _) in found.items()
        if parameter.startswith(begun) and parameter not in given
    ]
