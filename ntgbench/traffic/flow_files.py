"""Reading the Parquet files that `FlowTable.to_parquet` writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.datasets.columns import lists, same_counts, whole
from ntgbench.datasets.parquet import read_parquet, unreadable
from ntgbench.errors import DatasetError, TrafficError
from ntgbench.traffic.flows import METADATA_KEY, FlowTable

if TYPE_CHECKING:
    from pathlib import Path


def read_flow_file(path: Path) -> tuple[FlowTable, dict[str, Any]]:
    """The flows of a file and its metadata. Raises TrafficError for a file of another maker or a damaged one."""
    # Also what a structure that is another one leads to.
    others: tuple[type[Exception], ...] = (
        *unreadable(),
        DatasetError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    )
    try:
        return _read(path)
    except TrafficError as error:
        raise TrafficError(f"{path}: {error}") from error
    except others as error:
        raise TrafficError(
            f"{path} was not written by ntgbench, or is damaged: {str(error) or type(error).__name__}"
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise TrafficError(f"{path} is no Parquet file: {error}") from error


def _read(path: Path) -> tuple[FlowTable, dict[str, Any]]:
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    if METADATA_KEY not in metadata:
        raise ValueError("its metadata has no key 'ntgbench'")
    head = json.loads(metadata[METADATA_KEY])
    classes = tuple(head["classes"])
    if not all(isinstance(name, str) for name in classes):
        raise TypeError("a class name is no text")
    table = read_parquet(path)
    length = whole(lists(table.column("pkts_len"), "pkts_len"), "pkts_len")
    direction = whole(lists(table.column("pkts_dir"), "pkts_dir"), "pkts_dir")
    same_counts(direction.counts, length.counts, "pkts_dir", "pkts_len")
    if (np.abs(direction.values) != 1).any():
        raise ValueError("a direction is neither +1 nor -1")
    gap = lists(table.column("pkts_iat"), "pkts_iat") if "pkts_iat" in table.column_names else None
    if gap is not None:
        same_counts(gap.counts, length.counts, "pkts_iat", "pkts_len")
    app = table.column("app").unify_dictionaries().combine_chunks()
    # The file's dictionary may hold the classes in another order, and none that has no flow.
    index = {name: i for i, name in enumerate(classes)}
    code_of = np.array([index[name] for name in app.dictionary.to_pylist()], np.int32)
    flows = FlowTable(
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(length.counts)]),
        signed_pl=(length.values * direction.values).astype(np.int32),
        label=code_of[app.indices.to_numpy()],
        classes=classes,
        iat=None if gap is None else gap.values.astype(np.float32),
        session=table.column("session").to_numpy().astype(np.int32) if "session" in table.column_names else None,
    )
    return flows, head
