"""Ways to change an input so that it stays nearly what a reader expects.

Each is a function of the input, of other inputs that lend pieces, and of a source of randomness. All take any bytes:
what has lost the form that they know is changed as plain bytes.
"""

from __future__ import annotations

import bz2
import contextlib
import copy
import gzip
import io
import json
import lzma
import random
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Mutation = Callable[[bytes, Sequence[bytes], random.Random], bytes]

_BYTES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\r\n", b'"', b"\\", b"[" * 3000, b"{", b"\xed\xb2\x80", b"\x1b[31m")

_NUMBERS_AS_TEXT = (
    *(b"-1", b"0", b"1e400", b"NaN", b"Infinity", b"null", b"99999999999999999999", b"0.5", b'"x"', b"[]", b"\xff"),
    b"9" * 5000,
)

_NUMBERS = (
    *(0, 1, 2, 3, 4, 7, 8, 9, 11, 12, 16, 28, 60, 64, 127, 255, 0xFFFF, 0x10000, 262_144, 262_145, 32_767, 32_768),
    *(3_000_000_000, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1),
)

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, -0.0, 5e-324, 1e15, 1.7e308, -1.7e308, 10**400, -(10**30), 2**63, float("nan"),
    float("inf"), "", "x", "0", "\ud800", "a\udfffb", "\x00", "a\nb", "\x1b[2J", "\u202eabc", "<script>", "|", "`",
    "\\", "[x](http://x)", "../../x", "/dev/null", "readme", "x" * 3_000, "é", "\U0001f600", [], {}, [1], [None],
    {"a": 1}, {"": ""}, {"\ud800": 1}, [[[[]]]], ["\ud800"], "fidelity/x", "tradeoff/x", "ok", "failed", "min", "max",
    *_NUMBERS[-8:], 2**62, 10**30,
)  # fmt: skip

# What a library raises for what has lost its form.
_LOST = (
    *(AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, EOFError, OSError),
    *(RuntimeError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
)


def plain(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One to eight changes of bytes: numbers replaced, parts cut, repeated, zeroed, moved or taken from another."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        # Parquet and zip keep what matters at the end.
        span = len(data) if rng.random() < 0.5 else min(len(data), 600)
        at = len(data) - 1 - rng.randrange(span) if span else 0
        size = rng.choice((1, 2, 4, 8, 16, 64, 300, 512))
        match rng.randrange(11):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + size] = rng.randbytes(size)
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = rng.choice(_BYTES)
            case 4:
                data[at:at] = data[max(0, at - size) : at] * rng.choice((1, 3, 50))
            case 5:
                del data[rng.randrange(len(data) + 1) :]
            case 6 if others:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                data[at : at + size] = other[start : start + size]
            case 7:
                data[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(_NUMBERS))
            case 8:
                data[at : at + size] = bytes(len(data[at : at + size]))
            case 9 if data:
                data[at] = rng.choice((0, 1, 2, 4, 8, 0x0A, 0x40, 0x45, 0x60, 0x7F, 0x80, 0xFE, 0xFF))
            case _:
                found = list(re.finditer(rb"[0-9]+", data[:100_000]))
                if found:
                    number = rng.choice(found)
                    data[number.start() : number.end()] = rng.choice(_NUMBERS_AS_TEXT)
    return bytes(data)


def _or_plain(change: Callable[[bytes, Sequence[bytes], random.Random], bytes], share: float) -> Mutation:
    """`change` in that share of cases, and where the input has the form that it needs; plain bytes otherwise."""

    def mutation(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        if rng.random() < share:
            with contextlib.suppress(*_LOST):
                return change(content, others, rng)
        return plain(content, others, rng)

    return mutation


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below `value`, each a tuple of keys and places."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, one in inside for found in paths(one, (*path, key)))]


def other_value(value: Any, rng: random.Random) -> Any:
    """A JSON value with one change somewhere in it: a value replaced, a key deleted, added or renamed."""
    places = paths(value)
    if not places:
        return rng.choice(VALUES)
    value = copy.deepcopy(value)
    *way, last = rng.choice(places)
    parent = value
    for key in way:
        parent = parent[key]
    old, new, what = parent[last], copy.deepcopy(rng.choice(VALUES)), rng.random()
    if isinstance(parent, dict) and what < 0.25:
        if what < 0.1:
            del parent[last]
        else:
            name = rng.choice([one for one in VALUES if isinstance(one, str)])
            parent[name] = new if what < 0.2 else parent.pop(last)
    elif what > 0.7:
        parent[last] = new
    elif isinstance(old, bool):
        parent[last] = not old
    elif isinstance(old, int):
        parent[last] = rng.choice([0, 1, 2, 12, 13, 10**6, 10**12, old + 1])
    elif isinstance(old, float):
        parent[last] = old * rng.choice([-1, 0, 2, 1e3, 1e12, 1e-300]) + rng.choice([0, 1e-9, 0.5])
    elif isinstance(old, str) and old[:1] in ("[", "{"):
        parent[last] = _dumped(other_value(json.loads(old), rng))
    elif isinstance(old, str):
        at = rng.randrange(len(old) + 1)
        parent[last] = old[:at] + chr(rng.choice([*range(32, 128), 0xD800, 0x202E])) + old[at:]
    else:
        parent[last] = new
    return value


def _dumped(value: Any, **options: Any) -> str:
    return json.dumps(value, **options)


def _encoded(value: Any, rng: random.Random) -> bytes:
    return _dumped(value, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass")


def _json(content: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    value = json.loads(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        value = other_value(value, rng)
    return _encoded(value, rng)


def _lines(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    if rng.random() < 0.3:
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(rng.choice(others).split(b"\n")))
    at = rng.randrange(len(lines))
    lines[at] = _json(lines[at], others, rng)
    return b"\n".join(lines)


def _tensors(content: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    """Other numbers, types, shapes or names of tensors. https://github.com/huggingface/safetensors#format"""
    size = int.from_bytes(content[:8], "little")
    head, numbers = json.loads(content[8 : 8 + size]), bytearray(content[8 + size :])
    name = rng.choice(sorted(head))
    begin, end = head[name].get("data_offsets", (0, len(numbers)))
    what = rng.random()
    if what < 0.6 and end > begin:
        width = rng.choice([1, 2, 4, 8])
        first = rng.randrange(begin, end, width)
        last = min(end, first + width * rng.choice([1, 1, 2, 1 << 20]))
        word = rng.choice([b"\x00", b"\xff", b"\x7f", b"\x80", rng.randbytes(1)]) * width
        if rng.random() < 0.3:
            word = rng.choice(_NUMBERS).to_bytes(8, "little")[:width]
        numbers[first:last] = (word * (last - first))[: last - first]
    elif what < 0.8 or "shape" not in head[name]:
        head = other_value(head, rng)
    else:
        shape = head[name]["shape"]
        head[name]["shape"] = rng.choice([[], [0], [0, 3_000_000_000], [*shape, 1], shape[::-1]])
        head[name]["dtype"] = rng.choice([head[name]["dtype"], "F32", "I64", "I16", "BF16", "BOOL", "F64", "U8"])
    text = _dumped(head).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + bytes(numbers)


as_json = _or_plain(_json, 0.8)
as_json_lines = _or_plain(_lines, 0.9)
as_tensors = _or_plain(_tensors, 0.8)


def as_gzip(inside: Mutation) -> Mutation:
    """Half of the changes are made to what is compressed, half to the compressed bytes."""
    return _or_plain(lambda content, _, rng: gzip.compress(inside(gzip.decompress(content), (), rng)), 0.5)


_PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
_UNPACK = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
_KINDS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"\0", b"S", b"x", b"L")


def as_archive(ending: str, inside: Mutation) -> Mutation:
    """For an archive with a name that ends so: its first member changed, with hostile members, or damaged."""
    pack, unpack = (by.get(Path(f"a{ending}").suffix, bytes) for by in (_PACK, _UNPACK))

    def change(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        what = rng.randrange(3)
        if ending == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as opened:
                name = opened.namelist()[0]
                document = opened.read(name)
            packed = archive(_members(name, inside(document, (), rng) if what else document, rng), ending, rng)
            return packed if what else plain(packed, others, rng)
        raw = unpack(content)
        if what == 0:
            return pack(plain(raw, others, rng))
        with tarfile.open(fileobj=io.BytesIO(raw)) as opened:
            first = opened.getmembers()[0]
            document = opened.extractfile(first).read()  # type: ignore[union-attr]
        return archive(_members(first.name, inside(document, (), rng), rng), ending, rng)

    return _or_plain(change, 0.8)


def archive(members: Sequence[tuple[str, bytes]], ending: str, rng: random.Random | None = None) -> bytes:
    """An archive of files, by their names, in the format of that ending; with `rng`, sometimes with what harms."""
    packed = io.BytesIO()
    if ending == ".zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
            for number, (name, document) in enumerate(members):
                entry = zipfile.ZipInfo(name or str(number))
                entry.compress_type = zipfile.ZIP_DEFLATED
                if rng is not None and rng.random() < 0.1:
                    entry.external_attr = rng.choice((0o120777, 0o10644)) << 16
                    entry.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
                if entry.filename not in opened.NameToInfo:
                    opened.writestr(entry, document)
        return packed.getvalue()
    form = tarfile.PAX_FORMAT if rng is None else rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
    with tarfile.open(fileobj=packed, mode="w", format=form) as made:
        for name, document in members:
            about = tarfile.TarInfo(name)
            about.size = len(document)
            if rng is not None and rng.random() < 0.05:
                about.type, about.linkname = rng.choice(_KINDS), rng.choice(("/etc/passwd", "a", "../x"))
            made.addfile(about, io.BytesIO(document))
    return _PACK.get(Path(f"a{ending}").suffix, bytes)(packed.getvalue())


def _members(name: str, document: bytes, rng: random.Random) -> list[tuple[str, bytes]]:
    """The document, and sometimes others, with names that lead elsewhere, are the same, or are many."""
    if rng.random() < 0.6:
        return [(name, document)]
    names = [name, f"../{name}", f"/{name}", f"a/../../{name}", f"..\\{name}", f"{'x' * 300}/{name}", "", f"a\0/{name}"]
    more = [(rng.choice(names), rng.choice((document, b"", b"{}"))) for _ in range(rng.choice((1, 2, 300)))]
    return rng.sample([(name, document), *more], len(more) + 1)


def to_folder(files: Mapping[str, bytes]) -> bytes:
    """A folder as one input: a zip archive of its files, by their paths."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def from_folder(content: bytes) -> dict[str, bytes]:
    """What `to_folder` was given; nothing for what has lost that form."""
    with contextlib.suppress(*_LOST), zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
    return {}


def as_folder(content: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    """One or two changes to files of a folder, each as its ending asks for."""
    files = from_folder(content)
    by_ending = {".json": as_json, ".jsonl": as_json_lines, ".safetensors": as_tensors}
    for _ in range(rng.choice((1, 1, 2))):
        if files:
            name = rng.choice(sorted(files))
            files[name] = by_ending.get(Path(name).suffix, plain)(files[name], [*files.values()], rng)
    return to_folder(files)
