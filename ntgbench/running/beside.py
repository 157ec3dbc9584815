"""Datasets that suites compare with beside the one that a cell is about, such as the other day of the suite drift."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.datasets.loading import read_dataset
from ntgbench.errors import DatasetError, NtgbenchError, ProtocolError
from ntgbench.plugins import registry
from ntgbench.protocol import Protocol, suites_of
from ntgbench.tracks import blamed

if TYPE_CHECKING:
    from ntgbench.running.cells import Cell
    from ntgbench.tracks import Traffic


@dataclass(frozen=True)
class Beside:
    """The other datasets of a protocol.

    Attributes:
        protocol: with the digest of each in the settings of its suite, which is part of the suite's key.
        traffic: each by its digest.
        notes: what was changed or left out when they were read.
    """

    protocol: Protocol
    traffic: dict[str, Traffic]
    notes: tuple[str, ...]


def read_beside(protocol: Protocol) -> Beside:
    """Read the other datasets of the suites that are wanted. Raises NtgbenchError."""
    track = registry().track(protocol.track)
    settings, traffic, notes = dict(protocol.settings), {}, []
    for name in protocol.suites:
        field = suites_of(protocol.track)[name].beside
        if field is None:
            continue
        argument = getattr(settings[name], field)
        if not argument:
            raise ProtocolError(f'the suite {name} needs another dataset; write {field} = "…" in the table [{name}]')
        try:
            dataset = read_dataset(argument, track=protocol.track, **asdict(protocol.layout))
        except NtgbenchError as error:
            raise DatasetError(f"{name}.{field}: {error}") from error
        if not len(dataset.traffic):
            raise DatasetError(f"{argument}, which the suite {name} compares with, holds no {track.spec.unit}")
        with blamed(protocol.track):
            digest = track.digest(dataset.traffic)
        if settings[name].digest not in ("", digest):
            raise DatasetError(f"{argument} has the digest {digest}, and the table [{name}] names another")
        settings[name] = replace(settings[name], **{field: dataset.argument, "digest": digest})
        traffic[digest] = dataset.traffic
        notes += [f"{dataset.name}, for the suite {name}: {note}" for note in dataset.notes]
    return Beside(replace(protocol, settings=settings), traffic, tuple(notes))


def beside_path(home: Path, digest: str) -> Path:
    """Where cells below the folder `home` of a dataset find another one."""
    return home / f"beside-{digest[:16]}.parquet"


def load_beside(cell: Cell, suite: str) -> Traffic | None:
    """The other dataset of a suite, None for a suite without one. Raises DatasetError when it is not what was read."""
    if suites_of(cell.protocol.track)[suite].beside is None:
        return None
    digest = cell.protocol.settings[suite].digest
    path = beside_path(cell.path.parent.parent, digest)
    traffic = cell.track.load(path)
    if cell.track.digest(traffic) != digest:
        raise DatasetError(f"{path} is not the traffic that the suite {suite} is about; run again, which replaces it")
    return traffic
