"""Folders that hold one table in several Parquet files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ntgbench.errors import DatasetError
from ntgbench.traffic.notes import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PART = re.compile(r"part-(\d{5})\.parquet")
_HIVE = re.compile(r"([^=/]+)=([^/]*)")
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def parts_of(folder: Path, files: Sequence[Path]) -> list[Path]:
    """The Parquet files of the table that a folder holds, in the order of their paths; none when it holds no table.

    A folder with files that are called as those of ntgbench, part-00000.parquet and so on, holds these alone, and none
    may be missing. Files and folders whose names begin with . are passed over, and in folders of others those that
    begin with _ too, as Spark and pyarrow do.

    Args:
        folder: the folder; one whose name ends in .parquet must hold a table.
        files: all files below it.

    Raises:
        DatasetError: when a part is missing, or there are other files.
    """
    names = [name for name in (file.relative_to(folder).as_posix() for file in files) if not _begins(name, ".")]
    numbers = sorted(int(match[1]) for match in map(_PART.fullmatch, names) if match)
    if numbers:
        foreign = [name for name in names if not _PART.fullmatch(name)]
        missing = sorted(set(range(numbers[-1] + 1)) - set(numbers))
        wrong = (
            *listed("{} [part is|parts are] missing", [f"part-{number:05}.parquet" for number in missing]),
            *listed("{} [file does|files do] not belong there", foreign),
        )
        if wrong:
            raise DatasetError(f"{folder} is no complete set of parts: {'; '.join(wrong)}")
        return [folder / name for name in sorted(names)]
    tables = [folder / name for name in sorted(names) if not _begins(name, "_") and name.lower().endswith(".parquet")]
    if folder.name.lower().endswith(".parquet") and not tables:
        raise DatasetError(f"{folder} is a folder without a part: there is no part-00000.parquet in it")
    return tables


def _begins(name: str, mark: str) -> bool:
    """Whether the file, or a folder that it is in, begins with a mark."""
    return any(part.startswith(mark) for part in name.split("/"))


def require_replaceable(path: Path) -> None:
    """Raise DatasetError when `path` is a folder that holds anything but parts, which nobody wants to lose."""
    if path.is_dir() and not path.is_symlink():
        foreign = sorted(file.name for file in path.iterdir() if not _PART.fullmatch(file.name))
        if foreign:
            raise DatasetError(f"{path} is a folder with more than parts in it, such as {foreign[0]}; it stays")


def written_in_path(folder: Path, file: Path) -> Mapping[str, str | None]:
    """The values of columns that folders are named after, such as app=mail, in the manner of Hive."""
    found: dict[str, str | None] = {}
    for part in file.relative_to(folder).parent.parts:
        if match := _HIVE.fullmatch(part):
            found[unquote(match[1])] = None if match[2] == _HIVE_NULL else unquote(match[2])
    return found
