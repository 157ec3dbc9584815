"""What the system does alike for all tracks: it reads a file when it is fitted, and keeps what was in it."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import content_digest
from ntgbench.plugins import registry

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.tracks import Track
    from ntgbench_file.parameters import FileParameters

FILE = "traffic.parquet"

log = logging.getLogger(__name__)

T = TypeVar("T")


class FileOf(ABC, Generic[T]):
    """The traffic of one file.

    What is logged as a warning, a note in the row, says that it was made outside of ntgbench, and what was changed.
    """

    track_name: str

    def __init__(self, parameters: FileParameters) -> None:
        self.parameters = parameters
        self.traffic: T

    @property
    def track(self) -> Track[Any]:
        """The track that reads the file."""
        return registry().track(self.track_name)

    def fit(self, train: T, context: Context) -> None:
        """Read the file. Raises PluginError when that cannot be done, or none of it can be used."""
        given = self.parameters.path
        if not given:
            raise PluginError("file needs a file; write file[path=…]")
        path = context.home / given
        try:
            traffic, notes = self.track.read(path, self.layout(train))
            digest = content_digest(path)
        except NtgbenchError as error:
            # Rows are published, so they say no more of this machine than the user has.
            raise PluginError(str(error).replace(str(path), given)) from error
        log.warning("made outside of ntgbench: read from %s, BLAKE2b-128 %s", given, digest)
        for note in notes:
            log.warning("%s: %s", given, note.replace(str(path), given))
        self.traffic = self.usable(traffic, train)
        context.progress(1, 1)

    @abstractmethod
    def layout(self, train: T) -> Any:
        """How the track is to read the file so that it is like the training set."""

    @abstractmethod
    def usable(self, traffic: T, train: T) -> T:
        """What of the file can be given back."""

    def save(self, folder: Path) -> None:
        """Write what was read."""
        self.track.write(self.traffic, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises TrafficError when it is damaged."""
        self.traffic = self.track.load(folder / FILE)
