"""Reference pages made of the code: the docstrings, types and defaults of what users and plugins write.

A page says where by a line such as `<!-- from the code: hooks -->`; `conf.py` puts the text of `hooks()` there when the
site is built. All functions here return Markdown, the same bytes for the same code.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import inspect as types

import ntgbench
from ntgbench import errors, hookspecs, interfaces, protocol, row_schema, suites, tracks
from ntgbench.plugins import registry
from ntgbench.tracks.biflows import interfaces as of_biflows
from ntgbench.tracks.headers import interfaces as of_headers

ROOT = Path(__file__).parent.parent
MARK = re.compile(r"^<!-- from the code: ([a-z-]+) -->$", flags=re.MULTILINE)

_SECTION = re.compile(r"^(Args|Attributes|Keys|Returns|Raises):\n((?:    .*\n|\n)+)", flags=re.MULTILINE)
_ITEM = re.compile(r"^    (\S.*?): ((?:.*\n)(?:     +.*\n|\n(?=     ))*)", flags=re.MULTILINE)
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_HEADS = ["key", "type", "default", "meaning"]
_WORDS = {
    types.IntType: "whole number",
    types.FloatType: "number",
    types.BoolType: "true or false",
    types.StrType: "text",
    types.NoneType: "none",
    types.AnyType: "anything",
}


def filled(text: str) -> str:
    """A page with the text from the code in place of its marks."""
    return MARK.sub(lambda found: PARTS[found.group(1)](), text)


def hooks() -> str:
    """Every hook with its signature, the records that hooks return, and what targets implement and are handed."""
    found = [getattr(hookspecs, name) for name in hookspecs.__all__ if name.startswith("ntgbench_")]
    specs = [getattr(interfaces, f"{name}Spec") for name in ("Generator", "Augmenter", "Metric", "Dataset")]
    specs += [suites.Suite, tracks.TrackSpec]
    targets: list[type] = [of_biflows.Generator, of_biflows.Augmenter, of_biflows.Measure]
    targets += [of_headers.TraceGenerator, of_headers.TraceMeasure, tracks.Track]
    handed = [interfaces.Context, interfaces.Budget, interfaces.Occupies, interfaces.Exposed]
    handed += [suites.SuiteInput, suites.Alone]
    return joined(
        *map(function, found),
        "## What hooks return",
        *map(record, specs),
        "## What targets implement",
        *map(methods, targets),
        "## What they are handed",
        *map(record, handed),
        "## What a metric may return",
        *map(record, (interfaces.Measured, interfaces.Confusion)),
    )


def protocol_keys() -> str:
    """Every key of a protocol of each track with its type, default and meaning."""
    nested: dict[str, Any] = {"budget": interfaces.Budget, "limits": protocol.Limits}
    apart = {f"`{name}`" for name in ("layout", "settings", *nested)}
    parts = [table(_HEADS, [row for row in rows_of(protocol.Protocol) if row[0] not in apart])]
    for name, kind in nested.items():
        parts += [f"## The table `[{name}]`", docstring(kind, own=False), table(_HEADS, rows_of(kind))]
    for name, track in registry().tracks().items():
        parts.append(f"## Tables of the track {name}")
        own: dict[str, Any] = {
            "layout": track.layout,
            **{suite.name: suite.settings for suite in registry().suites(name).values()},
        }
        for key, kind in own.items():
            if dataclasses.fields(kind):
                parts += [f"### `[{key}]`, track {name}", docstring(kind, own=False), table(_HEADS, rows_of(kind))]
    return joined(*parts)


def rows() -> str:
    """The keys of a line of rows.jsonl."""
    nested = [row_schema.MetricValue, row_schema.Split, row_schema.Caution, row_schema.Confusion]
    return joined(*(record(kind, head="key") for kind in (row_schema.Row, *nested)))


def metrics() -> str:
    """Every metric by track and suite."""
    parts = []
    for track in registry().tracks():
        parts.append(f"## The track {track}")
        for suite in registry().suites(track).values():
            parts += [f"### {suite.name}", f"{sentence(suite.summary)}.", suite.reading]
            own = [one for one in registry().metrics().values() if (one.track, one.suite) == (track, suite.name)]
            lines = [
                [f"`{one.name}`", one.summary, goal(one), span(one), f"v{one.version}"]
                for one in sorted(own, key=lambda one: (not one.primary, one.name))
            ]
            if lines:
                homes = sorted({home(one.target) for one in own})
                parts += [
                    table(["metric", "summary", "best", "range", "version"], lines),
                    f"Definitions and formulas: {', '.join(homes)}.",
                ]
            elif suite.metrics_of is not None:
                parts.append(f"It computes the metrics of [{suite.metrics_of}](#{suite.metrics_of}).")
    return joined(*parts)


def systems() -> str:
    """Every system with its parameters, and every dataset of the catalogue."""
    parts = []
    for track in registry().tracks():
        parts.append(f"## Systems of the track {track}")
        for spec in registry().every_system():
            if spec.track != track:
                continue
            kind = "reference, " * spec.reference + type(spec).__name__.removesuffix("Spec").lower()
            parts += [f"### `{spec.name}`", f"{sentence(spec.summary)} ({kind}, {home(spec.target)})."]
            if dataclasses.fields(spec.parameters):
                parts.append(table(["parameter", "type", "default", "meaning"], rows_of(spec.parameters)))
    return joined(*parts)


def datasets() -> str:
    """Every dataset of the catalogue."""
    parts = []
    for spec in registry().datasets().values():
        about = [f"- track: {spec.track}", f"- licence: {spec.licence}", f"- source: {spec.citation}"]
        parts += [f"### `{spec.name}`", f"{sentence(spec.summary)}. {spec.how}", "\n".join(about)]
    return joined(*parts)


def every_error() -> str:
    """The classes of errors."""
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.NtgbenchError)]
    return joined(*(f"### `{one.__name__}`\n\n{docstring(one)}" for one in found))


def python() -> str:
    """Every public name of the package that the page of hooks does not document."""
    with_hooks = {module.__name__ for module in (interfaces, of_biflows, suites, tracks)}
    public = [getattr(ntgbench, name) for name in ntgbench.__all__ if name != "hookimpl"]
    found = [one for one in public if one.__module__ not in with_hooks]
    return joined(*(methods(one) if isinstance(one, type) else function(one) for one in found))


PARTS: dict[str, Callable[[], str]] = {
    "datasets": datasets,
    "errors": every_error,
    "hooks": hooks,
    "metrics": metrics,
    "protocol-keys": protocol_keys,
    "python": python,
    "rows": rows,
    "systems": systems,
}


def joined(*parts: str) -> str:
    """Blocks of Markdown, the empty ones left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def table(heads: list[str], lines: Iterable[list[str]]) -> str:
    """A table of Markdown; cells are Markdown."""
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *cells))


def record(kind: type, head: str = "field") -> str:
    """A dataclass or TypedDict: its docstring and a table of its fields."""
    heads = [head, "type", "default", "meaning"] if dataclasses.is_dataclass(kind) else [head, "type", "meaning"]
    fields = table(heads, rows_of(kind)) if said_of(kind) else ""
    return joined(f"### `{kind.__name__}`", docstring(kind, own=False), fields)


def rows_of(kind: type) -> list[list[str]]:
    """A line for each field: name, type, default of a dataclass, and what its docstring says of it."""
    said = said_of(kind)
    try:
        typed = {one.name: in_words(one.type) for one in types.type_info(kind).fields}  # type: ignore[attr-defined]
    except (TypeError, NameError):  # a type that is imported for type checkers only
        typed = {name: f"`{text}`" for name, text in inspect.get_annotations(kind).items()}
    if not dataclasses.is_dataclass(kind):
        return [[f"`{name}`", typed[name], said.get(name, "")] for name in typed]
    return [
        [f"`{one.name}`", typed.get(one.name, f"`{one.type}`"), default(one), said.get(one.name, "")]
        for one in dataclasses.fields(kind)
    ]


def said_of(kind: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each field."""
    said: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        for title, body in _SECTION.findall(f"{inspect.cleandoc(one.__doc__ or '')}\n"):
            if title in ("Attributes", "Keys"):
                for names, text in _ITEM.findall(body):
                    said.update(dict.fromkeys(names.split(", "), sentence(" ".join(text.split()))))
    return said


def default(field: dataclasses.Field[Any]) -> str:
    """The default of a field, as a user would write it."""
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        return "must be given"
    if isinstance(value, type):
        return f"`{value.__name__}`"
    if dataclasses.is_dataclass(value):
        return "its defaults"
    if isinstance(value, tuple | Mapping):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return "none" if value is None else f"`{json.dumps(value) if value == '' or isinstance(value, bool) else value}`"


def in_words(kind: types.Type) -> str:
    """A type with its bounds in words."""
    match kind:
        case types.Metadata(type=inner, extra_json_schema=schema):
            return str((schema or {}).get("description") or in_words(inner))
        case types.UnionType(types=members):
            return " or ".join(in_words(one) for one in members)
        case types.LiteralType(values=values):
            return " or ".join(f"`{one}`" for one in values)
        case types.VarTupleType(item_type=inner) | types.ListType(item_type=inner):
            return f"list: {in_words(inner)}"
        case types.DictType(value_type=inner):
            return f"table of values: {in_words(inner)}"
        case types.DataclassType(cls=cls) | types.TypedDictType(cls=cls) | types.CustomType(cls=cls):
            return f"`{cls.__name__}`"
    bounds = [
        f"{words} {bound:,}" for name, words in _BOUNDS.items() if (bound := getattr(kind, name, None)) is not None
    ]
    return " ".join([_WORDS[type(kind)], *([", ".join(bounds)] if bounds else [])])


def docstring(thing: Any, own: bool = True) -> str:
    """A docstring as Markdown; `own` says whether its lists of fields are in it."""
    text = f"{inspect.cleandoc(thing.__doc__ or '')}\n"

    def listed(found: re.Match[str]) -> str:
        title, body = found.groups()
        if title in ("Attributes", "Keys") and not own:
            return ""
        lines = [f"- `{names}`: {' '.join(text.split())}" for names, text in _ITEM.findall(body)]
        return "\n".join([f"**{title}**", "", *lines, "", ""])

    return _SECTION.sub(listed, text)


def function(thing: Callable[..., Any]) -> str:
    """A function: its signature and its docstring."""
    signature = str(inspect.signature(thing)).replace("'", "")
    return f"### `{thing.__name__}`\n\n```python\n{thing.__name__}{signature}\n```\n\n{docstring(thing)}"


def methods(kind: type) -> str:
    """A class: its docstring, and each public method with its signature."""
    parts = [f"### `{kind.__name__}`", docstring(kind)]
    for name, one in vars(kind).items():
        plain = one.__func__ if isinstance(one, classmethod | staticmethod) else one
        if inspect.isfunction(plain) and (not name.startswith("_") or name == "__call__"):
            signature = str(inspect.signature(plain)).replace("'", "")
            parts += [f"```python\n{name}{signature}\n```", docstring(plain)]
    return joined(*parts)


def goal(metric: interfaces.MetricSpec) -> str:
    """What is best of a metric, in a word."""
    best = {"min": "low", "max": "high", "near": f"nearest to {metric.best}"}[metric.goal]
    return f"{best}; **ranks the suite**" if metric.primary else best


def span(metric: interfaces.MetricSpec) -> str:
    """The range of a metric."""
    low, high = ("" if bound is None else f"{bound:g}" for bound in (metric.lowest, metric.highest))
    return f"{low}..{high}" if low or high else "any number"


def home(target: str) -> str:
    """A link to the page of the plugin that a spec's target is in; the name of the host where it is in none."""
    name = target.partition(":")[0].split(".")[0].replace("_", "-")
    return f"[{name}](../plugins/{name}/README.md)" if (ROOT / "plugins" / name).is_dir() else "ntgbench"


def sentence(text: str) -> str:
    """Text that begins like a sentence, and does not end like one."""
    return f"{text[:1].upper()}{text[1:]}".removesuffix(".")
