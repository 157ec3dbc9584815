"""The numbers of the efficiency suite and their tables; docs/efficiency.md explains them."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Column(NamedTuple):
    """A number: its key after "efficiency/", its head on boards, and its goal and decimals as in `MetricSpec`."""

    key: str
    head: str
    goal: Literal["min", "max"]
    digits: int


TABLES = {
    "One {unit} at a time": (
        Column("sample_shortest_ms", "ms/{unit}, shortest", "min", 3),
        Column("sample_ms", "median", "min", 3),
        Column("train_shortest_s_epoch", "training s/epoch, shortest", "min", 2),
        Column("train_s_epoch", "median", "min", 2),
        Column("train_items", "{unit}s trained on", "max", 0),
        Column("train_biflows", "{unit}s trained on", "max", 0),  # of rows up to version 5, as `sample_biflows`
        Column("sample_items", "{unit}s sampled", "max", 0),
        Column("sample_biflows", "{unit}s sampled", "max", 0),
        Column("packets", "packets", "max", 1),
        Column("sample_device_use", "device use % sampling", "max", 0),
        Column("train_device_use", "device use % training", "max", 0),
        Column("peak_device_mib", "peak device MiB", "min", 0),
        Column("peak_host_mib", "peak host MiB", "min", 0),
        Column("joules", "J/1000 {unit}s", "min", 1),
        Column("others_use", "others %", "min", 0),
        Column("reference_ms", "reference ms", "min", 2),
        Column("rounds", "rounds", "max", 0),
    ),
    "Many at once": (
        Column("sample_rate", "sampled {unit}s/s", "max", 0),
        Column("sample_batch", "at a batch of", "max", 0),
        Column("train_rate", "trained {unit}s/s", "max", 0),
        Column("train_batch", "with a batch of", "max", 0),
    ),
    "Size and start": (
        Column("parameters", "stored numbers", "min", 0),
        Column("size_mb", "MB on disk", "min", 3),
        Column("import_s", "import s, shortest", "min", 2),
        Column("first_s", "first {unit} s, shortest", "min", 2),
        Column("first_host_mib", "memory MiB", "min", 0),
    ),
    "Variants of a fitted model": (Column("int8_share", "stored numbers in 8 bits %", "max", 0),),
}
"""Columns by the title of their table; `unit` is one item in words."""

COLUMNS = {column.key: column for columns in TABLES.values() for column in columns}

CONDITIONS = frozenset(
    f"efficiency/{name}"
    for name in (
        *("train_items", "train_biflows", "sample_items", "sample_biflows", "packets", "sample_batch", "train_batch"),
        *("sample_device_use", "train_device_use", "others_use", "reference_ms", "rounds", "int8_share"),
    )
)
"""Keys of the numbers that say how it was measured: neither better nor worse."""
