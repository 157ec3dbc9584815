"""From what a user writes after `-d`, a name of the catalogue or a path, to traffic of a track."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ntgbench.errors import DatasetError, NtgbenchError
from ntgbench.plugins import registry, resolve
from ntgbench.row_schema import LONGEST_NAME
from ntgbench.tracks import DEFAULT, blamed, prepared, same_track
from ntgbench.words import printable, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.interfaces import DatasetSpec
    from ntgbench.tracks import Track, Traffic


T = TypeVar("T")


@dataclass(frozen=True)
class Dataset:
    """A dataset that is ready to be split.

    Attributes:
        name: safe for file names: lower-case letters, digits, '.', '_' and '-'.
        traffic: of its track; of biflows at least two, and at least one of every class.
        argument: what a user writes after -d for it: a name of the catalogue, or the path's last two parts.
        notes: what was left out or changed on the way, and what cannot be tested, one sentence each.
    """

    name: str
    traffic: Traffic
    argument: str
    notes: tuple[str, ...] = ()


def load_dataset(
    argument: str | os.PathLike[str], *, track: str = DEFAULT, max_items: int | None = None, **layout: Any
) -> Dataset:
    """The dataset called `argument` in the catalogue, or read from the file or folder at that path.

    Args:
        argument: a name or a path; a name wins, `./name` is always a path.
        track: name of the track.
        max_items: a larger dataset is cut to about so many items; the same are chosen each time.
        layout: fields of the track's layout, for biflows `packets` and `pl_max`.

    Raises:
        DatasetError: when there is no such name or path, or it holds too little.
        PluginError: when there is no such track, or the dataset is of another one.
    """
    kind, spec, layouts = _asked(argument, track, layout)
    with blamed(track):
        if spec is not None:
            traffic = _from_catalogue(spec, kind, layouts)
            ready, notes = prepared(kind, argument, traffic, max_items, ())
            return Dataset(spec.name, ready, spec.name, notes)
        path = _existing(argument, kind)
        ready, notes = kind.read_prepared(path, layouts, max_items)
    return Dataset(dataset_name(path, kind.endings), ready, _argument(path), notes)


def read_dataset(argument: str | os.PathLike[str], *, track: str = DEFAULT, **layout: Any) -> Dataset:
    """As `load_dataset`, but all of it as it is read, even when it is too small to be split."""
    kind, spec, layouts = _asked(argument, track, layout)
    if spec is not None:
        return Dataset(spec.name, _from_catalogue(spec, kind, layouts), spec.name)
    path = _existing(argument, kind)
    with blamed(track):
        traffic, notes = kind.read(path, layouts)
    return Dataset(dataset_name(path, kind.endings), traffic, _argument(path), notes)


def _asked(
    argument: str | os.PathLike[str], track: str, layout: dict[str, Any]
) -> tuple[Track[Any], DatasetSpec | None, Any]:
    """The track, the dataset of that name in the catalogue, and the layout."""
    kind = registry().track(track)
    layouts = kind.spec.layout(**layout)
    if not os.fspath(argument):
        raise DatasetError("the name of the dataset is empty; the folder you are in is called '.'")
    return kind, registry().datasets().get(os.fspath(argument)), layouts


def first_that_reads(
    what: str, tracks: Sequence[str], read: Callable[[str], T]
) -> tuple[str, T, dict[str, NtgbenchError]]:
    """The first of the tracks for which `read` raises nothing, what it returns, and what tracks before it raised.

    Without tracks, all of them, the default one first. Raises DatasetError that begins with `what`, the name of what is
    read, and has a sentence for each track.
    """
    names = list(tracks) or sorted(registry().tracks(), key=lambda name: name != DEFAULT)
    refused: dict[str, NtgbenchError] = {}
    for name in names:
        try:
            return name, read(name), refused
        except NtgbenchError as error:
            refused[name] = error
    reasons = {str(error) for error in refused.values()}
    if len(reasons) == 1:
        raise refused[names[0]]
    told = (f" As {name}: {str(error).removeprefix(f'{what}: ').rstrip('.')}." for name, error in refused.items())
    raise DatasetError(f"{what}: no track reads this.{''.join(told)}".removesuffix("."))


def dataset_name(path: Path, endings: tuple[str, ...]) -> str:
    """A dataset's name for a path: its file or folder name without a known ending, made safe for file names."""
    name = path.resolve().name.lower()
    ending = max((ending for ending in endings if name.endswith(ending)), key=len, default="")
    return re.sub(r"[^a-z0-9._-]+", "-", name.removesuffix(ending)).strip("-._")[:LONGEST_NAME] or "dataset"


def _argument(path: Path) -> str:
    """A path as it was given, without what stands before the parent of the file or folder."""
    if path.name in ("", ".."):
        path = path.resolve()
    parts = [part for part in path.parts[-2:] if part not in (path.anchor, "..")]
    argument = printable("/".join(parts))
    return f"./{argument}" if argument in registry().datasets() else argument


def _existing(argument: str | os.PathLike[str], track: Track[Any]) -> Path:
    """The path that `argument` is, which exists; otherwise the best advice."""
    path, text = Path(argument), os.fspath(argument)
    if path.exists():
        return path
    if path.is_symlink():
        raise DatasetError(f"{text} is a symbolic link that leads to no file or folder")
    if path.name != text or text.lower().endswith(track.endings):
        raise DatasetError(f"there is no file or folder {text}")
    advice = suggestion(text, registry().datasets())
    raise DatasetError(f"no dataset is called {text!r} ({advice}), and there is no such file or folder")


def _from_catalogue(spec: DatasetSpec, track: Track[Any], layout: Any) -> Traffic:
    same_track(f"the dataset {spec.name}", spec.track, track.spec.name)
    try:
        traffic = resolve(spec.target)(*dataclasses.astuple(layout))
    except NtgbenchError:
        raise
    except Exception as error:  # a plugin's loader may fail in any way
        raise DatasetError(f"the loader of {spec.name} failed: {type(error).__name__}: {error}") from error
    if not track.accepts(traffic, layout):
        raise DatasetError(f"the loader of {spec.name} must return traffic of the track {track.spec.name}, {layout}")
    return traffic
