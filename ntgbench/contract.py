"""What a plugin's specs must look like, checked when the plugin loads, so that a mistake shows before a run."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from msgspec import NODEFAULT, inspect

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.interfaces import AugmenterSpec, DatasetSpec, GeneratorSpec, MetricSpec, Occupies
from ntgbench.parameters import build_parameters
from ntgbench.suites import PAGES, Suite
from ntgbench.tracks import TrackSpec
from ntgbench.values import convert, fields_of
from ntgbench.words import shown

Spec = GeneratorSpec | AugmenterSpec | MetricSpec | DatasetSpec | Suite | TrackSpec

_SYSTEM_NAME = (r"[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters, digits and hyphens only")
_NAMES: dict[type, tuple[str, str]] = {
    GeneratorSpec: _SYSTEM_NAME,
    AugmenterSpec: _SYSTEM_NAME,
    Suite: _SYSTEM_NAME,
    TrackSpec: _SYSTEM_NAME,
    MetricSpec: (r"[a-z][a-z0-9_]*", "lower-case letters, digits and underscores only"),
    DatasetSpec: (r"[a-z0-9][a-z0-9._-]*", "lower-case letters, digits, '.', '_' and '-' only"),
}
_TARGET = (r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "written like 'package.module:Name'")
_LINE = (r"[\S ]+", "one line")
_PLAIN = (inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.StrType, inspect.LiteralType, inspect.NoneType)


def check_spec(spec: Any, kind: type, hook: str) -> Spec:
    """The spec that `hook` returned. Raises PluginError that says what is wrong with it."""
    if type(spec) is not kind or not isinstance(spec, Spec):
        raise PluginError(f"{hook} must return {kind.__name__} objects, not {type(spec).__name__}")
    where = f"{hook}: {shown(spec.name)}"
    values = {one.name: getattr(spec, one.name) for one in dataclasses.fields(kind)}
    if type(occupies := values.get("occupies")) is Occupies:
        values["occupies"] = dataclasses.asdict(occupies)
    checked: Spec = convert(values, kind, where, PluginError)
    for name, (pattern, expected) in {"name": _NAMES[kind], "target": _TARGET, "summary": _LINE}.items():
        value = getattr(checked, name)
        if not re.fullmatch(pattern, value):
            raise PluginError(f"{where}: {name} must be {expected}, not {shown(value)}")
    if isinstance(checked, GeneratorSpec | AugmenterSpec):
        _check_parameters(checked.parameters, checked.name)
    if isinstance(checked, GeneratorSpec):
        if checked.heldout and not checked.reference:
            raise PluginError(f"{where}: only a reference may be fitted on held-out traffic")
        parameters = fields_of(checked.parameters)
        for name in filter(None, (checked.batch, checked.epochs)):
            if name not in parameters or not isinstance(parameters[name].type, inspect.IntType):
                raise PluginError(f"{where}: batch and epochs must name an int parameter, not {shown(name)}")
        for name in checked.files:
            if name not in parameters or not isinstance(parameters[name].type, inspect.StrType):
                raise PluginError(f"{where}: files must name str parameters, not {shown(name)}")
    if isinstance(checked, Suite) and checked.name in PAGES:
        raise PluginError(f"{where}: the name is taken by the page of {PAGES[checked.name]}")
    if isinstance(checked, MetricSpec) and not 0 <= checked.digits <= 12:
        raise PluginError(f"{where}: digits must be in 0..12, not {checked.digits}")
    return checked


def _check_parameters(kind: type, owner: str) -> None:
    frozen = dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not frozen:
        raise PluginError(f"the parameters of {owner} must be a frozen dataclass")
    for field in fields_of(kind).values():
        if field.default is NODEFAULT:
            raise PluginError(f"parameter {field.name!r} of {owner} needs a default")
        members = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        if not all(isinstance(getattr(one, "type", one), _PLAIN) for one in members):
            raise PluginError(
                f"parameter {field.name!r} of {owner} must be int, float, bool, str, Literal or None of them"
            )
    try:
        # Saved models and rows hold parameters as plain values, which must make the same parameters again.
        default = kind()
        same = build_parameters(kind, dataclasses.asdict(default), owner) == default
    except (NtgbenchError, ValueError) as error:
        raise PluginError(f"the default parameters of {owner} break their own rules: {error}") from error
    if not same:
        raise PluginError(f"the default parameters of {owner} change when they are written and read")
