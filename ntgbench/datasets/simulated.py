"""The dataset `simulated`: class-conditional semi-Markov traffic whose true distribution is known.

A biflow moves through the states of its class (`simulated.toml`): it stays in a state for a drawn number of packets,
then changes to another. The size of a packet depends on the state and on the client variant of its session. So dwell
times are not those of a first-order chain, and the sizes of all packets of a session depend on each other. Every draw
is an integer taken from the raw 64-bit words of PCG64, whose stream numpy guarantees: the traffic is the same on every
machine.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import itemgetter
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.flows import FlowTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ntgbench.traffic.biflows import Biflows

SEED = 20260326  # of the dataset in the catalogue
PACKETS = 30  # of a biflow at most
SESSION = 12  # biflows of a session; the last session of a class may have fewer

_SLOTS, _LONG_SLOTS = 16, 32
_IAT_QUANTILES, _IAT_SIGMA = 1024, 1.0

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Model:
    """The traffic model as tables of equally likely slots: C classes, V client variants, S states."""

    classes: tuple[str, ...]
    states: tuple[str, ...]
    biflows: Integers  # (C,). Biflows of each class
    upstream: npt.NDArray[np.bool_]  # bool (S,). Direction of each state's packets
    start: Integers  # (C, 16). First state
    following: Integers  # (C, S, 16). State after each state
    dwell: Integers  # (C, S, 16). Packets spent in a state
    sizes: Integers  # (C, V, S, 16). Payload bytes
    noise: Integers  # (C,). How many in 256 packets draw their size evenly from `bounds` instead
    bounds: Integers  # (S, 2). Smallest and largest size of such a packet
    packets: Integers  # (C, 32). Packets of a biflow
    variants: Integers  # (C, 32). Client variant of a session
    iat: Integers  # (S,). Median microseconds before a packet


def load(packets: int, pl_max: int) -> Biflows:
    """The dataset of the catalogue: 6,150 biflows of 12 classes in sessions of 12, with iat."""
    return simulate()[0].to_biflows(packets, pl_max)[0]


def simulate(seed: int = SEED, biflows: Integers | None = None) -> tuple[FlowTable, npt.NDArray[np.int8]]:
    """Flows of the model, and the true state of each packet, int8 (packets,).

    Args:
        seed: of the draw, 0..2**32-1.
        biflows: int64 (C,). Biflows of each class; None for as many as the model says.
    """
    model = truth()
    words = np.random.PCG64(seed)
    count = model.biflows if biflows is None else biflows
    label = np.repeat(np.arange(len(model.classes)), count)
    place = np.arange(len(label)) - np.repeat(np.cumsum(count) - count, count)
    first_of_session = place % SESSION == 0
    session = np.cumsum(first_of_session) - 1

    of_session = _field(words.random_raw(int(session[-1]) + 1), 0, 5)
    variant = model.variants[label[first_of_session], of_session][session]
    lengths = model.packets[label, _field(words.random_raw(len(label)), 0, 5)]
    raw = words.random_raw((len(label), PACKETS))
    state = _walk(model, label, raw)
    size = model.sizes[label[:, None], variant[:, None], state, _field(raw, 8, 4)]
    low, high = model.bounds[state, 0], model.bounds[state, 1]
    noisy = _field(raw, 12, 8) < model.noise[label][:, None]
    size = np.where(noisy, low + (_field(raw, 20, 16) * (high - low + 1) >> 16), size)
    microseconds = model.iat[state] * _iat_factors()[_field(raw, 36, 10)] >> 10

    sent = np.arange(PACKETS) < lengths[:, None]
    flows, _ = FlowTable.from_packets(
        counts=lengths,
        length=size[sent],
        upstream=model.upstream[state[sent]],
        class_of=label,
        iat=microseconds[sent] / 1e6,
        session=session,
        classes=model.classes,
    )
    return flows, state[sent].astype(np.int8)


@cache
def truth() -> Model:
    """The model behind the dataset, from which every distribution of its traffic follows."""
    content = tomllib.loads(resources.files(__package__).joinpath("simulated.toml").read_text("utf-8"))
    states: list[str] = content["states"]
    families = [value for value in content.values() if isinstance(value, dict) and "app" in value]
    apps = sorted((_inherit(family, app) for family in families for app in family["app"]), key=itemgetter("name"))

    def sizes_of(app: Mapping[str, Any], variant: int) -> Integers:
        rows = [app["sizes"][state] for state in states]
        # A variant that a family does not have is never drawn, so its last one may fill the place.
        return np.array([_slots(row[min(variant, len(row) - 1)] if isinstance(row, list) else row) for row in rows])

    def index(table: Mapping[str, int]) -> Integers:
        return _slots({str(states.index(state)): slots for state, slots in table.items()})

    variants = 1 + max(int(variant) for app in apps for variant in app["variants"])
    return Model(
        classes=tuple(app["name"] for app in apps),
        states=tuple(states),
        biflows=np.array([app["biflows"] for app in apps]),
        upstream=np.array([state in content["upstream"] for state in states]),
        start=np.array([index(app["start"]) for app in apps]),
        following=np.array([[index(app["next"][state]) for state in states] for app in apps]),
        dwell=np.array([[_slots(app["dwell"][state]) for state in states] for app in apps]),
        sizes=np.array([[sizes_of(app, variant) for variant in range(variants)] for app in apps]),
        noise=np.array([app["noise"] for app in apps]),
        bounds=np.array([content["range"][state] for state in states]),
        packets=np.array([_slots(app["packets"], _LONG_SLOTS) for app in apps]),
        variants=np.array([_slots(app["variants"], _LONG_SLOTS) for app in apps]),
        iat=np.array([content["gap"][state] for state in states]),
    )


def _walk(model: Model, label: Integers, raw: npt.NDArray[np.uint64]) -> Integers:
    """State of each packet, int64 (N, 30)."""
    following, dwell = _field(raw, 0, 4), _field(raw, 4, 4)
    state = np.empty(raw.shape, np.int64)
    state[:, 0] = model.start[label, following[:, 0]]
    left = model.dwell[label, state[:, 0], dwell[:, 0]]
    for t in range(1, raw.shape[1]):
        left -= 1
        moves = left == 0
        state[:, t] = np.where(moves, model.following[label, state[:, t - 1], following[:, t]], state[:, t - 1])
        left = np.where(moves, model.dwell[label, state[:, t], dwell[:, t]], left)
    return state


@cache
def _iat_factors() -> Integers:
    """Log-normal factors with median 1 in units of 1/1024, at evenly spaced quantiles."""
    standard = NormalDist()
    places = (np.arange(_IAT_QUANTILES) + 0.5) / _IAT_QUANTILES
    return np.array([round(1024 * math.exp(_IAT_SIGMA * standard.inv_cdf(place))) for place in places.tolist()])


def _field(raw: npt.NDArray[np.uint64], start: int, width: int) -> Integers:
    """The `width` bits of each word from bit `start` on: independent, evenly distributed integers."""
    return ((raw >> np.uint64(start)) & np.uint64((1 << width) - 1)).astype(np.int64)


def _slots(table: Mapping[str, int], total: int = _SLOTS) -> Integers:
    """`{value: slots}` laid out as `total` equally likely slots."""
    laid = np.repeat([int(value) for value in table], list(table.values()))
    if len(laid) != total:
        raise ValueError(f"{table} shares out {len(laid)} slots instead of {total}")
    return laid


def _inherit(family: Mapping[str, Any], app: Mapping[str, Any]) -> dict[str, Any]:
    """The family's tables with those that the application names in their place."""
    merged = {**family, **app}
    for name in ("next", "dwell", "sizes"):
        merged[name] = {**family[name], **app.get(name, {})}
    return merged
