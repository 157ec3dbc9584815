"""Fetching public datasets: download what is missing, check it, curate it into the data folder."""

from __future__ import annotations

import http.client
import json
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntgbench.datasets.cache import data_folder, table_of
from ntgbench.datasets.reading import Reading, read_flows
from ntgbench.errors import DatasetError
from ntgbench.files import locked, write_text
from ntgbench.interfaces import Progress, no_progress
from ntgbench.parameters import suggestion

_CHUNK = 1 << 20
_TIMEOUT = 60.0


@dataclass(frozen=True)
class Source:
    """Where a dataset is published.

    Attributes:
        url: an archive of MIRAGE-2019 JSON files.
        sha256: checksum in hex; None where its publisher gives none.
    """

    url: str
    sha256: str | None = None


SOURCES = {
    "mirage-2019": Source(
        "https://traffic.comics.unina.it/mirage/MIRAGE/MIRAGE-2019_traffic_dataset_downloadable_v2.tar.gz"
    ),
}
"""Datasets that can be fetched, by their name in the catalogue."""


@dataclass(frozen=True)
class Fetched:
    """A dataset that is now in the data folder.

    Attributes:
        table: its flows, with payload lengths as they are in the source.
        archive: what was downloaded; it may be deleted.
        sha256: checksum of the archive, also kept in the manifest beside the table.
        notes: what curation left out.
    """

    table: Path
    archive: Path
    sha256: str
    notes: tuple[str, ...]


def fetch(
    name: str,
    url: str | None = None,
    sha256: str | None = None,
    progress: Progress = no_progress,
    size_limit: int | None = None,
) -> Fetched:
    """Download and curate a dataset; a download that broke off goes on where it ended.

    Args:
        name: a key of SOURCES.
        url: another place to download it from.
        sha256: checksum that the archive must have.
        progress: told first about the bytes that have arrived, then about the share that is curated.
        size_limit: bytes of memory that the archive may expand to; None takes `limits.size_limit()`.

    Raises:
        DatasetError: when the dataset cannot be fetched, the download fails or its checksum is wrong.
    """
    import pooch

    if name not in SOURCES:
        raise DatasetError(f"{name!r} cannot be fetched; {suggestion(name, SOURCES)}")
    source = Source(url, sha256) if url else Source(SOURCES[name].url, sha256 or SOURCES[name].sha256)
    folder = data_folder() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        archive = _download(source, folder, progress)
    digest = pooch.file_hash(str(archive), alg="sha256")
    flows, notes = read_flows(archive, Reading(size_limit=size_limit), progress)
    table = table_of(name)
    flows.to_parquet(table)
    manifest = {
        "dataset": name,
        "url": source.url,
        "sha256": digest,
        "bytes": archive.stat().st_size,
        "flows": len(flows),
        "classes": list(flows.classes),
        "notes": notes,
    }
    write_text(table.with_suffix(".json"), json.dumps(manifest, indent=1) + "\n")
    return Fetched(table, archive, digest, notes)


def _download(source: Source, folder: Path, progress: Progress) -> Path:
    """The archive in `folder`, checked; downloaded unless it is there."""
    import pooch

    if not source.url.startswith(("https://", "http://")):
        raise DatasetError(f"{source.url} is no http or https address")
    pooch.get_logger().setLevel(logging.WARNING)
    part = folder / f"{pooch.utils.unique_file_name(source.url)}.part"

    def downloader(url: str, output: str | Path, _: Any) -> None:
        _resume(url, part, progress)
        part.replace(output)

    known = None if source.sha256 is None else f"sha256:{source.sha256.lower()}"
    try:
        return Path(pooch.retrieve(source.url, known, path=folder, downloader=downloader))
    except ValueError as error:  # pooch's word for a wrong checksum
        raise DatasetError(f"{source.url}: {error}") from error


def _resume(url: str, part: Path, progress: Progress) -> None:
    """Bring `part` to the whole file, however often the connection breaks, as long as each attempt brings something."""
    while True:
        before = _size(part)
        try:
            if _transfer(url, part, progress):
                return
            why: object = "the connection broke"
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                part.unlink()
                continue
            raise DatasetError(f"{url} answered {error.code} {error.reason}; --url names another place") from error
        except (OSError, http.client.HTTPException) as error:
            why = error
        if _size(part) <= before:
            hint = "; the same command continues where this one ended" if _size(part) else ""
            raise DatasetError(f"cannot download {url}: {why}{hint}")


def _transfer(url: str, part: Path, progress: Progress) -> bool:
    """One attempt: append to `part` what is missing, or begin anew; whether it is whole then.

    A part is continued only when the server says by ETag or date (RFC 9110, section 13.1.5) that its file is the same.
    """
    tag = part.with_suffix(".tag")
    have = _size(part) if tag.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text("utf-8")}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (http and https only, see _download)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
            _remember(response, tag)
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise http.client.HTTPException("the server sent another part of the file than was asked for")
        length = response.headers.get("Content-Length")
        total = None if length is None else have + int(length)
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                progress(have, total or have, "downloading")
    whole = total is None or have == total
    if whole:
        tag.unlink(missing_ok=True)
    return whole


def _remember(response: Any, tag: Path) -> None:
    """Keep what identifies the server's file; without it a broken download must begin anew."""
    identity = response.headers.get("ETag", "")
    if not identity or identity.startswith("W/"):
        identity = response.headers.get("Last-Modified", "")
    if identity:
        tag.write_text(identity, encoding="utf-8")
    else:
        tag.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
