"""From what a user writes after `-d`, a name of the catalogue or a path, to labelled biflows."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import DatasetError, NtgbenchError, TrafficError
from ntgbench.parameters import suggestion
from ntgbench.plugins import registry, resolve
from ntgbench.row_schema import LONGEST_NAME
from ntgbench.seeds import derive_seed
from ntgbench.traffic.biflows import PACKETS, PL_MAX, Biflows
from ntgbench.traffic.notes import listed
from ntgbench.words import pluralised, printable

if TYPE_CHECKING:
    from ntgbench.interfaces import DatasetSpec


@dataclass(frozen=True)
class Dataset:
    """A dataset that is ready to be split.

    Attributes:
        name: safe for file names: lower-case letters, digits, '.', '_' and '-'.
        biflows: at least two; every class has at least one.
        source: what a user writes after -d for it: a name of the catalogue, or the file or folder below its parent.
        notes: what was left out or changed on the way and which classes cannot be tested, one sentence each.
    """

    name: str
    biflows: Biflows
    source: str
    notes: tuple[str, ...] = ()


def load_dataset(
    argument: str | os.PathLike[str], packets: int = PACKETS, pl_max: int = PL_MAX, most: int | None = None
) -> Dataset:
    """The dataset called `argument` in the catalogue, or read from the file or folder at that path.

    Args:
        argument: a name or a path; a name wins, `./name` is always a path.
        packets: packets kept of each biflow, at least 1.
        pl_max: larger payload lengths, in bytes, are clipped to it.
        most: a dataset with more biflows is thinned to about so many; the same are chosen each time.

    Raises:
        DatasetError: when there is no such name or path, or it holds fewer than two usable biflows.
    """
    if not os.fspath(argument):
        raise DatasetError("the name of the dataset is empty; the folder you are in is called '.'")
    spec = registry().datasets().get(os.fspath(argument))
    if spec is not None:
        dataset = Dataset(spec.name, _from_catalogue(spec, packets, pl_max), spec.name)
    else:
        dataset = _from_path(_existing(argument), packets, pl_max)
    count = len(dataset.biflows)
    if count < 2:
        raise DatasetError(
            f"{argument} holds {pluralised(count, 'usable biflow')}; training and testing need at least two"
        )
    biflows, thinned = _thinned(_without_empty_classes(dataset.biflows), most)
    return replace(dataset, biflows=biflows, notes=(*dataset.notes, *thinned, *_untestable(biflows)))


def dataset_name(path: Path) -> str:
    """A dataset's name for a path: its file or folder name without a known ending, made safe for file names."""
    from ntgbench.datasets.reading import ENDINGS

    name = path.resolve().name.lower()
    ending = max((ending for ending in ENDINGS if name.endswith(ending)), key=len, default="")
    return re.sub(r"[^a-z0-9._-]+", "-", name.removesuffix(ending)).strip("-._")[:LONGEST_NAME] or "dataset"


def _from_path(path: Path, packets: int, pl_max: int) -> Dataset:
    from ntgbench.datasets.reading import read_flows

    flows, notes = read_flows(path)
    try:
        biflows, clips = flows.to_biflows(packets, pl_max)
    except TrafficError as error:
        raise DatasetError(f"{path}: {error}") from error
    return Dataset(dataset_name(path), biflows, _source(path), (*notes, *clips))


def _source(path: Path) -> str:
    """A path as it was given, without what stands before the parent of the file or folder."""
    if path.name in ("", ".."):
        path = path.resolve()
    parts = [part for part in path.parts[-2:] if part not in (path.anchor, "..")]
    source = printable("/".join(parts))
    return f"./{source}" if source in registry().datasets() else source


def _existing(argument: str | os.PathLike[str]) -> Path:
    """The path that `argument` is, which exists; otherwise the best advice."""
    from ntgbench.datasets.reading import ENDINGS

    path, text = Path(argument), os.fspath(argument)
    if path.exists():
        return path
    if path.name != text or text.lower().endswith(ENDINGS):
        raise DatasetError(f"there is no file or folder {text}")
    advice = suggestion(text, registry().datasets())
    raise DatasetError(f"no dataset is called {text!r} ({advice}), and there is no such file or folder")


def _from_catalogue(spec: DatasetSpec, packets: int, pl_max: int) -> Biflows:
    try:
        biflows = resolve(spec.target)(packets, pl_max)
    except NtgbenchError:
        raise
    except Exception as error:  # a plugin's loader may fail in any way
        raise DatasetError(f"the loader of {spec.name} failed: {type(error).__name__}: {error}") from error
    if not isinstance(biflows, Biflows) or (biflows.packets, biflows.pl_max) != (packets, pl_max):
        raise DatasetError(
            f"the loader of {spec.name} must return Biflows with {pluralised(packets, 'packet')} and pl_max {pl_max}"
        )
    return biflows


def _untestable(biflows: Biflows) -> tuple[str, ...]:
    """A note about the classes that no split can test: their only session, or biflow, is needed for training."""
    if biflows.session is None:
        what, counts = "biflow", biflows.class_counts()
    else:
        what, pairs = "session", np.unique(np.stack([biflows.label, biflows.session]), axis=1)
        counts = np.bincount(pairs[0], minlength=len(biflows.classes))
    single = [name for name, count in zip(biflows.classes, counts, strict=True) if count == 1]
    return listed(f"{{}} of {len(counts):,} classes train but are never tested, having one {what} only", single)


def _thinned(biflows: Biflows, most: int | None) -> tuple[Biflows, tuple[str, ...]]:
    """About `most` of the biflows, the same share of each class rounded up, and a note when that leaves some out."""
    from ntgbench.datasets.splits import fraction

    if most is None or len(biflows) <= most:
        return biflows, ()
    kept = fraction(biflows, most / len(biflows), derive_seed("thinned", most))
    return kept, (f"thinned to {len(kept):,} of {len(biflows):,} biflows, the same share of each class",)


def _without_empty_classes(biflows: Biflows) -> Biflows:
    used = biflows.class_counts() > 0
    code = np.cumsum(used, dtype=np.int32) - 1
    classes = tuple(name for name, kept in zip(biflows.classes, used, strict=True) if kept)
    return biflows if used.all() else replace(biflows, label=code[biflows.label], classes=classes)
