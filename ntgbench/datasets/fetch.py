"""Fetching public datasets: download what is missing, check it, curate it into the data folder."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from ntgbench.datasets.cache import data_folder, table_of
from ntgbench.datasets.reading import Reading, read_flows
from ntgbench.errors import DatasetError
from ntgbench.files import locked, write_text
from ntgbench.interfaces import Progress, no_progress
from ntgbench.words import suggestion

URLS = {
    "mirage-2019": "https://traffic.comics.unina.it/mirage/MIRAGE/MIRAGE-2019_traffic_dataset_downloadable_v2.tar.gz"
}
"""Archives of the datasets that can be fetched, by name in the catalogue; their publishers give no checksum."""

_TIMEOUT = 60.0  # seconds without an answer


@dataclass(frozen=True)
class Fetched:
    """A dataset that is now in the data folder."""

    table: Path  # its flows, with payload lengths as they are in the archive
    archive: Path  # what was downloaded; it may be deleted
    sha256: str  # checksum of the archive, also kept in the manifest beside the table
    notes: tuple[str, ...]  # what curation left out


def fetch(
    name: str,
    url: str | None = None,
    sha256: str | None = None,
    progress: Progress = no_progress,
    size_limit: int | None = None,
) -> Fetched:
    """Download and curate a dataset; an archive that is here already is not downloaded again.

    Args:
        name: a key of URLS.
        url: another address to download it from.
        sha256: checksum that the archive must have.
        progress: told first about the bytes that have arrived, then about the share that is curated.
        size_limit: bytes of memory that the archive may expand to; None takes `limits.size_limit()`.

    Raises:
        DatasetError: when the dataset cannot be fetched, the download fails or its checksum is wrong.
    """
    import pooch

    if name not in URLS:
        raise DatasetError(f"{name!r} cannot be fetched; {suggestion(name, URLS)}")
    url = url or URLS[name]
    folder = data_folder() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        archive = _download(url, sha256, folder, progress)
    digest = pooch.file_hash(str(archive), alg="sha256")
    flows, notes = read_flows(archive, Reading(size_limit=size_limit), progress)
    table = table_of(name)
    flows.to_parquet(table)
    manifest = {
        "dataset": name,
        "url": url,
        "sha256": digest,
        "bytes": archive.stat().st_size,
        "flows": len(flows),
        "classes": list(flows.classes),
        "notes": notes,
    }
    write_text(table.with_suffix(".json"), json.dumps(manifest, indent=1) + "\n")
    return Fetched(table, archive, digest, notes)


def _download(url: str, sha256: str | None, folder: Path, progress: Progress) -> Path:
    """The archive in `folder`, which must be locked; downloaded if it is missing."""
    import pooch

    if not url.startswith(("https://", "http://")):
        raise DatasetError(f"{url} is not an http or https address")
    pooch.get_logger().setLevel(logging.WARNING)
    for left in folder.glob("tmp*"):  # of a download whose process was killed
        left.unlink()
    headers = {"Accept-Encoding": "identity"}  # an archive must arrive as it is
    downloader = pooch.HTTPDownloader(progressbar=_Bar(progress), timeout=_TIMEOUT, headers=headers)
    known = None if sha256 is None else f"sha256:{sha256.lower()}"
    try:
        return Path(pooch.retrieve(url, known, path=folder, downloader=downloader))
    except OSError as error:  # of the network too, whose errors are of this class
        raise DatasetError(f"cannot download {url}: {error}; --url names another address") from error
    except ValueError as error:  # what pooch raises for a wrong checksum
        raise DatasetError(f"{url}: {error}") from error


class _Bar:
    """A progress bar as pooch drives one: it sets `total` to the bytes that are expected, 0 when it is not known."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.total = self.done = 0

    def update(self, more: int) -> None:
        """`more` bytes at most have arrived."""
        self.done = min(self.done + more, self.total or self.done + more)
        self.progress(self.done, self.total or self.done, "downloading")

    def reset(self) -> None:
        """Called at the end, before an update with the total."""
        self.done = 0

    def close(self) -> None:
        """Called last."""
