"""What a plugin's specs must look like, checked when the plugin loads, so that nothing breaks later in a run."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import re
import types
import typing
from typing import Any

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.interfaces import AugmenterSpec, DatasetSpec, GeneratorSpec, MetricSpec
from ntgbench.parameters import build_parameters, choices
from ntgbench.suites import Suite
from ntgbench.tracks import TrackSpec

Spec = GeneratorSpec | AugmenterSpec | MetricSpec | DatasetSpec | Suite | TrackSpec

SYSTEM_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAMES: dict[type, tuple[re.Pattern[str], str]] = {
    GeneratorSpec: (SYSTEM_NAME, "lower-case letters, digits and hyphens"),
    AugmenterSpec: (SYSTEM_NAME, "lower-case letters, digits and hyphens"),
    MetricSpec: (re.compile(r"[a-z][a-z0-9_]*"), "lower-case letters, digits and underscores"),
    Suite: (SYSTEM_NAME, "lower-case letters, digits and hyphens"),
    TrackSpec: (SYSTEM_NAME, "lower-case letters, digits and hyphens"),
    DatasetSpec: (re.compile(r"[a-z0-9][a-z0-9._-]*"), "lower-case letters, digits, '.', '_' and '-'"),
}
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_PLAIN = (int, float, bool, str, types.NoneType)


def check_spec(spec: Any, kind: type, hook: str) -> Spec:
    """The spec that `hook` returned. Raises PluginError that says what is wrong with it."""
    if type(spec) is not kind or not isinstance(spec, Spec):
        raise PluginError(f"{hook} must return {kind.__name__} objects, not {type(spec).__name__}")
    pattern, allowed = _NAMES[kind]
    if not isinstance(spec.name, str) or not pattern.fullmatch(spec.name):
        raise PluginError(f"{hook}: {spec.name!r} is not a valid name: {allowed} only")
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        value = getattr(spec, item.name)
        if not _is(value, hints[item.name]):
            raise PluginError(f"{hook}: {item.name} of {spec.name} must not be {value!r}")
    if not _TARGET.fullmatch(spec.target):
        raise PluginError(
            f"{hook}: the target of {spec.name} must look like 'package.module:Name', not {spec.target!r}"
        )
    if not spec.summary.isprintable() or not spec.summary:
        raise PluginError(f"{hook}: the summary of {spec.name} must be one line")
    if isinstance(spec, GeneratorSpec | AugmenterSpec):
        _check_parameters(spec.parameters, spec.name)
    if isinstance(spec, GeneratorSpec):
        hints = typing.get_type_hints(spec.parameters)
        for field, name in (("batch", spec.batch), ("epochs", spec.epochs)):
            if name is not None and hints.get(name) is not int:
                raise PluginError(f"{hook}: {field} of {spec.name} must name an int parameter, not {name!r}")
    if isinstance(spec, MetricSpec) and not 0 <= spec.digits <= 12:
        raise PluginError(f"{hook}: digits of {spec.name} must be in 0..12, not {spec.digits}")
    return spec


def _check_parameters(kind: type, owner: str) -> None:
    frozen = dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not frozen:
        raise PluginError(f"the parameters of {owner} must be a frozen dataclass")
    for item in dataclasses.fields(kind):
        if item.default is dataclasses.MISSING:
            raise PluginError(f"parameter {item.name!r} of {owner} needs a default")
    for name, hint in typing.get_type_hints(kind).items():
        if not all(one in _PLAIN or typing.get_origin(one) is typing.Literal for one in choices(hint)):
            raise PluginError(f"parameter {name!r} of {owner} must be int, float, bool, str, Literal or None of them")
    try:
        # What is in a result must make the same parameters again.
        written = json.dumps(dataclasses.asdict(kind()), allow_nan=False)
        same = build_parameters(kind, json.loads(written), owner) == kind()
    except (NtgbenchError, ValueError) as error:
        raise PluginError(f"the default parameters of {owner} break their own rules: {error}") from error
    if not same:
        raise PluginError(f"the default parameters of {owner} do not survive being written down")


def _is(value: Any, hint: Any) -> bool:
    for one in choices(hint):
        if typing.get_origin(one) is typing.Literal:
            fine = value in typing.get_args(one)
        elif typing.get_origin(one) is tuple:
            fine = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
        elif one is float:
            fine = type(value) in (int, float)
        elif typing.get_origin(one) is collections.abc.Callable:
            fine = callable(value)
        elif one is type:
            fine = isinstance(value, type)
        else:
            fine = type(value) is one
        if fine:
            return True
    return False
