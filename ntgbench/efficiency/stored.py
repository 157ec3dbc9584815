"""The size of a saved system on disk, and the numbers in its files."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def stored_numbers(folder: Path) -> tuple[float | None, float | None]:
    """Count of numbers in the safetensors and ONNX files below `folder`, and the percentage of them in 8 bits.

    Both None without such a file. https://huggingface.co/docs/safetensors: a length of 8 bytes, a head in JSON.
    """
    total = short = 0
    for path in folder.rglob("*.safetensors"):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            head = json.loads(file.read(length))
        for name, tensor in head.items():
            if name != "__metadata__":
                count = math.prod(tensor["shape"])
                total += count
                short += count if tensor["dtype"] in ("I8", "U8") else 0
    for path in folder.rglob("*.onnx"):
        import onnx

        for stored in onnx.load(path, load_external_data=False).graph.initializer:
            count = math.prod(stored.dims)
            total += count
            short += count if stored.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8) else 0
    return (float(total), 100.0 * short / total) if total else (None, None)
