"""The board of costs: one section a hardware, tables that a reader can hold against the paper's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ntgbench.costs.reference import SLOW, slowness
from ntgbench.report.quality import Quality, quality
from ntgbench.report.text import EMPTY, bullets, code, plain, shown, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Entry
    from ntgbench.results import Row

_ONE_BY_ONE = {
    "sample_shortest_ms": "ms/biflow, shortest",
    "sample_ms": "median",
    "train_shortest_s_epoch": "training s/epoch, shortest",
    "train_s_epoch": "median",
    "train_biflows": "biflows trained on",
    "sample_biflows": "biflows sampled",
    "packets": "packets",
    "sample_device_use": "device use % sampling",
    "train_device_use": "device use % training",
    "peak_device_mib": "peak device MiB",
    "peak_host_mib": "peak host MiB",
    "joules": "J/1000 biflows",
    "others_use": "others %",
    "reference_ms": "reference ms",
    "rounds": "rounds",
}
_MANY = {
    "sample_rate": "sampled biflows/s",
    "sample_batch": "at a batch of",
    "train_rate": "trained biflows/s",
    "train_batch": "with a batch of",
}
_SIZE = {
    "parameters": "stored numbers",
    "size_mb": "MB on disk",
    "import_s": "import s, shortest",
    "first_s": "first biflow s, shortest",
    "first_host_mib": "memory MiB",
}

_QUANTISED = """\
In `int8-wo` the weights of every linear layer are in 8 bits, the head's included, and embeddings and norms in 32;
`int8-da` quantises activations as well, as they come. `llama-onnx-int8` does too and `mamba-onnx-int8` does not; both
have embeddings in 8 bits. Of a plugin that is not bundled, its own page says it."""


def tables(board: Board, rows: Sequence[Row]) -> list[str]:
    """All about one hardware; `rows` are the dataset's, among them those of quality."""
    return [
        "### One biflow at a time",
        _table(board, _ONE_BY_ONE, ranked=True),
        "### Many at once",
        "Batches of 1, 2, 4, … up to the protocol's largest, or until they take long and larger ones are no faster.",
        _table(board, _MANY),
        "### Size and start",
        _table(board, _SIZE),
        *_variants(board, quality(rows, board.common.dataset_digest)),
        *bullets("Conditions:", [*_conditions(board), *_slow(board)]),
    ]


def latency(entry: Entry) -> tuple[float, float, float] | None:
    """Shortest milliseconds of a biflow with its interval; over several seeds their mean, and the widest interval."""
    name = "efficiency/sample_shortest_ms"
    found = [metric for row in entry.rows if (metric := row["metrics"].get(name)) is not None]
    values = [metric["value"] for metric in found if metric["value"] is not None]
    if not values:
        return None
    low = min(metric.get("low", values[0]) for metric in found)
    return sum(values) / len(values), low, max(metric.get("high", values[0]) for metric in found)


def number(entry: Entry, name: str) -> float | None:
    """Mean of a cost over the entry's seeds, None when it has none."""
    found = [row["metrics"].get(f"efficiency/{name}") for row in entry.rows]
    values = [metric["value"] for metric in found if metric is not None and metric["value"] is not None]
    return sum(values) / len(values) if values else None


def _table(board: Board, heads: dict[str, str], ranked: bool = False) -> str:
    """Systems by their latency, references last; columns that are empty everywhere are left out."""
    names = [name for name in heads if any(number(entry, name) is not None for entry in board.entries)]
    order = sorted(
        board.entries, key=lambda entry: (entry.reference, (latency(entry) or (float("inf"),))[0], entry.name)
    )
    body = []
    for entry in order:
        cells = [shown(entry), *(_cell(entry, column) for column in names)]
        body.append([_rank(entry, board), *cells] if ranked else cells)
    columns = ["system", *(heads[name] for name in names)]
    return table(["rank", *columns], body) if ranked else table(columns, body, left=0)


def _rank(entry: Entry, board: Board) -> str:
    own = latency(entry)
    if own is None or entry.reference:
        return EMPTY
    others = [found for other in board.entries if not other.reference and (found := latency(other)) is not None]
    return str(1 + sum(high < own[1] for _, _, high in others))


def _cell(entry: Entry, name: str) -> str:
    value = number(entry, name)
    if value is None:
        failed = any(row["status"] == "failed" for row in entry.rows)
        return "failed" if failed else EMPTY
    metric = next(row["metrics"][f"efficiency/{name}"] for row in entry.rows if f"efficiency/{name}" in row["metrics"])
    digits = metric["digits"]
    if "low" not in metric or len(entry.rows) > 1:
        return f"{value:,.{digits}f}"
    if 0 < value < 1:
        digits = max(digits, 2 - math.floor(math.log10(value)))  # three figures
    mark = "*" if metric.get("outliers") else ""
    return f"{value:,.{digits}f}{mark} [{metric['low']:,.{digits}f}, {metric['high']:,.{digits}f}]"


def _variants(board: Board, known: Quality) -> list[str]:
    """Each system that starts from another's model, beside it: what is in 8 bits, size, time, and what is lost."""
    by_name = {entry.name: entry for entry in board.entries}
    body = []
    for entry in board.entries:
        base = by_name.get(entry.rows[0].get("base", ""))
        if base is None:
            continue
        here, there = latency(entry), latency(base)
        ratio = EMPTY if here is None or there is None else f"{here[0] / there[0]:.2f}"
        before, after = known.means.get(base.name), known.means.get(entry.name)
        lost = [
            EMPTY if before is None or after is None else f"{after[one.key] - before[one.key]:+.{one.digits}f}"
            for one in reversed(known.columns)
        ]
        cells = [_cell(entry, "int8_share"), _cell(entry, "size_mb"), _cell(base, "size_mb"), ratio, *lost]
        body.append([code(entry.name), code(base.name), *cells])
    if not body:
        return []
    heads = ["system", "of", "stored numbers in 8 bits %", "MB", "MB of its base", "ms/biflow by its base's"]
    heads += [f"{one.name} difference" for one in reversed(known.columns)]
    return ["### Variants of a fitted model", _QUANTISED, table(heads, body, left=0)]


def _slow(board: Board) -> list[str]:
    """The rows that were measured while the machine was slow."""
    found = zip(board.rows, slowness(board.rows), strict=True)
    return [
        f"Measured while the machine was slow: {code(row['system'])}, seed {row['seed']}; reference {times:.2f} times."
        for row, times in found
        if times > SLOW
    ]


def _conditions(board: Board) -> list[str]:
    """Clock, load and clock rate of the processor, over all rows."""
    machines = [row["machine"] for row in board.rows]
    lines = [
        f"Clock: {plain(name)}." for name in sorted({machine["clock"] for machine in machines if "clock" in machine})
    ]
    for key, words in (("load", "Load average before"), ("mhz", "Processor's MHz")):
        values = [machine[key] for machine in machines if isinstance(machine.get(key), int | float)]
        if values:
            lines.append(f"{words}: {min(values):g} to {max(values):g}.")
    return lines
