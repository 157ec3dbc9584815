"""Fitted models on disk: numbers in JSON, weights and address pairs in safetensors, all checked when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import WEIGHTS_FILE, read_settings, read_weights, sketched, write_checkpoint
from ntgbench.traffic.trace import is_ipv4
from ntgbench.values import convert
from ntgbench_netdiffusion.images import CLASSES, Layout
from ntgbench_netdiffusion.nprint import ABSENT, HEADERS, LONGEST_PACKET, MARKS, WIDTH
from ntgbench_netdiffusion.training import new_network

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench_netdiffusion.network import Cascade
    from ntgbench_netdiffusion.parameters import NetDiffusionParameters

KIND = "netdiffusion-small"
"""Kind of the model in its file."""

LONGEST_NS = 2**62
MOST_FLOWS = 2**40


@dataclass(eq=False)
class Model:
    """What was learnt.

    Attributes:
        network: draws images.
        layout: which columns these have.
        start_ns: time of the first packet in training.
        flows: training flows of each kind, at least one in all.
        packets: packets of a flow on average, as many as an image holds at most.
        longest: bytes of the longest training packet, or what a header can say.
        pairs: source and destination of each training flow, uint64 (F, 4), or None when addresses are random.
    """

    network: Cascade
    layout: Layout
    start_ns: int
    flows: tuple[int, ...]
    packets: float
    longest: int
    pairs: npt.NDArray[np.uint64] | None


class Settings(TypedDict):
    """What a file says beside its tensors."""

    start_ns: Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]
    drawn: Annotated[tuple[Annotated[int, Meta(ge=0, lt=WIDTH)], ...], Meta(min_length=2, max_length=WIDTH)]
    once: Annotated[tuple[bool, ...], Meta(max_length=WIDTH)]
    constants: Annotated[tuple[Annotated[int, Meta(ge=ABSENT, le=1)], ...], Meta(min_length=WIDTH, max_length=WIDTH)]
    flows: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=MOST_FLOWS)], ...], Meta(min_length=CLASSES, max_length=CLASSES)
    ]
    packets: Annotated[float, Meta(ge=1, le=1_024)]
    longest: Annotated[int, Meta(ge=1, le=LONGEST_PACKET)]
    pairs: Annotated[int, Meta(ge=0, le=MOST_FLOWS)]  # of addresses; none when these are random


def write(model: Model, folder: Path) -> None:
    """Write a model."""
    tensors = dict(model.network.state_dict())
    if model.pairs is not None:
        tensors["pairs"] = torch.from_numpy(model.pairs.view(np.int64))
    settings: Settings = {
        "start_ns": model.start_ns,
        "drawn": model.layout.drawn,
        "once": model.layout.once,
        "constants": model.layout.constants,
        "flows": model.flows,
        "packets": model.packets,
        "longest": model.longest,
        "pairs": 0 if model.pairs is None else len(model.pairs),
    }
    write_checkpoint(folder, KIND, settings, tensors)


def read(folder: Path, p: NetDiffusionParameters) -> Model:
    """Read what `write` wrote for a model of the same parameters; it computes on the CPU.

    Nothing is allocated before the file is known to have it. Raises PluginError when the folder holds anything else.
    """
    found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
    drawn, constants, flows = found["drawn"], found["constants"], found["flows"]
    seen = [constants[place.start] != ABSENT for place in HEADERS.values()]
    marked = [mark in drawn for mark in MARKS]
    whole = all(len({one == ABSENT for one in constants[place]}) == 1 for place in HEADERS.values())
    rules = {
        "columns that are drawn go up": list(drawn) == sorted(set(drawn)),
        "of each header that was seen the mark is drawn for each packet, and nothing of others": whole
        and seen == marked
        and len(found["once"]) == len(drawn)
        and not any(once for column, once in zip(drawn, found["once"], strict=False) if column in MARKS)
        and all(constants[column] == 0 for column in drawn),
        "the headers that were seen are those of the flows": seen
        == [bool(flows[0] + flows[1]), bool(flows[2] + flows[3]), bool(flows[0] + flows[2]), bool(flows[1] + flows[3])],
        "there is a flow": sum(flows) > 0,
        "there are addresses of all flows when they are not random": found["pairs"]
        == (sum(flows) if p.addresses == "training" else 0),
    }
    for rule, kept in rules.items():
        if not kept:
            raise PluginError(f"the settings of the model break a rule: {rule}")
    layout = Layout(drawn, found["once"], constants)
    network = sketched(lambda: new_network(p, layout))
    like = network.state_dict()
    pairs = {"pairs": torch.empty((found["pairs"], 4), dtype=torch.int64, device="meta")} if found["pairs"] else {}
    weights = read_weights(folder, like | pairs)
    network.load_state_dict({name: weights[name] for name in like}, assign=True)
    known = np.ascontiguousarray(weights["pairs"].numpy()).view(np.uint64) if pairs else None
    if known is not None:
        four = is_ipv4(known[:, :2])
        if (four != is_ipv4(known[:, 2:])).any() or four.sum() != flows[0] + flows[1]:
            raise PluginError(f"{folder / WEIGHTS_FILE}: pairs must be addresses of the flows, each of one IP version")
    return Model(network.eval(), layout, found["start_ns"], flows, found["packets"], found["longest"], known)
