"""Made captures written to a file and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ntgbench.traffic.capture import Capture, read_capture

if TYPE_CHECKING:
    from pathlib import Path

BOTH_ORDERS = pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])


def read(tmp_path: Path, data: bytes, **options: bool) -> Capture:
    """The capture that `data` is; its name says nothing of its format."""
    path = tmp_path / "made.cap"
    path.write_bytes(data)
    return read_capture(path, **options)


def payloads(capture: Capture) -> list[int]:
    """Payload length of each packet that is kept."""
    return capture.trace.payload_length.tolist()
