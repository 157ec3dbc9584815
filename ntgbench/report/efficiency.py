"""The board of costs: one section a hardware, tables that a reader can hold against the paper's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ntgbench.costs.reference import SLOW, slowness
from ntgbench.report.failures import metrics_that_failed, rows_that_failed
from ntgbench.report.quality import Quality, quality
from ntgbench.report.text import (
    EMPTY,
    bullets,
    code,
    merged_rows,
    notes,
    origin,
    plain,
    shown,
    source,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Entry
    from ntgbench.results import Row

READING = """\
What a system costs. **Numbers of different hardware stand in different sections and do not compare.** Systems are
measured in rounds, in each a process of a system after the other, and a cost in two visits of a round, with the
others between them. A rate is that of the shortest call, or what the shortest trainings on more and on fewer biflows
differ by; the first round searches for the best batch, and each measures the two that came nearest again. A *median*
has an interval that would hold the true one with 95% confidence if all repetitions were independent (those of one
process are not quite), and `*` says that a measurement lay far from the others: this is what one waits for on that
machine. The *shortest* is what the same work took when nothing disturbed it, and what to compare systems by. Its
interval goes to what the worst of the visits would have said alone; systems whose intervals overlap share a rank. A
repetition of sampling makes the same biflows, as many of each class, one call each, from the same random numbers, and
the shortest is that of each biflow, averaged over them; a very slow system makes fewer. The time of an epoch is that
of a training with a batch of one biflow, warm-up left out, and with what the system does beside its steps, such as
validating on a part of the set; where fewer biflows than the whole set were trained on, it is extrapolated from the
difference between trainings on more and fewer of them. Its shortest time is that of each step, or of whatever lies
between two tellings of progress, summed. A CUDA device has done all its work whenever the clock is read, and there is
one round on it. `packets` is what the model's biflows had on average: short ones are made sooner. Device use is that
of a CUDA device by NVML, ten looks a second, or else this process's CPU time by its threads, in the last round. A
process keeps to as many processors as it has threads. Peaks are of training and of sampling one by one: on a CUDA
device what torch has reserved, on the host what is resident. Energy is counted where the machine counts it (NVML,
RAPL), of the whole device and in the last round, and left out elsewhere. `others` is the part of the machine that
other processes took: above 10% times are suspect. `reference` is the shortest that a fixed workload took beside the
visits, up to the worst of its moments: where it is above 1.1 times that of another row, the machine was slow all the
while, by no process of its own perhaps. Two fresh processes a round, with what else is measured between them, load
the saved system and make one biflow on the CPU: *import* is the plugin's part of that, *first biflow* all of it from
the start of Python, both with each of their parts, such as importing one module, as short as it was in any of these
processes; *memory* is the peak."""

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

QUOTED = (
    ("LLaMA", "31", "7.9"),
    ("LLaMA, int8 weight-only", "45", "3.5"),
    ("LLaMA, int8 dynamic activation", "990", "3.4"),
    ("Mamba", "148", "15.5"),
    ("NetDiffus-NR", "860.67", "4.2"),
    ("CVAE", EMPTY, "3.9"),
)
"""arXiv 2603.25507, Table III, as far as it is quoted here: ms to make a biflow alone, on its authors' GPU, and MB."""


def section(board: Board, rows: Sequence[Row]) -> str:
    """All about one hardware; `rows` are the dataset's, among them those of quality."""
    protocol, version, digest, dataset_digest, hardware = board.common
    parts = [
        f"## {protocol} on {plain(hardware)}",
        f"Protocol `{protocol}` version {version} (`{digest}`), dataset `{dataset_digest}`{source(board)}.",
        "### One biflow at a time",
        _table(board, _ONE_BY_ONE, ranked=True),
        "### Many at once",
        "Batches of 1, 2, 4, … up to the protocol's largest, or until they take long and larger ones are no faster.",
        _table(board, _MANY),
        "### Size and start",
        _table(board, _SIZE),
        *_variants(board, quality(rows, dataset_digest)),
        *merged_rows(board),
        *bullets("Failed:", rows_that_failed(board)),
        *bullets("Costs without a value:", metrics_that_failed(board, "efficiency")),
        *bullets("Notes:", [*_conditions(board), *_slow(board), *notes(board)]),
        origin(board),
    ]
    return "\n\n".join(parts)


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


def _variants(board: Board, known: dict[str, Quality]) -> list[str]:
    """Each system that starts from another's model, beside it: what is in 8 bits, size, time, and what is lost."""
    by_name = {entry.name: entry for entry in board.entries}
    body = []
    for entry in board.entries:
        base = by_name.get(entry.rows[0].get("base", ""))
        if base is None:
            continue
        here, there = latency(entry), latency(base)
        ratio = EMPTY if here is None or there is None else f"{here[0] / there[0]:.2f}"
        before, after = known.get(base.name), known.get(entry.name)
        lost = [EMPTY, EMPTY]
        if before is not None and after is not None:
            lost = [f"{after.macro_f1 - before.macro_f1:+.3f}", f"{after.jsd_2gram - before.jsd_2gram:+.3f}"]
        cells = [_cell(entry, "int8_share"), _cell(entry, "size_mb"), _cell(base, "size_mb"), ratio, *lost]
        body.append([code(entry.name), code(base.name), *cells])
    if not body:
        return []
    heads = ["system", "of", "stored numbers in 8 bits %", "MB", "MB of its base", "ms/biflow by its base's"]
    heads += ["macro_f1 difference", "jsd_2gram difference"]
    return ["### Variants of a fitted model", _QUANTISED, table(heads, body, left=0)]


def quoted() -> list[str]:
    """The paper's figures, for the end of the page."""
    return [
        "## As the paper has it",
        "Quoted from arXiv 2603.25507, Table III, where they are stated: its authors' code on their GPU. Not measured "
        "here, and not to be ranked with the above.",
        table(["system", "ms/biflow", "MB"], [list(row) for row in QUOTED], left=0),
    ]


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
