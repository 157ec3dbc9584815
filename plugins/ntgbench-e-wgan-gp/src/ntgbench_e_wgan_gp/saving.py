"""Fitted models on disk: settings in JSON, weights and words in safetensors, all checked when they are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import numpy as np
import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import WEIGHTS_FILE, read_settings, read_weights, sketched, write_checkpoint
from ntgbench.traffic.trace import TCP, UDP, is_ipv4
from ntgbench.values import Count, convert
from ntgbench_e_wgan_gp.networks import Generator
from ntgbench_e_wgan_gp.vocabulary import KINDS, Sort, Table, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor

    from ntgbench_e_wgan_gp.parameters import EWganGpParameters

KIND = "e-wgan-gp"
"""Kind of the model in its file."""

LATEST_NS = 2**62
"""Bound of times, so that sums of two fit into 64 bits."""

LARGEST = {"port": 65_535, "ttl": 255, "pkt_len": 2**31 - 1}
"""Largest value of each kind of word."""


@dataclass(frozen=True, eq=False)
class Model:
    """What was learnt.

    Attributes:
        generator: on the CPU.
        vocabulary: words and their vectors.
        start_ns: time of the first packet of the training trace.
    """

    generator: Generator
    vocabulary: Vocabulary
    start_ns: int


class Settings(TypedDict):
    """What a file says beside its tensors."""

    start_ns: Annotated[int, Meta(ge=-LATEST_NS, le=LATEST_NS)]
    words: dict[str, Count]  # number of words of each kind
    sorts: Annotated[tuple[Sort, ...], Meta(min_length=1, max_length=4)]


def write(model: Model, folder: Path) -> None:
    """Write a model: the generator, and all words with their vectors."""
    tables = model.vocabulary.tables
    tensors = {f"generator.{name}": value for name, value in model.generator.state_dict().items()}
    for kind, (values, vectors) in tables.items():
        tensors[f"{kind}.values"] = torch.from_numpy(values.view(np.int64))
        tensors[f"{kind}.vectors"] = torch.from_numpy(vectors)
    settings = {
        "start_ns": model.start_ns,
        "words": {kind: len(table.values) for kind, table in tables.items()},
        "sorts": [asdict(sort) for sort in model.vocabulary.sorts],
    }
    write_checkpoint(folder, KIND, settings, tensors)


def read(folder: Path, parameters: EWganGpParameters) -> Model:
    """Read what `write` wrote for a model of the same parameters.

    Nothing is allocated before the file is known to have it. Raises PluginError when the folder holds anything else.
    """
    found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
    sorts = found["sorts"]
    if set(found["words"]) != set(KINDS):
        raise PluginError(f"the settings of the model must have words of the kinds {', '.join(KINDS)}")
    names = [(sort.ipv4, sort.protocol) for sort in sorts]
    if len(set(names)) < len(names) or not {protocol for _, protocol in names} <= {TCP, UDP}:
        raise PluginError("the settings of the model must have sorts of TCP or UDP packets, each once")
    if any(sort.protocol == UDP and sort.tcp_flags for sort in sorts):
        raise PluginError("the settings of the model must have no TCP flags for UDP")
    protocols = len({protocol for _, protocol in names})
    generator = sketched(lambda: Generator(parameters, protocols))
    weights = {f"generator.{name}": value for name, value in generator.state_dict().items()}
    tensors = read_weights(folder, weights | _like(found["words"], parameters.width))
    generator.load_state_dict({name: tensors[f"generator.{name}"] for name in generator.state_dict()}, assign=True)
    arrays = {name: value.numpy() for name, value in tensors.items()}
    tables = {kind: Table(arrays[f"{kind}.values"], arrays[f"{kind}.vectors"]) for kind in KINDS}
    tables["ip"] = Table(tables["ip"].values.view(np.uint64), tables["ip"].vectors)
    wrong = [kind for kind, largest in LARGEST.items() if not _are_words(tables[kind].values, largest)]
    if wrong:
        raise PluginError(f"{folder / WEIGHTS_FILE}: the words of the kind {wrong[0]} must be its values, ascending")
    if not np.isin(is_ipv4(tables["ip"].values), [sort.ipv4 for sort in sorts]).any():
        raise PluginError(f"{folder / WEIGHTS_FILE} must have an address of a sort of packets")
    return Model(generator.eval(), Vocabulary(tables, sorts), found["start_ns"])


def _like(words: dict[str, int], width: int) -> dict[str, Tensor]:
    """Tensors like those of the words that the file must hold, without memory."""
    sizes: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    for kind, count in words.items():
        sizes[f"{kind}.values"] = (torch.int64, (count, 2) if kind == "ip" else (count,))
        sizes[f"{kind}.vectors"] = (torch.float32, (count, width))
    return {name: torch.empty(shape, dtype=dtype, device="meta") for name, (dtype, shape) in sizes.items()}


def _are_words(values: npt.NDArray[Any], largest: int) -> bool:
    return bool((np.diff(values) > 0).all() and values[0] >= 0 and values[-1] <= largest)
