"""Fitted models on disk: weights in safetensors, what tokens stand for in JSON, all checked when it is read."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, TypedDict

import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.values import Count, convert
from ntgbench_realtabformer.model import Model
from ntgbench_realtabformer.network import network
from ntgbench_realtabformer.rows import bounds
from ntgbench_realtabformer.tokens import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench_realtabformer.parameters import REaLTabFormerParameters

KIND = "realtabformer"
"""Kind of the model in its file."""

LONGEST_NS = 2**62
"""Bound of times, so that sums of two fit into 64 bits."""

LONGEST_NUMBER = 18
"""Bound of the digits of a column, so that its numbers fit into 64 bits."""

Start = Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]
Span = Annotated[int, Meta(ge=0, le=LONGEST_NS)]
Number = Annotated[int, Meta(ge=0, le=LONGEST_NS)]
Part = Annotated[str, Meta(min_length=1, max_length=3)]


class Settings(TypedDict):
    """What a file says beside its tensors."""

    start_ns: Start
    span_ns: Span
    ranges: dict[str, Annotated[tuple[Number, ...], Meta(min_length=2, max_length=2)]]
    columns: dict[str, Count]
    parts: tuple[Annotated[tuple[Part, ...], Meta(min_length=1, max_length=1000)], ...]


def write(model: Model, folder: Path) -> None:
    """Write a model."""
    settings: Settings = {
        "start_ns": model.start_ns,
        "span_ns": model.span_ns,
        "ranges": model.ranges,
        "columns": model.layout.columns,
        "parts": model.layout.parts,
    }
    write_checkpoint(folder, KIND, settings, dict(model.network.named_parameters()), model.network.config.to_dict())


def read(folder: Path, parameters: REaLTabFormerParameters) -> Model:
    """Read what `write` wrote for a model of the same parameters; it computes on the CPU.

    Raises PluginError when the folder holds anything else.
    """
    found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
    _check(found, parameters.digits)
    layout = Layout(found["columns"], found["parts"])
    weights = read_weights(folder, dict(sketched(lambda: network(layout, parameters)).named_parameters()))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        gpt2 = network(layout, parameters)
        for name, weight in gpt2.named_parameters():
            weight.copy_(weights[name])
    ipv6 = list(layout.columns) == list(bounds(True))
    return Model(gpt2.train(False), layout, found["ranges"], ipv6, found["start_ns"], found["span_ns"])


def _check(found: Settings, digits: int) -> None:
    """Raise PluginError for settings that contradict each other or the parameters."""
    columns, parts, ranges = found["columns"], found["parts"], found["ranges"]
    largest = bounds(True) | bounds(False)
    rules = {
        "columns are those of packets": list(columns) in (list(bounds(False)), list(bounds(True))),
        "each column has a range": ranges.keys() == columns.keys(),
        "numbers of ranges fit their columns": all(
            a <= b <= largest.get(column, 0) for column, (a, b) in ranges.items()
        ),
        "times are within the span": ranges.get("time") == (0, found["span_ns"] // 1000),
        "each place belongs to a column": sum(columns.values()) == len(parts),
        "a number has at most 18 digits": max(columns.values(), default=0) * digits <= LONGEST_NUMBER,
        "parts are decimal digits": all(one.isascii() and one.isdigit() for part in parts for one in part),
        "parts of a place go up": all(a < b for part in parts for a, b in pairwise(part)),
        "parts of a place are equally long": all(len(one) == len(part[0]) for part in parts for one in part),
        "tokens have the digits of the parameters": all(len(part[0]) <= digits for part in parts),
    }
    for rule, kept in rules.items():
        if not kept:
            raise PluginError(f"the settings of the model break a rule: {rule}")
