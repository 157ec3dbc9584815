"""The parameter of the system `file`. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileParameters:
    """What the system reads.

    Attributes:
        path: a file, or a folder, that the track reads as a dataset; a relative one starts from the folder where the
            command is given.
    """

    path: str = ""
