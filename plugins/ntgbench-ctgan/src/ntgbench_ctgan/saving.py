"""Fitted models on disk: columns in JSON, weights and addresses in safetensors, all checked when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import numpy as np
import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import WEIGHTS_FILE, read_settings, read_weights, sketched, write_checkpoint
from ntgbench.traffic.biflows import MOST_CLASSES, MOST_PACKETS
from ntgbench.values import convert
from ntgbench_ctgan.columns import Column
from ntgbench_ctgan.endpoints import Known
from ntgbench_ctgan.networks import Generator
from ntgbench_ctgan.packets import KINDS, Packets
from ntgbench_ctgan.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from ntgbench_ctgan.parameters import BiflowParameters, CtganParameters, HeaderParameters

PACKETS, BIFLOWS = "ctgan-packets", "ctgan-biflows"
"""Kinds of models in their files."""

_MOST = 2**40
"""Bound of numbers in columns, more than any field holds."""

Number = Annotated[float, Meta(ge=-_MOST, le=_MOST)]
Sigma = Annotated[float, Meta(gt=0, le=_MOST)]
Rows = Annotated[int, Meta(ge=0, le=_MOST)]
Most = Meta(max_length=MOST_CLASSES + 65_536)


class OneColumn(TypedDict):
    """A column; see `Column`."""

    values: Annotated[tuple[Number, ...], Most]
    means: Annotated[tuple[Number, ...], Most]
    sigmas: Annotated[tuple[Sigma, ...], Most]
    low: Number
    high: Number
    counts: Annotated[tuple[Rows, ...], Most]


class Columns(TypedDict):
    """What a file says of its table."""

    columns: Annotated[tuple[OneColumn, ...], Meta(min_length=1, max_length=MOST_PACKETS + 1)]


class PacketSettings(Columns):
    """What a file says of packets."""

    start_ns: Annotated[int, Meta(ge=-(2**62), le=2**62)]
    ipv6: bool
    known: Annotated[int, Meta(ge=0, lt=_MOST)]  # addresses, 0 where they are numbers


class BiflowSettings(Columns):
    """What a file says of biflows."""

    pl_max: Annotated[int, Meta(ge=1, le=32_767)]


def write_packets(packets: Packets, generator: Generator, folder: Path) -> None:
    """Write a model of packets."""
    known = packets.known
    settings = {
        "start_ns": packets.start_ns,
        "ipv6": packets.ipv6,
        "known": 0 if known is None else len(known.addresses),
        "columns": _told(generator.table),
    }
    tensors = dict(generator.state_dict())
    if known is not None:
        tensors["known"] = torch.from_numpy(known.addresses.view(np.int64).copy())
    write_checkpoint(folder, PACKETS, settings, tensors)


def read_packets(folder: Path, parameters: HeaderParameters) -> tuple[Packets, Generator]:
    """Read a model of packets. Raises PluginError when `folder` holds none, or one of other parameters."""
    found: PacketSettings = convert(read_settings(folder, PACKETS), PacketSettings, "the settings", PluginError)
    if (found["known"] > 0) != (parameters.endpoints == "mixed"):
        raise PluginError(f'{folder}: a model has addresses when endpoints is "mixed", and only then')
    table = _table(found["columns"])
    table = Table(table.columns, tuple(i for i, column in enumerate(table.columns) if len(column.values)))
    size = found["known"]
    more = {"known": torch.empty((size, 2), dtype=torch.int64, device="meta")} if size else {}
    generator, tensors = _generator(folder, table, parameters, more)
    known = Known(tensors["known"].numpy().view(np.uint64)) if size else None
    packets = Packets(found["start_ns"], found["ipv6"], known)
    if len(packets.names) != len(table.columns):
        raise PluginError(f"{folder}: {len(packets.names)} columns are needed, not {len(table.columns)}")
    for name, column in zip(packets.names, table.columns, strict=True):
        allowed = {"protocol": (6, 17), "ip_flags": range(8), "ipv6": (0, 1)}.get(name, range(256))
        if name in (*KINDS, "ipv6") and (column.has_places or not np.isin(column.values, list(allowed)).all()):
            raise PluginError(f"{folder}: the column {name} must have values that the field can hold")
    return packets, generator


def write_biflows(pl_max: int, generator: Generator, folder: Path) -> None:
    """Write a model of biflows."""
    write_checkpoint(
        folder, BIFLOWS, {"pl_max": pl_max, "columns": _told(generator.table)}, dict(generator.state_dict())
    )


def read_biflows(folder: Path, parameters: BiflowParameters) -> tuple[int, Generator]:
    """Read a model of biflows. Raises PluginError when `folder` holds none, or one of other parameters."""
    found: BiflowSettings = convert(read_settings(folder, BIFLOWS), BiflowSettings, "the settings", PluginError)
    table = _table(found["columns"])
    label = table.columns[0]
    if len(table.columns) < 2 or label.has_places or not np.array_equal(label.values, np.arange(len(label.values))):
        raise PluginError(f"{folder}: the first column must be the class, and a packet must follow")
    if (np.rint(table.columns[1].values) == 0).any():
        raise PluginError(f"{folder}: the first packet must have at least one byte")
    return found["pl_max"], _generator(folder, table, parameters, {})[0]


def _told(table: Table) -> list[dict[str, Any]]:
    """The columns, as JSON has them."""
    return [
        {
            "values": column.values.tolist(),
            "means": column.means.tolist(),
            "sigmas": column.sigmas.tolist(),
            "low": column.low,
            "high": column.high,
            "counts": column.counts.tolist(),
        }
        for column in table.columns
    ]


def _table(found: tuple[OneColumn, ...]) -> Table:
    """The table of a file, whose condition is the first column. Raises PluginError for columns that cannot be."""
    columns = []
    for at, told in enumerate(found):
        values, means, sigmas = (np.array(told[name], np.float64) for name in ("values", "means", "sigmas"))
        column = Column(values, means, sigmas, told["low"], told["high"], np.array(told["counts"], np.int64))
        rules = {
            "values go up": bool((np.diff(values) > 0).all()),
            "each mode has a sigma": len(means) == len(sigmas),
            "each choice has a count": len(column.counts) == column.choices > 0,
            "some rows were learnt from": int(column.counts.sum()) > 0,
            "low is at most high": column.low <= column.high,
        }
        for rule, kept in rules.items():
            if not kept:
                raise PluginError(f"the settings of the model break a rule in column {at}: {rule}")
        columns.append(column)
    return Table(tuple(columns), (0,))


def _generator(
    folder: Path, table: Table, parameters: CtganParameters, more: dict[str, Tensor]
) -> tuple[Generator, dict[str, Tensor]]:
    """The generator of a file, and the tensors beside it. Raises PluginError when they are not like those asked for."""

    def build() -> Generator:
        return Generator(table, parameters)

    tensors = read_weights(folder, {**sketched(build).state_dict(), **more})
    beside = {name: tensors.pop(name) for name in more}
    if "known" in beside and not _ascend(beside["known"].numpy().view(np.uint64)):
        raise PluginError(f"{folder / WEIGHTS_FILE}: addresses must be in order, each once")
    generator = build()
    generator.load_state_dict(tensors)
    return generator.eval(), beside


def _ascend(addresses: np.ndarray[Any, np.dtype[np.uint64]]) -> bool:
    return len(np.unique(addresses, axis=0)) == len(addresses) and bool(
        np.array_equal(np.unique(addresses, axis=0), addresses)
    )
