"""Ways to damage a file, and tables of any types: what `fuzz_tables` tries its readers with."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_NUMBERS = (
    b"-1",
    b"0",
    b"1e400",
    b"NaN",
    b"Infinity",
    b"null",
    b"99999999999999999999",
    b"0.5",
    b'"x"',
    b"[]",
    b"\xff",
)
_BYTES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\r\n", b'"', b"\\", b"[" * 3000, b"{", b"\xed\xb2\x80", b"\x1b[31m")


def damaged(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """`content` with one to four changes; `others` lend pieces."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        # Parquet and zip keep what matters at the end.
        span = len(data) if rng.random() < 0.5 else min(len(data), 600)
        at = len(data) - 1 - rng.randrange(span) if span else 0
        size = rng.choice((1, 2, 4, 8, 64, 512))
        kind = rng.randrange(8)
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = rng.choice(_BYTES)
        elif kind == 4:
            data[at:at] = data[max(0, at - size) : at] * rng.choice((1, 3, 50))
        elif kind == 5:
            del data[rng.randrange(len(data) + 1) :]
        elif kind == 6:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            data[at : at + size] = other[start : start + size]
        else:
            found = list(re.finditer(rb"[0-9]+", data))
            if found:
                number = rng.choice(found)
                data[number.start() : number.end()] = rng.choice(_NUMBERS)
    return bytes(data)


def table(rng: random.Random) -> Any:
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
        kind = rng.choice((pa.list_, pa.list_, pa.large_list, pa.list_view, pa.large_list_view))(kind)
    column = pa.array([cell(depth, size) for size in sizes], kind)
    if depth == 0 and rng.random() < 0.3 and pa.types.is_large_string(kind) | pa.types.is_string(kind):
        column = column.dictionary_encode()
    if depth == 1 and rng.random() < 0.2:
        column = pa.array([None if cell is None else str(cell.as_py()) for cell in column], pa.string())
    return column


def repacked(content: bytes, name: str, others: Sequence[bytes], rng: random.Random) -> bytes:
    """An archive of one damaged member, or a damaged archive, or damaged in its compressed form."""
    where = rng.randrange(3)
    inner = damaged(content, others, rng) if where == 0 else content
    packed = io.BytesIO()
    member = f"{rng.choice(('a/', '', '../', '/'))}1_com.app_x.json" if rng.random() < 0.1 else "1_com.app_x.json"
    if name.endswith(".zip"):
        method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        with zipfile.ZipFile(packed, "w", method) as archive:
            archive.writestr(member, inner)
        return packed.getvalue() if where == 0 else damaged(packed.getvalue(), others, rng)
    with tarfile.open(fileobj=packed, mode="w", format=rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as tar:
        about = tarfile.TarInfo(member if rng.random() < 0.7 else f"{'x' * 200}/{member}")
        about.size = len(inner)
        tar.addfile(about, io.BytesIO(inner))
    whole = damaged(packed.getvalue(), others, rng) if where == 1 else packed.getvalue()
    compress = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(Path(name).suffix, bytes)
    return damaged(compress(whole), others, rng) if where == 2 else compress(whole)
