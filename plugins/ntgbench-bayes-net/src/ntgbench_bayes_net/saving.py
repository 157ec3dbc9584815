"""Fitted models on disk: numbers in JSON, tables in safetensors, all checked when they are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import numpy as np
import numpy.typing as npt
from msgspec import Meta
from safetensors.numpy import save_file

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import read_json, write_text
from ntgbench.saved import Like, read_tensors
from ntgbench.traffic.trace import is_ipv4
from ntgbench.values import convert
from ntgbench_bayes_net.attributes import KINDS, NUMERIC, PLAN, Attributes
from ntgbench_bayes_net.hosts import HIDDEN, Hosts
from ntgbench_bayes_net.model import LONGEST, Model
from ntgbench_bayes_net.network import Network, Parent, levels_of
from ntgbench_bayes_net.packets import FIELDS, FOLLOWING, WAITING, Chain, following_sizes, waiting_sizes
from ntgbench_bayes_net.tables import Level, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ntgbench_bayes_net.parameters import BayesNetParameters

Numbers = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]

FORMAT = 1
"""Version of the layout."""

SETTINGS_FILE, TABLES_FILE = "model.json", "model.safetensors"

LONGEST_NS = 2**62
"""Bound of times, so that sums of two fit into 64 bits."""

LARGEST = 2**32
"""Bound of packets of a connection."""

PARTS = ("contexts", "bounds", "symbol", "upto")
"""Arrays of a level, beside its weight."""

Time = Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]


class Depends(TypedDict):
    """A parent, see `Parent`."""

    node: Annotated[int, Meta(ge=0, lt=len(PLAN.nodes))]
    lag: Annotated[int, Meta(ge=0, le=PLAN.lags)]


class Settings(TypedDict):
    """What a file says beside its tables."""

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)]
    start_ns: Time
    span_ns: Annotated[int, Meta(ge=0, le=LONGEST_NS)]
    unit_ns: Annotated[int, Meta(ge=1, le=1000)]
    packets: Annotated[float, Meta(ge=1, le=LARGEST)]
    sequences: bool
    # Of each node.
    parents: Annotated[tuple[tuple[Depends, ...], ...], Meta(min_length=len(PLAN.nodes), max_length=len(PLAN.nodes))]


def write(model: Model, folder: Path) -> None:
    """Write a model into an existing folder."""
    attributes, chain = model.attributes, model.chain
    settings: Settings = {
        "format": FORMAT,
        "start_ns": model.start_ns,
        "span_ns": model.span_ns,
        "unit_ns": model.unit_ns,
        "packets": model.packets,
        "sequences": model.sequences,
        "parents": tuple(
            tuple(Depends(node=parent.node, lag=parent.lag) for parent in parents) for parents in model.network.parents
        ),
    }
    write_text(folder / SETTINGS_FILE, json.dumps(settings, indent=1) + "\n")
    arrays: Arrays = {f"edges.{name}": edge for name, edge in attributes.edges.items()}
    arrays |= {"hosts.prefix": attributes.hosts.prefix, "hosts.hidden": attributes.hosts.hidden}
    arrays |= {"marks": attributes.marks, "epoch_ns": attributes.epoch_ns}
    arrays |= {"states": chain.states, "payload": chain.payload, "gap": chain.gap}
    tables = dict(zip(PLAN.nodes, model.network.tables, strict=True))
    for name, table in {**tables, "following": chain.following, "waiting": chain.waiting}.items():
        for number, level in enumerate(table.levels):
            arrays |= {f"{name}.{number}.{part}": getattr(level, part) for part in PARTS}
            arrays[f"{name}.{number}.weight"] = np.array([level.weight])
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / TABLES_FILE)


def read(folder: Path, parameters: BayesNetParameters) -> Model:
    """Read what `write` wrote for a model of the same parameters.

    Raises PluginError when the folder holds anything else. Nothing is larger than what the files hold.
    """
    try:
        plain = read_json(folder / SETTINGS_FILE)
    except NtgbenchError as error:
        raise PluginError(str(error)) from error
    found = convert(plain, Settings, "the settings of the model", PluginError)
    parents = tuple(tuple(Parent(**one) for one in ones) for ones in found["parents"])
    _check_parents(parents, parameters, folder)
    levels = {name: _levels(node, parents[node]) for node, name in enumerate(PLAN.nodes)}
    levels |= {"following": FOLLOWING[parameters.order], "waiting": WAITING}
    arrays, _ = read_tensors(folder / TABLES_FILE, _wanted(levels), "numpy")
    for rule, kept in _rules(arrays, found["span_ns"]):
        _require(kept, folder, rule)

    hosts = Hosts(arrays["hosts.prefix"], arrays["hosts.hidden"], is_ipv4(arrays["hosts.prefix"]))
    edges = {name: arrays[f"edges.{name}"] for name in NUMERIC}
    attributes = Attributes(edges, hosts, arrays["marks"], arrays["epoch_ns"])
    sizes = attributes.sizes
    size = dict(zip(PLAN.nodes, sizes, strict=True))
    tables = []
    for node, name in enumerate(PLAN.nodes):
        over = [sizes[parent.node] for parent in parents[node]]
        tables.append(_table(arrays, name, levels[name], over, sizes[node], folder))
    states = arrays["states"]
    follows = following_sizes((KINDS, size["service"], size["volume"]), states)
    waits = waiting_sizes((KINDS, size["service"], size["pace"]), states)
    following = _table(arrays, "following", levels["following"], follows, len(states), folder)
    waiting = _table(arrays, "waiting", levels["waiting"], waits, len(arrays["gap"]) - 1, folder)
    chain = Chain(states, arrays["payload"], arrays["gap"], following, waiting)
    times = (found["start_ns"], found["span_ns"], found["unit_ns"])
    return Model(attributes, Network(PLAN, parents, tuple(tables)), chain, *times, found["packets"], found["sequences"])


def _levels(node: int, parents: Sequence[Parent]) -> list[tuple[int, ...]]:
    return levels_of(len(PLAN.given(node)), len(parents))


def _check_parents(parents: Sequence[Sequence[Parent]], parameters: BayesNetParameters, folder: Path) -> None:
    for node, found in enumerate(parents):
        given = PLAN.given(node)
        chosen = found[len(given) :]
        candidates = PLAN.candidates(node)
        fine = list(found[: len(given)]) == given and len(set(chosen)) == len(chosen) <= parameters.parents
        _require(fine and all(one in candidates for one in chosen), folder, f"parents of {PLAN.nodes[node]} that fit")


def _wanted(levels: Mapping[str, Sequence[tuple[int, ...]]]) -> dict[str, Like]:
    """What the tensors of a file must be like."""
    line = Like("I64", (None,))
    wanted = {f"edges.{name}": line for name in NUMERIC} | {"payload": line, "gap": line, "epoch_ns": line}
    wanted |= {"hosts.prefix": Like("U64", (None, 2)), "hosts.hidden": line}
    wanted |= {"marks": Like("I64", (None, 4)), "states": Like("I64", (None, len(FIELDS)))}
    for name, of_table in levels.items():
        wanted |= {f"{name}.{number}.{part}": line for number in range(len(of_table)) for part in PARTS}
        wanted |= {f"{name}.{number}.weight": Like("F64", (1,)) for number in range(len(of_table))}
    return wanted


def _rules(arrays: Arrays, span_ns: int) -> Iterator[tuple[str, bool | np.bool_]]:
    """Rules that the arrays must keep, and whether they do; later ones hold only if earlier ones do."""
    highest = dict.fromkeys(("edges.service", "edges.port"), 2**16)
    highest |= dict.fromkeys(("payload", "edges.volume"), LONGEST + 1)
    highest |= dict.fromkeys(("edges.gap", "gap"), LONGEST_NS)
    highest |= {"edges.count": LARGEST, "edges.pace": 2**16}
    for name, most in highest.items():
        edge = arrays[name]
        yield f"{name} that rises in 0..{most}", len(edge) > 1 and _rises(edge) and edge[0] >= 0 and edge[-1] <= most
    yield "connections of at least one packet", arrays["edges.count"][0] >= 1
    prefix, hidden, epoch = arrays["hosts.prefix"], arrays["hosts.hidden"], arrays["epoch_ns"]
    yield "a prefix for each host", 0 < len(prefix) == len(hidden)
    allowed = np.where(is_ipv4(prefix), *(np.isin(hidden, [pair[side] for pair in HIDDEN]) for side in (0, 1)))
    yield "hosts with as many open bits as there can be", bool(allowed.all())
    yield (
        "epochs in order",
        len(epoch) > 1 and epoch[0] >= 0 and (epoch[1:] >= epoch[:-1]).all() and epoch[-1] <= span_ns,
    )
    for name, top in {"marks": (255, 255, 7, 1), "states": (3, 1, 255, LONGEST, 1, len(arrays["payload"]) - 2)}.items():
        rows = arrays[name]
        yield f"{name} in range", len(rows) > 0 and bool(((rows >= 0) & (rows <= np.array(top))).all())


def _table(
    arrays: Arrays,
    name: str,
    columns: Sequence[tuple[int, ...]],
    sizes: Sequence[int],
    symbols: int,
    folder: Path,
) -> Table:
    """A table of a file. Raises PluginError when its counts are none."""
    levels = []
    for number, wanted in enumerate(columns):
        contexts, bounds, symbol, upto = (arrays[f"{name}.{number}.{part}"] for part in PARTS)
        most = int(np.prod([sizes[column] for column in wanted], dtype=object)) if wanted else 1
        rule = f"counts of {name}"
        _require(most * symbols < 2**63, folder, rule)
        _require(len(bounds) == len(contexts) + 1 and len(symbol) == len(upto), folder, rule)
        _require(_rises(bounds) and bounds[0] == 0 and _rises(upto), folder, rule)
        _require(bounds[-1] == (upto[-1] if len(upto) else 0) and np.isin(bounds[1:], upto).all(), folder, rule)
        _require(_rises(contexts) and _within(contexts, most) and _within(symbol, symbols), folder, rule)
        _require(not len(upto) or upto[0] >= 1, folder, rule)
        weight = float(arrays[f"{name}.{number}.weight"][0])
        _require(weight > 0, folder, f"weights of {name} above 0")
        level = Level(wanted, contexts, bounds, symbol, upto, weight)
        _require(_rises(level.sources() * symbols + symbol), folder, rule)
        levels.append(level)
    return Table(tuple(sizes), symbols, tuple(levels))


def _rises(values: Numbers) -> bool:
    # Differences could overflow.
    return bool((values[1:] > values[:-1]).all())


def _within(values: Numbers, count: int) -> bool:
    return bool(((values >= 0) & (values < count)).all())


def _require(fine: bool | np.bool_, folder: Path, rule: str) -> None:
    """Raise PluginError unless `fine`; `rule` says what the model in `folder` must have."""
    if not fine:
        raise PluginError(f"the model in {folder} is damaged; it must have {rule}")
