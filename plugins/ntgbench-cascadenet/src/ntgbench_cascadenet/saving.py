"""Fitted models on disk: numbers in JSON, weights and tables in safetensors, all checked when they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import numpy as np
import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import WEIGHTS_FILE, read_settings, read_weights, sketched, write_checkpoint
from ntgbench.mapping.ranges import LIMITS, are_ranges
from ntgbench.mapping.tuples import Tuples
from ntgbench.mapping.words import WIDTH, Words
from ntgbench.traffic.collisions import PORTS
from ntgbench.traffic.trace import TCP, UDP
from ntgbench.values import convert
from ntgbench_cascadenet.conditions import NAMES
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.layout import Layout, Scale
from ntgbench_cascadenet.networks import Generators
from ntgbench_cascadenet.records import Records
from ntgbench_cascadenet.sampling import Model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor

    from ntgbench_cascadenet.parameters import CascadeNetParameters
    from ntgbench_cascadenet.series import Reals

KIND = "cascadenet"
"""Kind of the model in its file."""

GENERATORS = ("g1", "g2", "g3")
"""Networks that are part of a model; critics are not."""

WORDS = ("ports", "protocols", "port_vectors", "protocol_vectors")

LONGEST_NS = 2**62
"""Bound of times, so that sums of two fit into 64 bits."""

LARGEST_LOGARITHM = 30
"""Bound of log(1 + x) of packets or bytes, more than any trace has."""

Time = Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]
Span = Annotated[int, Meta(ge=1, le=LONGEST_NS)]
Logarithm = Annotated[float, Meta(ge=0, le=LARGEST_LOGARITHM)]
"""log(1 + x) of packets or bytes."""
Pair = Annotated[tuple[Logarithm, ...], Meta(min_length=2, max_length=2)]
Range = Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)]


class Settings(TypedDict):
    """What a file says beside its tensors."""

    start_ns: Time
    span_ns: Span
    ipv6: bool
    ports: Annotated[int, Meta(ge=0, le=PORTS)]  # number of words of each kind; none without words
    protocols: Annotated[int, Meta(ge=0, le=2)]
    ranges: Annotated[tuple[Range, ...], Meta(min_length=len(LIMITS), max_length=len(LIMITS))]
    flags: Annotated[tuple[Annotated[int, Meta(ge=0, le=7)], ...], Meta(min_length=1, max_length=8)]
    rate: Pair
    size: Pair
    top: Annotated[tuple[Annotated[float, Meta(gt=0, le=LONGEST_NS)], ...], Meta(min_length=9, max_length=9)]
    known: Annotated[
        int, Meta(ge=0, lt=2**40)
    ]  # training flows whose conditions are in the file; none when conditions are generated


def write(model: Model, folder: Path) -> None:
    """Write a model: the generators, and the conditions of the training flows only when flows are made for these."""
    layout, words = model.layout, model.layout.tuples.words
    networks = model.generators.state_dict()
    tensors = {name: weight for name, weight in networks.items() if name.partition(".")[0] in GENERATORS}
    if words is not None:
        arrays = {name: getattr(words, name) for name in WORDS} | {"ports": words.ports.astype(np.int32)}
        tensors |= {f"words.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    if model.table is not None:
        tensors["conditions"] = torch.from_numpy(model.table)
    settings: Settings = {
        "start_ns": layout.grid.start_ns,
        "span_ns": layout.grid.span_ns,
        "ipv6": layout.tuples.ipv6,
        "ports": 0 if words is None else len(words.ports),
        "protocols": 0 if words is None else len(words.protocols),
        "ranges": layout.records.ranges,
        "flags": layout.records.flags,
        "rate": (layout.rate.low, layout.rate.high),
        "size": (layout.size.low, layout.size.high),
        "top": tuple(layout.top.tolist()),
        "known": 0 if model.table is None else len(model.table),
    }
    write_checkpoint(folder, KIND, settings, tensors)


def read(folder: Path, parameters: CascadeNetParameters) -> Model:
    """Read what `write` wrote for a model of the same parameters; it computes on the CPU.

    Nothing is allocated before the file is known to have it. Raises PluginError when the folder holds anything else.
    """
    found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
    _check(found, parameters)
    empty = Words(np.zeros(0, np.uint16), np.zeros(0, np.uint8), *np.zeros((2, 0, WIDTH), np.float32))
    grid = Grid(found["start_ns"], found["span_ns"], parameters.steps)
    longest_gap = grid.longest_gap if parameters.timestamps == "gaps" else None
    layout = Layout(
        grid=grid,
        tuples=Tuples(found["ipv6"], empty if found["ports"] else None),
        records=Records(tuple((low, high) for low, high in found["ranges"]), found["flags"], longest_gap),
        rate=Scale(*found["rate"]),
        size=Scale(*found["size"]),
        top=np.array(found["top"]),
        parameters=parameters,
    )
    generators = sketched(lambda: Generators(layout))
    like = generators.state_dict()
    tables = _tables(found)
    weights = read_weights(folder, like | tables)
    generators.load_state_dict({name: weights[name] for name in like}, assign=True)
    words = _words({name: weights[f"words.{name}"].numpy() for name in WORDS}, folder) if found["ports"] else None
    table = weights["conditions"].numpy() if found["known"] else None
    if table is not None and not _are_conditions(table, layout):
        raise PluginError(f"{folder / WEIGHTS_FILE}: conditions must be those of flows in the range of the settings")
    return Model(generators.eval(), replace(layout, tuples=Tuples(found["ipv6"], words)), table)


def _check(found: Settings, parameters: CascadeNetParameters) -> None:
    """Raise PluginError for settings that contradict each other or the parameters."""
    rules = {
        "ranges go up, inside what the fields can hold": are_ranges(found["ranges"]),
        "flags go up": list(found["flags"]) == sorted(set(found["flags"])),
        "rate and size go up": all(low <= high for low, high in (found["rate"], found["size"])),
        "there are words when ports are words": (parameters.ports == "words")
        == (found["ports"] > 0)
        == (found["protocols"] > 0),
        "there are known conditions unless conditions are generated": (found["known"] > 0)
        == (parameters.conditions != "generated"),
    }
    for rule, kept in rules.items():
        if not kept:
            raise PluginError(f"the settings of the model break a rule: {rule}")


def _tables(found: Settings) -> dict[str, Tensor]:
    """Tensors like those that the file must hold beside the weights, without memory."""
    ports, protocols, known = found["ports"], found["protocols"], found["known"]
    sizes: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    if ports:
        sizes = {
            "words.ports": (torch.int32, (ports,)),
            "words.protocols": (torch.uint8, (protocols,)),
            "words.port_vectors": (torch.float32, (ports, WIDTH)),
            "words.protocol_vectors": (torch.float32, (protocols, WIDTH)),
        }
    if known:
        sizes["conditions"] = (torch.float64, (known, len(NAMES)))
    return {name: torch.empty(shape, dtype=dtype, device="meta") for name, (dtype, shape) in sizes.items()}


def _are_conditions(table: Reals, layout: Layout) -> bool:
    """Whether these can be the conditions of flows, float64 (F, 9), in the trace that the layout is of."""
    packets, start, end = (table[:, NAMES.index(name)] for name in ("packets", "start", "end"))
    times = (start <= end).all() and (end <= layout.grid.span_ns).all()
    # A flow has at least one packet, whose logarithm is rounded.
    counts = (packets > 0.69).all() and (packets <= LARGEST_LOGARITHM).all()
    return bool(((table >= 0) & (table <= layout.top)).all() and times and counts)


def _words(arrays: dict[str, npt.NDArray[Any]], folder: Path) -> Words:
    """The words of a file. Raises PluginError when they are not what ports and protocols can be."""
    ports, protocols = arrays["ports"], arrays["protocols"]
    up = (np.diff(ports) > 0).all() and (np.diff(protocols.astype(int)) > 0).all()
    if not (up and ports.min() >= 0 and ports.max() < PORTS and np.isin(protocols, (TCP, UDP)).all()):
        raise PluginError(f"{folder / WEIGHTS_FILE}: words must be ports and protocols, in order")
    return Words(ports.astype(np.uint16), protocols, arrays["port_vectors"], arrays["protocol_vectors"])
