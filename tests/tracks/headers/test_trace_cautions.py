"""What keeps a split trace from ranking systems: too few packets or connections, too short a time, two loads."""

import numpy as np
import pytest

from ntgbench.plugins import registry
from ntgbench.traffic.trace import TCP, PacketTrace

TRACK = registry().track("headers")
ENOUGH = 1_000


def made(packets: int = ENOUGH, connections: int = 100, gap_ns: int = 10**6) -> PacketTrace:
    """Evenly spaced packets; connections in turn."""
    number = np.arange(packets)
    port, zero = 1024 + number % connections, np.zeros(packets, np.int64)
    return PacketTrace.of(
        time_ns=gap_ns * number, source=zero + 1, destination=zero + 2, source_port=port, destination_port=zero + 80,
        protocol=zero + TCP, ip_length=zero + 40, ttl=zero + 64,
    )  # fmt: skip


FEW = "999 training and 1,000 held-out packets: with fewer than 1,000, chance moves every metric"
NONE = "1,000 training and 29 held-out packets: no ranks"
ALIKE = "{} training and {} held-out connections: with fewer than 100, a few connections decide what metrics say"
SHORT = "999,000,000 training and {} held-out ns from first to last packet: with fewer than 1,000,000, gaps are rounded"
LOADS = "the {} trace has {} times as many packets a second as the {} trace: metrics of time compare two loads"


@pytest.mark.parametrize(
    ("train", "test", "texts"),
    [
        (made(), made(), []),
        (made(999), made(), [FEW]),
        (made(), made(29), [NONE, ALIKE.format(100, 29)]),
        (made(connections=99), made(connections=500), [ALIKE.format(99, 500)]),
        (made(), made(gap_ns=1000), [SHORT.format("999,000")]),
        (made(), made(gap_ns=0), [SHORT.format(0)]),
        (made(), made(gap_ns=10**5), []),
        (made(), made(gap_ns=10**4), [LOADS.format("held-out", 100, "training")]),
        (made(gap_ns=10**4), made(), [LOADS.format("training", 100, "held-out")]),
    ],
)
def test_cautions_name_what_is_too_small(train: PacketTrace, test: PacketTrace, texts: list[str]):
    found = TRACK.cautions(train, test)
    assert [one.text for one in found] == texts
    assert [one.unranked for one in found] == ["no ranks" in text for text in texts]
