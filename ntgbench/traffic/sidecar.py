"""The sidecar of a capture: a CSV file with the class of each biflow, in columns flow (its number, from 0) and app."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.errors import CaptureError, NtgbenchError
from ntgbench.files import replacing, require_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

MOST_BYTES = 256 * 2**20
"""Bytes of a sidecar, and of a file of labels, that are read: lines of some ten million biflows."""


def sidecar_path(capture: str | os.PathLike[str]) -> Path:
    """The name of the capture with .csv appended."""
    return Path(f"{Path(capture)}.csv")


def write_sidecar(capture: str | os.PathLike[str], class_of: Iterable[str]) -> None:
    """Write the class of each biflow, in the order of their first packets."""
    with writing_sidecar(capture, class_of):
        pass


@contextlib.contextmanager
def writing_sidecar(capture: str | os.PathLike[str], class_of: Iterable[str]) -> Iterator[None]:
    """As `write_sidecar`, but the file appears when the block has ended well: with the capture that it is of."""
    with replacing(sidecar_path(capture)) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("flow", "app"))
            rows.writerows(enumerate(class_of))
        yield


def read_sidecar(capture: str | os.PathLike[str]) -> list[str]:
    """What `write_sidecar` wrote; CaptureError when it is not there or not of this form."""
    path = sidecar_path(capture)
    try:
        require_file(path, MOST_BYTES)
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(int(row["flow"]), row["app"]) for row in csv.DictReader(file)]
        class_of = dict(rows)
        if None in class_of.values():
            raise ValueError("a row without a class")
        return [class_of[flow] for flow in range(len(rows))]
    except (NtgbenchError, OSError) as error:
        raise CaptureError(str(error)) from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise CaptureError(f"{path}: must have columns flow and app, and a row for each biflow from 0 on") from error
