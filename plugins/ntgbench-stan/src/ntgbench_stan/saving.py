"""Fitted models on disk: values in JSON, weights in safetensors, all checked when they are read."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, TypedDict

import numpy as np
import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.traffic.collisions import PORTS
from ntgbench.traffic.trace import TCP, UDP
from ntgbench.values import convert
from ntgbench_stan.layout import FIELDS, MAPPED, OCTETS, Layout
from ntgbench_stan.networks import Network

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench_stan.parameters import StanParameters

KIND = "stan"
"""Kind of the model in its file."""

LONGEST_NS = 2**62
"""Bound of times, so that sums of two fit into 64 bits."""

LONGEST = 2**31 - 1
"""Bound of the length of a packet, that of its column in a trace."""

Time = Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]
Length = Annotated[int, Meta(ge=1, le=LONGEST)]
Value = Annotated[int, Meta(ge=0, le=LONGEST)]


class Settings(TypedDict):
    """What a file says beside its tensors: see `Layout`."""

    start_ns: Time
    longest: Annotated[float, Meta(ge=0, le=44)]
    lengths: Annotated[tuple[Length, ...], Meta(min_length=2, max_length=2)]
    values: dict[str, tuple[Value, ...]]
    port_count: tuple[Annotated[int, Meta(ge=1, le=2**40)], ...]


def write(network: Network, layout: Layout, folder: Path) -> None:
    """Write a model."""
    settings: Settings = {
        "start_ns": layout.start_ns,
        "longest": layout.longest,
        "lengths": layout.lengths,
        "values": {name: tuple(known.tolist()) for name, known in layout.values.items()},
        "port_count": tuple(layout.port_count.tolist()),
    }
    write_checkpoint(folder, KIND, settings, network.state_dict())


def read(folder: Path, parameters: StanParameters) -> tuple[Network, Layout]:
    """Read what `write` wrote for a model of the same parameters; it computes on the CPU.

    Raises PluginError when the folder holds anything else.
    """
    found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
    _check(found, parameters)
    layout = Layout(
        start_ns=found["start_ns"],
        longest=found["longest"],
        lengths=(found["lengths"][0], found["lengths"][1]),
        values={name: np.array(known, np.int64) for name, known in found["values"].items()},
        port_count=np.array(found["port_count"], np.int64),
        links=parameters.links,
        bins=parameters.bins,
    )
    like = sketched(lambda: Network(layout, parameters)).state_dict()
    weights = read_weights(folder, like)
    with torch.random.fork_rng([]):
        network = Network(layout, parameters)
    network.load_state_dict(weights)
    return network.eval(), layout


def _check(found: Settings, parameters: StanParameters) -> None:
    """Raise PluginError for settings that contradict each other or the parameters."""
    values = found["values"]
    most = {"version": 6, "protocol": UDP, "ip_flags": 7, "port": PORTS - 1, "length": LONGEST}
    size = OCTETS if "version" in values else 4
    names = {*FIELDS, "port", "length", *(f"octet{i}" for i in range(size)), *({"version"} & values.keys())}
    rules = {
        "there are values of each column": values.keys() == names,
        "values go up": all(a < b for known in values.values() for a, b in pairwise(known)),
        "columns have values": all(known for name, known in values.items() if name != "length"),
        "values fit their columns": all(
            known[-1] <= most.get(name, 255) for name, known in values.items() if len(known)
        ),
        "protocols are 6 and 17": set(values.get("protocol", ())) <= {TCP, UDP},
        "versions are 4 and 6": set(values.get("version", ())) <= {4, 6},
        "IPv4 addresses can be written": 4 not in values.get("version", ())
        or all(octet in values.get(f"octet{i}", ()) for i, octet in enumerate(MAPPED)),
        "each port has a count": len(found["port_count"]) == len(values.get("port", ())),
        "lengths go up": found["lengths"][0] <= found["lengths"][1],
        "frequent lengths are as many as wanted at most": len(values.get("length", ())) <= parameters.exact_lengths,
        "frequent lengths are lengths": all(
            found["lengths"][0] <= length <= found["lengths"][1] for length in values.get("length", ())
        ),
    }
    for rule, kept in rules.items():
        if not kept:
            raise PluginError(f"the settings of the model break a rule: {rule}")
