"""Damaged captures: mutants of small files, and what reading one must do."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.segmentation import flow_table, segment

BYTES = (0, 1, 2, 4, 8, 0x0A, 0x40, 0x45, 0x60, 0x7F, 0x80, 0xFE, 0xFF)
NUMBERS = (0, 1, 7, 12, 16, 28, 60, 0xFFFF, 0x10000, 262_144, 262_145, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1)


def damaged(file: bytes, dice: random.Random) -> bytes:
    """A mutant: cut, with bytes and numbers changed, and with parts zeroed, repeated, moved or left out."""
    data = bytearray(file)
    if dice.random() < 0.15:
        del data[dice.randrange(len(data) + 1) :]
    for _ in range(dice.randrange(1, 9)):
        if not data:
            break
        at, span = dice.randrange(len(data)), dice.choice((1, 2, 4, 16, 70, 300))
        match dice.randrange(8):
            case 0 | 1 | 2:
                data[at] = dice.choice((*BYTES, dice.randrange(256)))
            case 3 | 4:
                number = struct.pack(dice.choice("<>") + "I", dice.choice(NUMBERS))
                data[at : at + 4] = number
            case 5:
                data[at : at + span] = bytes(len(data[at : at + span]))
            case 6:
                part = data[at : at + span]
                to = dice.randrange(len(data))
                data[to:to] = part * dice.choice((1, 1, 3))
            case _:
                del data[at : at + span]
    return bytes(data)


def read_it(path: Path, inner: bool) -> bool:
    """Whether it is a capture at all: then every packet is accounted for, and the packets make flows."""
    try:
        capture = read_capture(path, inner=inner, size_limit=2**24)
    except CaptureError:
        return False
    assert len(capture.trace) + sum(capture.left_out.values()) == capture.packets
    assert (capture.trace.time_ns[1:] >= capture.trace.time_ns[:-1]).all()
    segmentation = segment(capture.trace)
    assert segmentation.flow.shape == (len(capture.trace),)
    flow_table(capture.trace, segmentation, "app")
    return True
