"""Columns of tables with a row for each packet, as numbers: whatever type a table holds them in.

All readers here take a part of a column, its name, and the row of the table at which the part begins. They raise
DatasetError, naming the column and the row, for a value that is neither missing nor what the column should hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.traffic.trace import ipv4_address
from ntgbench.traffic.trace_files import address_halves
from ntgbench.words import shown

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    import pyarrow as pa

Mask = npt.NDArray[np.bool_]

IP_FLAGS = {"MF": 1, "DF": 2, "evil": 4}
"""Numbers of the IPv4 flags, by the names that scapy writes; it joins several by "+"."""

PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "sctp": 132}
"""Numbers of IP protocols by their usual names (https://www.iana.org/assignments/protocol-numbers)."""

MOST_SECONDS = 3e9
"""Times with a fraction, none of them larger than this, are seconds in CascadeNet's evaluation; all others are us."""

_LONGEST_NS = 2**62  # 146 years before and after 1970: the difference of two such times fits int64


def whole_numbers(
    column: pa.Array, name: str, begin: int, limits: tuple[int, int], changes: Counter[str]
) -> tuple[npt.NDArray[np.int64], Mask]:
    """The values as integers within the limits, and which rows have one; NaN and infinity are none.

    A fraction is cut off, as CascadeNet's evaluation does with int(), and what is out of range is clipped; `changes`
    counts both.
    """
    found = _numbers(plain(column), name, begin)
    there, values = _valid(found), found.fill_null(0).to_numpy(zero_copy_only=False)
    if values.dtype == np.float64:
        there &= np.isfinite(values)
        exact = np.where(there, values, 0)
        values = np.trunc(exact)
        changes[f"cut off the fraction of {{}} [value|values] of {name}"] += int((values != exact).sum())
    clipped = np.clip(values, *limits)
    wrong = there & (clipped != values)
    changes[f"clipped {{}} [value|values] of {name} to {limits[0]}..{limits[1]}"] += int(wrong.sum())
    return clipped.astype(np.int64), there


def addresses(column: pa.Array, name: str, begin: int, changes: Counter[str]) -> tuple[npt.NDArray[np.uint64], Mask]:
    """Addresses as `PacketTrace` holds them, uint64 (N, 2), and which rows have one.

    All are text such as 10.0.0.1 or 2001:db8::1, or all are IPv4 addresses as numbers, see `whole_numbers`.
    """
    column = plain(column)
    if _are_numbers(column.drop_null().slice(0, 1)):
        values, there = whole_numbers(column, name, begin, (0, 2**32 - 1), changes)
        return ipv4_address(values.astype(np.uint32)), there
    return _by_text(column, name, begin, address_halves, "an IP address", np.zeros(2, np.uint64)), _valid(column)


def ip_flags(column: pa.Array, name: str, begin: int, changes: Counter[str]) -> tuple[npt.NDArray[np.int64], Mask]:
    """IPv4 flags 0..7, and which rows state them: names as scapy writes them, such as DF or MF+DF, or numbers."""
    column = plain(column)
    if _are_numbers(column):
        return whole_numbers(column, name, begin, (0, 7), changes)
    return _by_text(column, name, begin, _flags_of, "a set of flags such as DF or MF+DF", np.int64(0)), _valid(column)


def protocols(column: pa.Array, name: str, begin: int, changes: Counter[str]) -> tuple[npt.NDArray[np.int64], Mask]:
    """IP protocols 0..255, and which rows have one: names such as tcp and UDP, or numbers."""
    column = plain(column)
    if _are_numbers(column):
        return whole_numbers(column, name, begin, (0, 255), changes)
    return _by_text(column, name, begin, _protocols_of, "a protocol such as tcp or udp", np.int64(0)), _valid(column)


def _protocols_of(texts: pa.Array) -> npt.NDArray[np.int64]:
    """The number of each protocol. Raises KeyError for a name that is not known."""
    return np.array([PROTOCOLS[text.strip().lower()] for text in texts.to_pylist()], np.int64)


def _flags_of(texts: pa.Array) -> npt.NDArray[np.int64]:
    """The number of each set of flags. Raises KeyError for a name that is no flag."""
    names = [{name.strip() for name in text.split("+")} - {"", "nan"} for text in texts.to_pylist()]
    return np.array([sum(IP_FLAGS[name] for name in flags) for flags in names], np.int64)


def times(column: pa.Array, name: str, begin: int) -> pa.Array:
    """Times as they are written: int64, decimals with 9 digits, or float64 for a type of floats or for more digits."""
    import pyarrow as pa

    column = plain(column)
    if pa.types.is_floating(column.type):
        return column.cast(pa.float64())
    found = _numbers(column, name, begin)
    if pa.types.is_floating(found.type):
        try:
            return column.cast(pa.decimal128(38, 9))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    return found


def nanoseconds(parts: list[pa.Array], digits: int | None) -> tuple[npt.NDArray[np.int64], Mask]:
    """Times in ns of a column of which `times` gave the parts, and which rows have one that is in range.

    Args:
        parts: the parts of the column.
        digits: after the point that ns are: 9 for seconds, 3 for us, 0 for ns. None means us, or seconds where values
            have fractions and none is larger than `MOST_SECONDS`.
    """
    import pyarrow as pa

    rough = [part.cast(pa.float64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False) for part in parts]
    if digits is None:
        whole = all(pa.types.is_integer(part.type) for part in parts)
        largest = max((values[np.isfinite(values)].max(initial=0) for values in rough), default=0)
        digits = 3 if whole or largest > MOST_SECONDS else 9
    converted = []
    there = []
    for part, values in zip(parts, rough, strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            fits = _valid(part) & (np.abs(values) * 10**digits < _LONGEST_NS)
        if pa.types.is_floating(part.type):
            found = _rounded(np.where(fits, values, 0), digits)
        elif pa.types.is_decimal(part.type):
            found = _scaled(part, digits)
        else:
            found = np.where(fits, part.fill_null(0).to_numpy(zero_copy_only=False), 0) * 10**digits
        converted.append(np.where(fits, found, 0))
        there.append(fits)
    return np.concatenate(converted), np.concatenate(there)


def _scaled(part: pa.Array, digits: int) -> npt.NDArray[np.int64]:
    """The decimals times 10**digits, rounded: exact for those that fit 64 bits, anything for the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held = pc.round(part, digits).cast(pa.decimal128(38, digits))
    # A decimal of Arrow is an integer of 128 bits, of which the lower 64 come first.
    begin = int(held.offset)
    found: npt.NDArray[np.int64] = np.frombuffer(held.buffers()[1], np.int64)[::2][begin : begin + len(part)]
    return found


def _rounded(values: npt.NDArray[np.float64], digits: int) -> npt.NDArray[np.int64]:
    """The values times 10**digits; seconds since 1970 to whole us, since float64 cannot tell ns apart there."""
    if digits == 9 and np.spacing(np.abs(values).max(initial=0)) > 1e-9:
        return np.rint(values * 1e6).astype(np.int64) * 1000
    whole = np.trunc(values)
    unit: int = 10**digits
    return whole.astype(np.int64) * unit + np.rint((values - whole) * unit).astype(np.int64)


def plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary, text of any type as strings."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    is_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    return column.cast(pa.string()) if is_text else column


def _numbers(column: pa.Array, name: str, begin: int) -> pa.Array:
    """The column as int64 or, where a value does not fit, as float64."""
    import pyarrow as pa

    try:
        for kind in (pa.int64(), pa.float64()):
            try:
                return column.cast(kind, safe=kind == pa.int64())
            except pa.ArrowInvalid:
                pass
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise DatasetError(f"column {name!r} must hold numbers, not {column.type}") from error
    raise _refused(column, name, begin, lambda part: part.cast(pa.float64()), "a number")


def _by_text(
    column: pa.Array, name: str, begin: int, read: Callable[[pa.Array], npt.NDArray[Any]], wanted: str, missing: Any
) -> npt.NDArray[Any]:
    """What `read` makes of each text, worked out once for equal ones, and `missing` where there is none."""
    texts = column.dictionary_encode()
    try:
        known = read(texts.dictionary)
    except (ValueError, KeyError) as error:
        raise _refused(column, name, begin, read, wanted) from error
    code = texts.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    found: npt.NDArray[Any] = np.concatenate([known, [missing]])[code]
    return found


def _are_numbers(column: pa.Array) -> bool:
    """Whether this is no text, or text that spells numbers."""
    import pyarrow as pa

    try:
        return not pa.types.is_string(column.type) or column.cast(pa.float64()) is not None
    except pa.ArrowInvalid:
        return False


def _valid(column: pa.Array) -> Mask:
    found: Mask = np.array(column.is_valid().to_numpy(zero_copy_only=False))
    return found


def _refused(column: pa.Array, name: str, begin: int, read: Callable[[pa.Array], object], wanted: str) -> DatasetError:
    """The error for the first value that `read` refuses, which is found by halving."""
    import pyarrow as pa

    def refuses(part: pa.Array) -> bool:
        try:
            read(part.drop_null())
        except (pa.ArrowInvalid, ValueError, KeyError):
            return True
        return False

    first, count = 0, len(column)
    while count > 1:
        half = count // 2
        first, count = (first, half) if refuses(column.slice(first, half)) else (first + half, count - half)
    return DatasetError(f"column {name!r}, row {begin + first}: {shown(column[first].as_py())} is not {wanted}")
