"""The folder where fetched and imported datasets live, one Parquet table a dataset."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows

DATA = "NTGBENCH_DATA"
"""Environment variable: the data folder, in place of the user's cache folder."""


def data_folder() -> Path:
    """Where datasets of the catalogue are kept; it need not exist."""
    caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get(DATA) or Path(os.environ.get("XDG_CACHE_HOME") or caches, "ntgbench"))


def table_of(name: str) -> Path:
    """The Parquet table of the catalogue's dataset `name`; it need not exist."""
    return data_folder() / f"{name}.parquet"


def mirage_2019(packets: int, pl_max: int) -> Biflows:
    """MIRAGE-2019 as `ntgbench datasets fetch mirage-2019` wrote it."""
    return _load("mirage-2019", packets, pl_max)


def cesnet_tls22(packets: int, pl_max: int) -> Biflows:
    """CESNET-TLS22 as `ntgbench datasets import` wrote it."""
    return _load("cesnet-tls22", packets, pl_max)


def _load(name: str, packets: int, pl_max: int) -> Biflows:
    from ntgbench.datasets.tables import read_table
    from ntgbench.plugins import registry

    path = table_of(name)
    if not path.is_file():
        raise DatasetError(f"{name} is not here: there is no {path}. {registry().datasets()[name].how}")
    return read_table(path)[0].to_biflows(packets, pl_max)[0]
