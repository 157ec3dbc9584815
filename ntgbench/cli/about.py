"""What `ntgbench info` tells of each kind of thing, as values for JSON."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shlex
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import click

from ntgbench.errors import NtgbenchError
from ntgbench.figures import Counts
from ntgbench.tracks import DEFAULT
from ntgbench.words import pluralised, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import MetricSpec, SystemSpec
    from ntgbench.needs import Needy
    from ntgbench.protocol import Protocol
    from ntgbench.suites import Suite
    from ntgbench.tracks import Track

_GOALS = {"min": "lower is better", "max": "higher is better"}

_DOMINANT = 0.5
"""A class with a larger share of a dataset is warned of."""

_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): +(.*(?:\n {8,}.*)*)", re.MULTILINE)


def system(text: str, track: str | None) -> dict[str, Any]:
    """A system, written as after -s. Raises NtgbenchError for an unknown one and a parameter that it has not."""
    from ntgbench.cli.options import say_which
    from ntgbench.interfaces import GeneratorSpec
    from ntgbench.parameters import parse_request
    from ntgbench.plugins import registry
    from ntgbench.systems import choose

    say_which(parse_request(text).name, track)
    chosen = choose(text, track)
    spec = chosen.spec
    plugin = registry().plugin_of(spec)
    docs, settings = _attributes(spec.parameters), chosen.settings()
    types = get_type_hints(spec.parameters)
    parameters = {}
    for item in dataclasses.fields(spec.parameters):
        told = f"{_type_name(types[item.name])}, default {item.default!r}"
        if settings[item.name] != item.default:
            told = f"{settings[item.name]!r} chosen; {told}"
        parameters[item.name] = told + (f"; {docs[item.name]}" if item.name in docs else "")
    beside = "" if chosen.display_name == "real" else " -s real"
    base = spec.base if isinstance(spec, GeneratorSpec) else None
    return {
        "system": chosen.display_name,
        "track": spec.track,
        "kind": "generator" if isinstance(spec, GeneratorSpec) else "augmenter",
        "reference": spec.reference,
        "summary": spec.summary,
        "plugin": f"{plugin.distribution} {plugin.version}",
        "target": spec.target,
        "needs": _needs(spec) or "nothing",
        "parameters": parameters or "none",
        "settings": settings,
        **({} if base is None else {"base": f"{base}, whose fitted model it starts from"}),
        **({"lacks": {one[0]: one[1] for one in spec.lacks}} if spec.lacks else {}),
        "occupies": _occupies(spec),
        "example": f"{_run(spec.track)} -s {shlex.quote(chosen.display_name)}{beside} --seeds 1",
    }


def _run(track: str) -> str:
    """The beginning of a command that runs things of a track: that of a bundled protocol where it is not the usual."""
    from ntgbench.protocol import bundled

    names = [name for name, one in bundled().items() if one.track == track and one.alone is None]
    return "ntgbench run" if track == DEFAULT or not names else f"ntgbench run {min(names, key=len)}"


def _occupies(spec: SystemSpec) -> str:
    occupies = spec.occupies
    gpu = ", needs a GPU" if occupies.gpu else ""
    return f"{pluralised(occupies.threads, 'thread')}, {occupies.memory_gib:g} GiB of memory at most{gpu}"


def _needs(spec: Needy) -> dict[str, str]:
    """What it needs, whether that is installed, and how to get what is missing."""
    from ntgbench.needs import install_command, is_installed, missing

    found = {name: "installed" if is_installed(name) else "not installed" for name in (*spec.needs, *missing(spec))}
    return {**found, **({"get it with": install_command(spec)} if missing(spec) else {})}


def _type_name(kind: Any) -> str:
    """A type of a parameter in words: `int`, `int or None`, or the texts that it may be."""
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_args(kind):
        return " or ".join(map(_type_name, get_args(kind)))
    return "None" if kind is type(None) else getattr(kind, "__name__", str(kind))


def _attributes(kind: type) -> dict[str, str]:
    """What the docstrings of a dataclass and its bases say of the fields, in the section Attributes."""
    if kind is object:
        return {}
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    inherited = {name: about for base in reversed(kind.__bases__) for name, about in _attributes(base).items()}
    own = ((names, " ".join(about.split())) for names, about in _ATTRIBUTE.findall(text))
    return inherited | {name: about for names, about in own for name in names.split(", ")}


def metric(name: str) -> dict[str, Any]:
    """A metric of the registry."""
    from ntgbench.plugins import registry

    known = registry()
    spec = known.metrics()[name]
    plugin = known.plugin_of(spec)
    suites = [one.name for one in known.suites(spec.track).values() if spec.suite in (one.name, one.metrics_of)]
    low, high = ("no bound" if bound is None else f"{bound:g}" for bound in (spec.lowest, spec.highest))
    return {
        "metric": name,
        **dataclasses.asdict(spec),
        "needs": _needs(spec) or "nothing",
        "better": _better(spec),
        "range": f"{low} to {high}",
        "measured_by": suites,
        "definition": _definition(spec.target),
        "documented": [f"{spec.target} in {plugin.distribution} {plugin.version}", "docs/calibration.md"],
        "plugin": f"{plugin.distribution} {plugin.version}",
        "example": f"ntgbench measure real.parquet made.parquet --track {spec.track} --suite {spec.suite}",
    }


def _better(spec: MetricSpec) -> str:
    return _GOALS.get(spec.goal, f"nearer to {spec.best or 0.0:g} is better")


def _definition(target: str) -> str:
    """The docstring of what a metric calls, without its arguments; what cannot be imported has none."""
    from ntgbench.plugins import resolve

    try:
        text = inspect.getdoc(resolve(target)) or ""
    except NtgbenchError as error:
        return str(error)
    return " ".join(re.split(r"\n\s*(?:Args|Returns|Raises):", text)[0].split())


def dataset(name: str, track: str | None) -> dict[str, Any]:
    """A dataset of the catalogue, or at a path. Raises NtgbenchError when a path cannot be read."""
    from ntgbench.datasets.loading import first_that_reads, load_dataset
    from ntgbench.datasets.reading import CAPTURES
    from ntgbench.plugins import registry

    spec = registry().datasets().get(name)
    keys = ("summary", "licence", "citation", "how", "datasheet")
    about = {} if spec is None else {key: getattr(spec, key) for key in keys if getattr(spec, key)}
    tracks = [track] if track is not None else [] if spec is None else [spec.track]
    try:
        kind, found, refused = first_that_reads(name, tracks, lambda one: load_dataset(name, track=one))
    except NtgbenchError as error:
        if spec is None:
            raise
        return {"dataset": name, **about, "not available here": str(error)}
    if name.lower().endswith(CAPTURES):  # which hold traffic of every track
        for other, why in refused.items():
            click.echo(f"note: not read as {other}: {why}", err=True)
    of = registry().track(kind)
    figures = of.describe(found.traffic)
    warnings, split = _when_split(of, found.traffic)
    return {
        "dataset": found.name,
        "track": kind,
        **about,
        "size": of.size(found.traffic),
        "notes": found.notes,
        "warnings": (*warnings, *_dominant(figures.get("classes"))),
        **figures,
        **({"split": split} if split else {}),
        "example": f"{_run(kind)} -d {shlex.quote(name)} -s real --seeds 1",
    }


def _when_split(track: Track[Any], traffic: Any) -> tuple[Sequence[str], Sequence[str]]:
    """What a run would warn of, and say of its sides, when it splits the traffic as protocols do by default."""
    from ntgbench.protocol import Protocol

    try:
        train, test = track.split(traffic, Protocol.test_share, 0)
    except NtgbenchError as error:
        return [str(error)], []
    return [one.text for one in track.cautions(train, test)], track.split_notes(train, test)


def _dominant(classes: Any) -> list[str]:
    """A warning of a class that most of the traffic is of."""
    if not isinstance(classes, Counts) or len(classes) < 2:
        return []
    name, count = max(classes.items(), key=lambda one: one[1])
    share = count / sum(classes.values())
    told = f"{share:.0%} of it is of one class, {printable(name)}: read means over classes, not accuracy"
    return [told] if share > _DOMINANT else []


def protocol(found: Protocol, argument: str) -> dict[str, Any]:
    """A protocol, which `argument` names on the command line."""
    from ntgbench.suites import changed

    cells = len(found.datasets) * len(found.systems) * found.seeds
    grid = " x ".join(
        (
            pluralised(len(found.datasets), "dataset"),
            pluralised(len(found.systems), "system"),
            pluralised(found.seeds, "seed"),
        )
    )
    return {
        "protocol": found.name,
        "digest": found.digest(),
        **found.to_json(),
        "cells": cells,
        "grid": f"{grid} = {pluralised(cells, 'cell')}",
        "settings": {suite: changed(found.settings[suite]) or "as usual" for suite in found.suites},
        "keys": {suite: found.key(suite) for suite in found.suites},
        "example": f"ntgbench run {shlex.quote(argument)}",
    }


def suite(found: Suite) -> dict[str, Any]:
    """A suite of a track."""
    from ntgbench.plugins import registry

    own = found.metrics_of or found.name
    metrics = [one for one in registry().metrics().values() if one.track == found.track and one.suite == own]
    docs, usual = _attributes(found.settings), found.settings()
    settings = {}
    for item in dataclasses.fields(found.settings):
        more = f"; {docs[item.name]}" if item.name in docs else ""
        settings[item.name] = f"default {getattr(usual, item.name)!r}{more}"
    when = "only where a protocol or --suite names it" if found.on_request else "in every run of its track"
    return {
        "suite": found.name,
        "track": found.track,
        "summary": found.summary,
        "version": found.version,
        "measured": "by itself, as it takes times" if found.alone else when,
        "settings": settings or "none",
        "metrics": {one.name: f"{_better(one)}; {one.summary}" for one in metrics} or "none of its own",
        "reading": found.reading,
        "example": f"{_run(found.track)} --suite {found.name} -s real --seeds 1",
    }


def track(name: str) -> dict[str, Any]:
    """A track."""
    from ntgbench.plugins import registry

    known = registry()
    spec, loaded = known.tracks()[name], known.track(name)
    return {
        "track": name,
        "summary": spec.summary,
        "unit": spec.unit,
        "layout": dataclasses.asdict(spec.layout()) or "none",
        "reads": loaded.endings,
        "writes": loaded.writes,
        "suites": {one.name: one.summary for one in known.suites(name).values()},
        "datasets": [one.name for one in known.datasets().values() if one.track == name],
        "systems": [one.name for one in known.every_system() if one.track == name],
    }


def plugin(name: str) -> dict[str, Any]:
    """A plugin."""
    from ntgbench.plugins import registry

    found = next(one for one in registry().plugins if one.name == name)
    return {
        "plugin": name,
        "distribution": f"{found.distribution} {found.version}",
        "refused": found.refused or "no",
        "brings": {
            one.name: f"{type(one).__name__.removesuffix('Spec').lower()}; {one.summary}" for one in found.specs
        },
    }


def _kind(spec: Any) -> str:
    return type(spec).__name__.removesuffix("Spec").lower()
