"""Three flows of two classes, as tables spell them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

LENGTHS = [[517, 1448, 64], [100], [30, 40, 50, 60]]
UPSTREAM = [[True, False, True], [True], [True, True, False, False]]
GAPS = [[0.0, 0.5, 0.25], [0.0], [0.0, 1.0, 2.0, 4.0]]
APPS = ["web", "chat", "web"]


def flat(rows):
    return [value for row in rows for value in row]


def signs(up=1, down=-1):
    return [[up if way else down for way in flow] for flow in UPSTREAM]


def spelt(rows, kind):
    """Rows as values of a column type: numbers, lists of text, or text that spells lists."""
    if "string" not in str(kind):
        return rows
    return [[str(value) for value in row] for row in rows] if "list" in str(kind) else [str(row) for row in rows]


def write(path, columns):
    table = pa.table(columns)
    if not path.name.endswith(".parquet"):
        pa.csv.write_csv(table, path)
        return path
    try:
        pq.write_table(table, path)
    except pa.ArrowNotImplementedError as error:  # list views are written by pyarrow 25 and later
        pytest.skip(f"pyarrow {pa.__version__} cannot write such a file: {error}")
    return path


def check(flows):
    assert flows.classes == ("chat", "web")
    assert [flows.classes[code] for code in flows.label] == APPS
    expected = [v if way else -v for v, way in zip(flat(LENGTHS), flat(UPSTREAM), strict=True)]
    assert flows.signed_pl.tolist() == expected
    assert flows.offsets.tolist() == [0, 3, 4, 8]
