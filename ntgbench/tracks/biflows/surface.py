"""The surface of biflows: what a capture shows beside lengths and directions, which systems do not learn.

Of each class of the training traffic a model's folder keeps a few counts and quantiles: transports, the most frequent
server ports, times between packets and between starts. No address and no flow. Captures of made biflows draw from them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict, cast

import numpy as np
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.seeds import derive_seed
from ntgbench.traffic.export import EPOCH_NS
from ntgbench.traffic.segmentation import ACTIVE_TIMEOUT, IDLE_TIMEOUT
from ntgbench.traffic.trace import TCP, UDP
from ntgbench.traffic.transport import Transport
from ntgbench.values import convert
from ntgbench.words import pluralised

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.tracks import Notes
    from ntgbench.traffic.biflows import Biflows

MOST_PORTS = 8
"""Server ports of a transport and class that are kept: the most frequent ones."""

FEWEST_GAPS = 100
"""Times between packets of a class and direction below which those of all classes stand for them."""

LEVELS = (0.01, 0.02, 0.05, *(level / 20 for level in range(2, 19)), 0.95, 0.98, 0.99)
"""Levels of the quantiles that are kept: the extremes are single packets' own."""

USUAL_RATE, USUAL_PORT, USUAL_GAP = 10.0, 443, 0.01
"""Where nothing is known: starts per second, a port of TCP, and seconds between packets."""

LONGEST_GAP, LONGEST_BIFLOW = IDLE_TIMEOUT - 10.0, ACTIVE_TIMEOUT - 100.0
"""Seconds within which times are kept: beyond, readers of a capture would take a biflow for several."""

_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Seconds = Annotated[float, Meta(ge=0, le=1e9)]
_Quantiles = Annotated[list[_Seconds], Meta(min_length=len(LEVELS), max_length=len(LEVELS))]
_Port = Annotated[str, Meta(pattern=r"\A[0-9]{1,5}\Z", max_length=5)]
_NUMBERS = {"tcp": TCP, "udp": UDP}


class Ports(TypedDict):
    """Flows of one transport, and of its most frequent server ports."""

    flows: _Count
    ports: Annotated[dict[_Port, _Count], Meta(max_length=MOST_PORTS)]


class Look(TypedDict):
    """The surface of one class, or of all; what is not known is left out.

    Keys:
        tcp, udp: see `Ports`.
        up, down: seconds from a packet with payload to the next one, which goes upstream or downstream: its quantiles
            at `LEVELS`.
    """

    tcp: NotRequired[Ports]
    udp: NotRequired[Ports]
    up: NotRequired[_Quantiles]
    down: NotRequired[_Quantiles]


class Surface(TypedDict):
    """That of all classes together and of each class by name; and starts of flows per second, within their sessions."""

    format: Literal[1]
    rate: NotRequired[Annotated[float, Meta(gt=0, le=1e9)]]
    all: Look
    classes: dict[str, Look]


def surface_of(train: Biflows) -> Surface | None:
    """The surface of training traffic; None where nothing of it is known."""
    if train.transport is None and train.iat is None:
        return None
    classes = {
        name: _look(train.select(np.flatnonzero(train.label == code)))
        for code, (name, count) in enumerate(zip(train.classes, train.class_counts(), strict=True))
        if count
    }
    found: Surface = {"format": 1, "all": _look(train), "classes": classes}
    if train.transport is not None and (rate := _rate(train.transport.start_ns, train.session)) is not None:
        found["rate"] = rate
    return found


def _look(biflows: Biflows) -> Look:
    found = Look()
    if biflows.iat is not None:
        present = biflows.signed_pl[:, 1:] != 0
        for way, sent in (("up", biflows.signed_pl[:, 1:] > 0), ("down", biflows.signed_pl[:, 1:] < 0)):
            gaps = np.maximum(biflows.iat[:, 1:][present & sent], 0.0).astype(np.float64)
            if len(gaps) >= FEWEST_GAPS:
                found[way] = [round(float(gap), 6) for gap in np.quantile(gaps, LEVELS)]  # type: ignore[literal-required]
    if biflows.transport is not None:
        for name, number in _NUMBERS.items():
            ports = biflows.transport.server_port[biflows.transport.protocol == number]
            port, count = np.unique(ports, return_counts=True)
            most = np.argsort(-count, kind="stable")[:MOST_PORTS]
            if len(ports):
                top = {str(port[at]): int(count[at]) for at in most}
                found[name] = {"flows": len(ports), "ports": top}  # type: ignore[literal-required]
    return found


def _rate(start_ns: npt.NDArray[np.int64], session: npt.NDArray[np.int32] | None) -> float | None:
    """Starts per second within sessions: the number of gaps between them by their sum."""
    session = np.zeros(len(start_ns), np.int32) if session is None else session
    order = np.lexsort((start_ns, session))
    within = np.diff(session[order]) == 0
    seconds = np.diff(start_ns[order])[within].sum() / 1e9
    count = int(np.count_nonzero(within))
    return min(float(f"{count / seconds:.6g}"), 1e9) if count and seconds > 0 else None


def checked_surface(values: Any, where: str) -> Surface:
    """A surface as JSON, which may come from anywhere. Raises PluginError that says what is wrong."""
    surface: Surface = convert(values, Surface, where, PluginError)
    for look in (surface["all"], *surface["classes"].values()):
        for one in (look.get("tcp"), look.get("udp")):
            if one is not None and any(int(port) > 65_535 for port in one["ports"]):
                raise PluginError(f"{where}: a port is at most 65535")
    return surface


def dressed(
    biflows: Biflows, surface: Surface | None, rate: float | None, span: float | None, seed: int
) -> tuple[Biflows, Notes]:
    """Made biflows with transport and times drawn from a surface, in the order of their starts; and what was drawn.

    Starts are even over the span, which makes them those of a Poisson process with so many starts. Classes come at
    random. What the surface does not know of a class is that of all classes, or else the usual.

    Args:
        biflows: N biflows.
        surface: that of the traffic that their system learnt from.
        rate: starts per second; None takes that of the surface.
        span: seconds from the first start to the last; None takes N / rate.
        seed: of all draws.
    """
    rng = np.random.default_rng(derive_seed(seed, "surface"))
    biflows = biflows.select(rng.permutation(len(biflows)))
    looks = {code: _look_of(biflows.classes[code], surface) for code in np.unique(biflows.label).tolist()}
    learnt = None if surface is None or rate or span is not None else surface.get("rate")
    span = len(biflows) / (rate or learnt or USUAL_RATE) if span is None else span
    start = np.sort(rng.random(len(biflows))) * span
    protocol, port = np.zeros(len(biflows), np.uint8), np.zeros(len(biflows), np.uint16)
    iat = np.full(biflows.signed_pl.shape, USUAL_GAP)
    for code, look in looks.items():
        rows = np.flatnonzero(biflows.label == code)
        protocol[rows], port[rows] = _ports(look, len(rows), rng)
        level, upstream = rng.random((len(rows), biflows.packets)), biflows.signed_pl[rows] > 0
        for quantiles, way in ((look.get("up"), upstream), (look.get("down"), ~upstream)):
            if quantiles is not None:
                iat[rows] = np.where(way, np.interp(level, LEVELS, quantiles), iat[rows])
    transport = Transport(protocol, port, EPOCH_NS + np.rint(start * 1e9).astype(np.int64))
    made = replace(biflows, transport=transport, iat=_bounded(iat, biflows.signed_pl))
    return made, _notes(len(made), span, list(looks.values()), learnt is not None)


def _look_of(name: str, surface: Surface | None) -> Look:
    """What is known of a class; what is not is that of all classes."""
    if surface is None:
        return Look()
    own, usual = surface["classes"].get(name, Look()), dict(surface["all"])
    if "tcp" in own or "udp" in own:
        usual.pop("tcp", None)
        usual.pop("udp", None)
    return cast("Look", usual | own)


def _ports(look: Look, count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """Transport and server port of so many biflows of a class."""
    none: Ports = {"flows": 0, "ports": {}}
    tcp, udp = look.get("tcp", none), look.get("udp", none)
    total = tcp["flows"] + udp["flows"]
    is_udp, level = rng.random(count) * max(total, 1) < udp["flows"], rng.random(count)
    port = np.full(count, USUAL_PORT, np.uint16)
    for chosen, known in ((~is_udp, tcp["ports"]), (is_udp, udp["ports"])):
        counts = np.cumsum(list(known.values()), dtype=np.float64)
        if len(counts) and counts[-1]:
            at = np.searchsorted(counts, level[chosen] * counts[-1], side="right")
            port[chosen] = np.array(list(map(int, known)), np.uint16)[np.minimum(at, len(counts) - 1)]
    return np.where(is_udp, UDP, TCP).astype(np.uint8), port


def _bounded(iat: npt.NDArray[np.float64], signed_pl: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Times for the packets that there are, within what keeps a biflow whole."""
    iat = np.minimum(iat, LONGEST_GAP) * (signed_pl != 0)
    iat[:, 0] = 0.0
    share = np.minimum(1.0, LONGEST_BIFLOW / np.maximum(iat.sum(axis=1, keepdims=True), 1.0))
    return np.asarray(iat * share, np.float32)


def _notes(count: int, span: float, looks: list[Look], learnt: bool) -> Notes:
    """Where transport, times and starts come from, one sentence each."""

    def told(what: str, known: int, usual: str) -> str:
        if known == len(looks):
            return f"{what}: drawn from those of the class in training"
        if not known:
            return f"{what}: not known of the training traffic; {usual}"
        return f"{what}: not known of {len(looks) - known} of {pluralised(len(looks), 'class')}; of these {usual}"

    per_second = f", {count / span:.3g} a second{', as in training' if learnt else ''}" if span else ""
    return (
        f"{pluralised(count, 'biflow')} begin within {span:,.1f} s{per_second}",
        told("transport and ports", sum("tcp" in one or "udp" in one for one in looks), f"TCP to port {USUAL_PORT}"),
        told("times between packets", sum("up" in one or "down" in one for one in looks), f"{USUAL_GAP:g} s"),
        "addresses are made up, and payload bytes are left out",
    )
