"""Tables whose columns have the right names, and any types and values."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache
from typing import Any


def to_parquet(table: Any, **options: Any) -> bytes:
    """A table as a Parquet file."""
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(table, written, **options)
    return written.getvalue()


@cache
def kinds_of_lists() -> tuple[Callable[[Any], Any], ...]:
    """Functions that make a type of lists of a type, those that this version of pyarrow writes, views last."""
    import pyarrow as pa

    def is_written(kind: Callable[[Any], Any]) -> bool:
        try:
            to_parquet(pa.table({"x": pa.array([], kind(pa.int8()))}))
        except pa.ArrowNotImplementedError:
            return False
        return True

    return (pa.list_, pa.list_, pa.large_list, *filter(is_written, (pa.large_list_view, pa.list_view)))


def flow_table(rng: random.Random) -> Any:
    """A table with the right names and columns of any type, some of them right."""
    import pyarrow as pa

    rows = rng.choice((0, 1, 3, 20))
    columns = {}
    for name in ("app", "pkts_len", "pkts_dir", "pkts_iat", "session", "ppi", "other"):
        if rng.random() < (0.95 if name in ("app", "pkts_len", "pkts_dir") else 0.3):
            columns[name] = _column(name, rows, rng)
    return pa.table(columns)


def packet_table(rng: random.Random) -> Any:
    """A table with a row for each packet, some of whose columns hold anything."""
    import pyarrow as pa

    rows = rng.choice((0, 1, 3, 20))
    usual = {"proto": (6, 17), "srcip": (1, 2**32 - 1), "dstip": (5, 7), "time": (10**15, 10**15 + 9), "flag": (0, 2)}
    columns = {}
    for name in ("srcip", "dstip", "srcport", "dstport", "proto", "time", "pkt_len", "ttl", "flag", "capture"):
        if rng.random() < (0.3 if name in ("flag", "capture") else 0.98):
            plain = pa.array([rng.choice(usual.get(name, (40, 60))) for _ in range(rows)], pa.int64())
            columns[name] = plain if rng.random() < 0.8 else _column(name, rows, rng)
    return pa.table(columns)


def _column(name: str, rows: int, rng: random.Random) -> Any:
    import pyarrow as pa

    scalars: list[tuple[Any, Callable[[], Any]]] = [
        (pa.string(), lambda: rng.choice(("a", "b", "nan", "", "\n\x1b|`<", "1.0", "\U0001f600", " NA "))),
        (pa.large_string(), lambda: rng.choice(("a", "None"))),
        (pa.string_view(), lambda: rng.choice(("a", "up", "1"))),
        (pa.binary(), lambda: rng.choice((b"a", b"\xff"))),
        (pa.int64(), lambda: rng.choice((1, -1, 0, 2**40, -5))),
        (pa.uint64(), lambda: rng.choice((1, 2**64 - 1))),
        (pa.int8(), lambda: rng.choice((1, -1, 0))),
        (pa.float64(), lambda: rng.choice((1.0, -1.0, float("nan"), float("inf"), 1e300, 0.5))),
        (pa.float32(), lambda: rng.choice((1.0, 0.0, float("nan"), 3e38))),
        (pa.float16(), lambda: rng.choice((1.0, -1.0, 0.0, 65504.0))),
        (pa.bool_(), lambda: rng.random() < 0.5),
        (pa.timestamp("us"), lambda: rng.randrange(10**15)),
        (pa.date32(), lambda: rng.randrange(10**4)),
        (pa.decimal128(9, 2), lambda: None),
        (pa.null(), lambda: None),
        (pa.struct([("x", pa.int32())]), lambda: {"x": 1}),
    ]
    kind, value = rng.choice(scalars)
    wanted = {"pkts_len": 1, "pkts_dir": 1, "pkts_iat": 1, "ppi": 2}.get(name, 0)
    depth = wanted if rng.random() < 0.9 else rng.randrange(3)
    sizes = [rng.choice((0, 1, 2, 3)) for _ in range(rows)]
    if rng.random() < 0.7:
        right = {
            "app": (pa.string(), lambda: rng.choice("abc")),
            "pkts_len": (pa.int32(), lambda: rng.randrange(-5 if rng.random() < 0.1 else 0, 1500)),
            "pkts_dir": (pa.int8(), lambda: rng.choice((1, -1))),
        }
        kind, value = right.get(name, (pa.float64(), lambda: rng.random()))
        sizes = [2] * rows

    def cell(level: int, size: int) -> Any:
        if rng.random() < 0.03:
            return None
        return value() if level == 0 else [cell(level - 1, size) for _ in range(size if level < 2 else 3)]

    for _ in range(depth):
        kind = rng.choice(kinds_of_lists())(kind)
    column = pa.array([cell(depth, size) for size in sizes], kind)
    if depth == 0 and rng.random() < 0.3 and pa.types.is_large_string(kind) | pa.types.is_string(kind):
        column = column.dictionary_encode()
    if depth == 1 and rng.random() < 0.2:
        column = pa.array([None if cell is None else str(cell.as_py()) for cell in column], pa.string())
    return column
