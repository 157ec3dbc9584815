"""NetShare as small as it can be, trained for a few steps, and traces whose chunks are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ntgbench_netshare.decoding import Parts
from ntgbench_netshare.encoding import Part, encoded
from ntgbench_netshare.generator import NetShare
from ntgbench_netshare.parameters import NetShareParameters
from ntgbench_netshare.training import Rows

from ntgbench.interfaces import Context
from ntgbench.mapping.words import Words
from ntgbench.traffic.trace import TCP, PacketTrace

if TYPE_CHECKING:
    from ntgbench_netshare.layout import Layout

TINY: dict[str, Any] = {
    "hidden": 8, "lstm": 6, "noise": 3, "longest": 12, "batch": 8, "critic_steps": 1, "steps": 2, "later_steps": 1,
    "chunks": 4,
}  # fmt: skip


_WORDS: dict[str, Words] = {}
"""By the digest of a trace: to learn them takes longer than all else."""


def tiny(**changes: Any) -> NetShareParameters:
    """Settings that train at once."""
    return replace(NetShareParameters(**TINY), **changes)


def fitted(train: PacketTrace, seed: int = 1, **changes: Any) -> NetShare:
    """The system after a training with these settings."""
    system = NetShare(tiny(**changes))
    system.fit(train, Context(seed=seed))
    return system


def numbers(train: PacketTrace, **changes: Any) -> tuple[Layout, dict[int, Part]]:
    """The layout of a trace, and its chunks."""
    digest = train.digest()
    if digest not in _WORDS:
        _WORDS[digest] = Words.learn(train, 1)
    return encoded(train, _WORDS[digest], tiny(**changes))


def parts_of(layout: Layout, parts: dict[int, Part]) -> tuple[Parts, np.ndarray, np.ndarray]:
    """What sampling would make if the networks made exactly the training trace, each part a flow of its own."""
    attributes, fields, number, chunk = [], [], [], []
    for k, part in sorted(parts.items()):
        attributes.append(Rows(part, layout.longest, torch.device("cpu")).attributes.numpy())
        rows = [np.arange(a, a + n) for a, n in zip(part.first, part.count, strict=True)]
        fields.append(part.fields[np.concatenate(rows)])
        number.append(part.count)
        chunk.append(np.full(len(part), k))
    whole = np.concatenate(attributes)
    made = Parts(whole, np.arange(len(whole)), np.concatenate(chunk))
    return made, np.concatenate(fields), np.concatenate(number)


def flows(times: dict[int, list[int]]) -> PacketTrace:
    """A TCP flow for each client port, with packets at these milliseconds."""
    port = np.repeat(list(times), [len(one) for one in times.values()])
    at = np.concatenate([np.array(one, np.int64) for one in times.values()])
    return PacketTrace.of(
        time_ns=10**18 + at * 10**6,
        source=np.full(len(at), 1),
        destination=np.full(len(at), 2),
        source_port=port,
        destination_port=np.full(len(at), 443),
        protocol=np.full(len(at), TCP),
        ip_length=40 + port % 100,
        ttl=np.full(len(at), 64),
    ).sorted_by_time()
