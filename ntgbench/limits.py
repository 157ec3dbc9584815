"""Limits on the memory that reading a file takes: a file of some kilobytes can expand to many gigabytes."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

from ntgbench.errors import DatasetError

SIZE_LIMIT = 8 * 2**30
"""Default limit, in bytes, on the memory that the content of one file or archive may expand to."""

VARIABLE = "NTGBENCH_SIZE_LIMIT"
"""Environment variable: the limit in GiB, in place of SIZE_LIMIT."""

GIB = 2**30


def size_limit() -> int:
    """The limit in bytes for commands without an option for it. Raises DatasetError for a bad VARIABLE."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return SIZE_LIMIT
    try:
        gib = float(text)
    except ValueError:
        gib = math.nan
    if not 0 < gib < math.inf:
        raise DatasetError(f"{VARIABLE} must be a number of GiB above 0, not {text!r}")
    return math.ceil(gib * GIB)


class Allowance:
    """Counts the bytes that a file has expanded to, and refuses it above the limit.

    Args:
        path: the file that is read, named in the error.
        limit: bytes; None takes `size_limit()`.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.path = path
        self.limit = size_limit() if limit is None else limit
        self.taken = 0

    def take(self, size: int) -> None:
        """Add `size` bytes. Raises DatasetError when the total is above the limit."""
        self.taken += size
        if self.taken > self.limit:
            raise DatasetError(f"its content needs {self.taken / GIB:,.2f} GiB of memory or more, {self.advice()}")

    def advice(self) -> str:
        """The size of the file, the limit, and how to raise it."""
        try:
            size = f"the file has {self.path.stat().st_size / 1e6:,.3f} MB; " if self.path.is_file() else ""
        except OSError:
            size = ""
        return (
            f"over the limit of {self.limit / GIB:,.4g} GiB ({size}if you trust it, raise the limit with "
            f"`ntgbench datasets import --size-limit GIB` or {VARIABLE}=GIB)"
        )


@contextlib.contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Let this process allocate at most `more` bytes of address space while the block runs; above it, MemoryError.

    For libraries that allocate whatever the header of a damaged file says. Without effect where the system has no such
    limit (macOS).
    """
    import resource

    import psutil

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = psutil.Process().memory_info().vms + more
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (min([wanted, *known]), hard))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
