"""Fetching public datasets: download what is missing, check it, curate it into the data folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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
_PIECE = 2**18  # bytes that are read at a time


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
    if name not in URLS:
        raise DatasetError(f"{name!r} cannot be fetched; {suggestion(name, URLS)}")
    url = url or URLS[name]
    folder = data_folder() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        archive = _download(url, sha256, folder, progress)
    digest = _sha256(archive)
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
    """The archive in `folder`, which must be locked; downloaded if it is missing, or has another checksum."""
    from urllib.parse import urlsplit

    if not url.startswith(("https://", "http://")):
        raise DatasetError(f"{url} is not an http or https address")
    # Archives of several addresses may have one name.
    address = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    archive = folder / f"{address}-{PurePosixPath(urlsplit(url).path).name}"
    for left in folder.glob("tmp*"):  # of a download whose process was killed
        left.unlink()
    if archive.is_file() and (sha256 is None or _sha256(archive) == sha256.lower()):
        return archive
    temporary = folder / "tmp"
    try:
        _receive(url, temporary, progress)
        if sha256 is not None and (found := _sha256(temporary)) != sha256.lower():
            raise DatasetError(f"{url}: its SHA-256 is {found}, which does not match {sha256}")
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)
    return archive


def _receive(url: str, path: Path, progress: Progress) -> None:
    """Write what is at `url` to `path`. Raises DatasetError when not all of it arrives."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - http or https
    try:
        with urlopen(request, timeout=_TIMEOUT) as answer, path.open("wb") as file:  # noqa: S310
            total, done = answer.length or 0, 0
            while piece := answer.read(_PIECE):
                file.write(piece)
                done += len(piece)
                progress(done, max(total, done), "downloading")
        if done < total:
            raise OSError(f"{done} of {total} bytes have arrived")
    except (OSError, HTTPException) as error:  # errors of the network are of these classes
        raise DatasetError(f"cannot download {url}: {error}; --url names another address") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
