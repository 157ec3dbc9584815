"""Fitted models on disk: numbers in JSON, the weights of all chunks in one safetensors file; all checked."""

from __future__ import annotations

from dataclasses import asdict, replace
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
from ntgbench_netshare.layout import Chunk, Layout, Slices
from ntgbench_netshare.networks import Generator
from ntgbench_netshare.sampling import Model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor

    from ntgbench_netshare.parameters import NetShareParameters

KIND = "netshare"
"""Kind of the model in its file."""

LONGEST_NS = 2**62
"""Bound of times, so that sums of two fit into 64 bits."""

Time = Annotated[int, Meta(ge=0, le=LONGEST_NS)]
Flows = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Range = Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)]


class SavedChunk(TypedDict):
    """See `Chunk`."""

    flows: Flows
    earliest: Time
    latest: Time
    gap_ns: Annotated[int, Meta(ge=1, le=LONGEST_NS)]


class Settings(TypedDict):
    """What a file says beside its tensors."""

    start_ns: Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]
    span_ns: Time
    ipv6: bool
    ports: Annotated[int, Meta(ge=1, le=PORTS)]  # number of words of each kind
    protocols: Annotated[int, Meta(ge=1, le=2)]
    ranges: Annotated[tuple[Range, ...], Meta(min_length=len(LIMITS), max_length=len(LIMITS))]
    flags: Annotated[tuple[Annotated[int, Meta(ge=0, le=7)], ...], Meta(min_length=1, max_length=8)]
    longest: Annotated[int, Meta(ge=1, le=100_000)]
    chunks: Annotated[tuple[SavedChunk, ...], Meta(min_length=1, max_length=1_000)]


def write(model: Model, folder: Path) -> None:
    """Write a model into an existing folder."""
    layout, words = model.layout, model.layout.tuples.words
    assert words is not None
    tensors = {f"chunk.{k}.{name}": w for k, g in model.generators.items() for name, w in g.state_dict().items()}
    tensors |= {
        "words.ports": torch.from_numpy(words.ports.astype(np.int32)),
        "words.protocols": torch.from_numpy(words.protocols),
        "words.port_vectors": torch.from_numpy(words.port_vectors),
        "words.protocol_vectors": torch.from_numpy(words.protocol_vectors),
    }
    settings = {
        "start_ns": layout.slices.start_ns,
        "span_ns": layout.slices.span_ns,
        "ipv6": layout.tuples.ipv6,
        "ports": len(words.ports),
        "protocols": len(words.protocols),
        "ranges": layout.ranges,
        "flags": layout.flags,
        "longest": layout.longest,
        "chunks": [asdict(chunk) for chunk in layout.chunks],
    }
    write_checkpoint(folder, KIND, settings, tensors)


def read(folder: Path, p: NetShareParameters) -> Model:
    """Read what `write` wrote for a model of the same parameters; it computes on the CPU.

    Nothing is allocated before the file is known to have it. Raises PluginError when the folder holds anything else.
    """
    found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
    _check(found, p)
    empty = Words(np.zeros(0, np.uint16), np.zeros(0, np.uint8), *np.zeros((2, 0, WIDTH), np.float32))
    layout = Layout(
        slices=Slices(found["start_ns"], found["span_ns"], p.chunks),
        chunks=tuple(Chunk(**one) for one in found["chunks"]),
        tuples=Tuples(found["ipv6"], empty),
        ranges=tuple((low, high) for low, high in found["ranges"]),
        flags=found["flags"],
        longest=found["longest"],
        gaps=p.gaps,
    )
    sketches = {k: sketched(lambda: Generator(layout, p)) for k in layout.used}
    ports, protocols = found["ports"], found["protocols"]
    like: dict[str, Tensor] = {
        "words.ports": torch.empty(ports, dtype=torch.int32, device="meta"),
        "words.protocols": torch.empty(protocols, dtype=torch.uint8, device="meta"),
        "words.port_vectors": torch.empty(ports, WIDTH, device="meta"),
        "words.protocol_vectors": torch.empty(protocols, WIDTH, device="meta"),
    }
    for k, sketch in sketches.items():
        like |= {f"chunk.{k}.{name}": weight for name, weight in sketch.state_dict().items()}
    weights = read_weights(folder, like)
    for k, sketch in sketches.items():
        sketch.load_state_dict({name: weights[f"chunk.{k}.{name}"] for name in sketch.state_dict()}, assign=True)
    words = _words({name: weights[f"words.{name}"].numpy() for name in Words.__dataclass_fields__}, folder)
    generators = {k: sketch.eval() for k, sketch in sketches.items()}
    return Model(replace(layout, tuples=Tuples(found["ipv6"], words)), generators)


def _check(found: Settings, p: NetShareParameters) -> None:
    """Raise PluginError for settings that contradict each other or the parameters."""
    rules = {
        "there are as many chunks as the parameters want": len(found["chunks"]) == p.chunks,
        "a chunk has flows": any(one["flows"] for one in found["chunks"]),
        "flows begin inside the trace, the earliest first": all(
            one["earliest"] <= one["latest"] <= found["span_ns"] for one in found["chunks"]
        ),
        "ranges go up, inside what the fields can hold": are_ranges(found["ranges"]),
        "flags go up": list(found["flags"]) == sorted(set(found["flags"])),
        "sequences are as long as the parameters allow": found["longest"] <= p.longest,
    }
    for rule, kept in rules.items():
        if not kept:
            raise PluginError(f"the settings of the model break a rule: {rule}")


def _words(arrays: dict[str, npt.NDArray[Any]], folder: Path) -> Words:
    """The words of a file. Raises PluginError when they are not what ports and protocols can be."""
    ports, protocols = arrays["ports"], arrays["protocols"]
    up = (np.diff(ports) > 0).all() and (np.diff(protocols.astype(int)) > 0).all()
    if not (up and ports.min() >= 0 and ports.max() < PORTS and np.isin(protocols, (TCP, UDP)).all()):
        raise PluginError(f"{folder / WEIGHTS_FILE}: words must be ports and protocols, in order")
    return Words(ports.astype(np.uint16), protocols, arrays["port_vectors"], arrays["protocol_vectors"])
