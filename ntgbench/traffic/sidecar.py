"""The sidecar of a capture: a CSV file with the class of each biflow, in columns flow (its number, from 0) and app."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.errors import CaptureError
from ntgbench.files import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


def sidecar_path(capture: str | os.PathLike[str]) -> Path:
    """The name of the capture with .csv appended."""
    return Path(f"{Path(capture)}.csv")


def write_sidecar(capture: str | os.PathLike[str], class_of: Iterable[str]) -> None:
    """Write the class of each biflow, in the order of their first packets."""
    with replacing(sidecar_path(capture)) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("flow", "app"))
        rows.writerows(enumerate(class_of))


def read_sidecar(capture: str | os.PathLike[str]) -> list[str]:
    """What `write_sidecar` wrote; CaptureError when it is not there or not of this form."""
    path = sidecar_path(capture)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        class_of = {int(row["flow"]): row["app"] for row in rows}
        return [class_of[flow] for flow in range(len(rows))]
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise CaptureError(f"{path}: must have columns flow and app, and a row for each biflow from 0 on") from error
