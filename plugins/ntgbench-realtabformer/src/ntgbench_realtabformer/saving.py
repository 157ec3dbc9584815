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

Time = Annotated[int, Meta(ge=0, le=LONGEST_NS)]
Part = Annotated[str, Meta(min_length=1, max_length=3)]


class Settings(TypedDict):
    """What a file says beside its tensors."""

    start_ns: Time
    span_ns: Time
    columns: dict[str, Count]
    parts: tuple[Annotated[tuple[Part, ...], Meta(min_length=1, max_length=1000)], ...]


def write(model: Model, folder: Path) -> None:
    """Write a model."""
    settings: Settings = {
        "start_ns": model.start_ns,
        "span_ns": model.span_ns,
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
    return Model(
        gpt2.train(False), layout, list(layout.columns) == list(bounds(True)), found["start_ns"], found["span_ns"]
    )


def _check(found: Settings, digits: int) -> None:
    """Raise PluginError for settings that contradict each other or the parameters."""
    columns, parts = found["columns"], found["parts"]
    rules = {
        "columns are those of packets": list(columns) in (list(bounds(False)), list(bounds(True))),
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
