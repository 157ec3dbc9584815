"""`ntgbench compare`: what changed between two sets of results."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json
from ntgbench.errors import NtgbenchError
from ntgbench.words import pluralised, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ntgbench.report.compare import Apart, Change, Comparison
    from ntgbench.report.difference import Difference, Verdict
    from ntgbench.results import Row

_WORDS = {"within": "within the interval"}
_VERDICTS: dict[Verdict, str] = {
    "worse": "worse",
    "better": "better",
    "changed": "changed otherwise",
    "within": "within the interval or the printed digits",
    "same": "equal",
}
_COLOURS = {"better": "green", "worse": "red", "changed": "yellow"}
_MOST_NAMES = 6


@click.command(
    short_help="Tell what changed between two runs.",
    epilog=examples(
        "ntgbench compare leaderboards build/leaderboards",
        "ntgbench compare before.jsonl runs/quick --system llama --all",
        "ntgbench compare before.jsonl leaderboards --suite efficiency --tolerance 0.05",
        then="`git show main:leaderboards/rows.jsonl > before.jsonl` writes the rows of another branch.",
    ),
)
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="Compare only this suite; repeatable.")
@click.option(
    "-d", "--dataset", "datasets", multiple=True, metavar="DATASET", help="Compare only this dataset; repeatable."
)
@click.option(
    "-s",
    "--system",
    "systems",
    multiple=True,
    metavar="SYSTEM",
    help="Compare only this system; without parameters, with all its parameters; repeatable.",
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="METRIC", help="Compare only this number of a row; repeatable."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SHARE",
    help="A difference of at most this share of A's number is none, such as 0.05 for timings.",
)
@click.option(
    "--fail-on",
    type=click.Choice(("worse", "changed", "never")),
    default="worse",
    show_default=True,
    help="When the exit status is 1.",
)
@click.option("--all", "everything", is_flag=True, help="Show also what is the same or within its interval.")
@as_json
def compare(
    a: Path,
    b: Path,
    suites: tuple[str, ...],
    datasets: tuple[str, ...],
    systems: tuple[str, ...],
    metrics: tuple[str, ...],
    tolerance: float,
    fail_on: str,
    everything: bool,
    as_json: bool,
) -> int:
    """Tell what is better or worse in B than in A, beyond the 95% interval of the difference.

    A and B are each a rows.jsonl, a folder that has one, or a folder of runs. Over several seeds, the interval is that
    of the paired differences; with one seed, it comes from the intervals within both rows; where there is none, the
    printed digits decide. A failure that A does not have is worse. Exits with 0, with 1 as --fail-on says, and with 2
    when there is nothing to compare.
    """
    from ntgbench.report.compare import Chosen
    from ntgbench.report.compare import compare as compare_rows

    chosen = Chosen(frozenset(suites), frozenset(datasets), frozenset(systems), frozenset(metrics))
    try:
        found = compare_rows(_rows(a), _rows(b), chosen, tolerance)
    except (NtgbenchError, OSError) as error:  # an exit status of 1 says that something is worse
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(_as_values(found, a, b), indent=1))
    else:
        from ntgbench.cli.figures import say

        for line in _lines(found, everything):
            say(line)
    if not found.changes:
        raise click.ClickException(f"{a} and {b} have no number that can be compared")
    different = found.count("better", "worse", "changed") or any(one.side != "both" for one in found.apart)
    return int(bool({"worse": found.count("worse"), "changed": different, "never": False}[fail_on]))


def _rows(path: Path) -> list[Row]:
    """The rows of a file, of the rows.jsonl in a folder, or of all cells in a folder of runs. Raises NtgbenchError."""
    from ntgbench.files import read_json
    from ntgbench.results import ROWS_FILE, check_row, read_rows
    from ntgbench.running.cells import RESULT_FILE

    if not path.is_dir():
        return read_rows(path)
    if (path / ROWS_FILE).exists():
        return read_rows(path / ROWS_FILE)
    rows = []
    for result in sorted(path.rglob(RESULT_FILE)):
        row = read_json(result)
        wrong = check_row(row)
        if wrong is not None:
            raise NtgbenchError(f"{result}: not a row: {wrong}")
        rows.append(row)
    if not rows:
        raise NtgbenchError(f"{path} has no {ROWS_FILE}, and no cell of a run below it has a {RESULT_FILE}")
    return rows


def _lines(found: Comparison, everything: bool) -> Iterator[str]:
    shown = [one for one in found.changes if everything or one.found.verdict not in ("same", "within")]
    sections: dict[tuple[str, str, str], list[Change]] = {}
    for one in shown:
        sections.setdefault((one.dataset, one.about.suite, one.about.hardware), []).append(one)
    for (dataset, suite, hardware), changes in sections.items():
        yield printable(", ".join(filter(None, (dataset, suite, hardware)))) + ":"
        yield from _table(changes)
        yield ""
    if any(one.found.goal == "near" for one in shown):
        yield "→: B - A is of the distances from the number behind the arrow."
    yield from (f"note: {printable(note)}" for note in found.notes)
    yield from _apart_lines(found.apart)
    if found.changes:
        yield _summary(found)


def _table(changes: Sequence[Change]) -> list[str]:
    from tabulate import tabulate

    heads = ["system", "metric", "A", "B", "B - A", "95% interval", "seeds", ""]
    table = [
        [
            printable(one.about.system),
            f"{one.metric} {_sign(one.found)}",
            *_numbers(one.found),
            len(one.seeds),
            _verdict(one.found),
        ]
        for one in changes
    ]
    align = ("left", "left", "right", "right", "right", "right", "right", "left")
    text = tabulate(table, heads, tablefmt="plain", disable_numparse=True, colalign=align)
    return [f"  {line}".rstrip() for line in text.splitlines()]


def _sign(found: Difference) -> str:
    return f"→ {found.best or 0.0:g}" if found.goal == "near" else {"min": "↓", "max": "↑"}[found.goal]


def _numbers(found: Difference) -> list[str]:
    digits = found.digits

    def text(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign}.{digits}f}"

    if found.difference is not None and 0 < abs(found.difference) < 0.5 * 10.0**-digits:
        digits += 2  # what is less than the last printed digit
    interval = "-" if found.low is None else f"[{text(found.low, '+')}, {text(found.high, '+')}]"
    return [text(found.a), text(found.b), text(found.difference, "+"), interval]


def _verdict(found: Difference) -> str:
    words = click.style(_WORDS.get(found.verdict, found.verdict), fg=_COLOURS.get(found.verdict))
    return f"{words}: {printable(found.reason)}" if found.reason else words


def _apart_lines(apart: Sequence[Apart]) -> Iterator[str]:
    """A line for each reason for which rows of a dataset and suite were not compared, with the systems."""
    systems: dict[tuple[str, str, str], list[str]] = {}
    for one in apart:
        systems.setdefault((one.dataset, one.suite, one.reason), []).append(one.system)
    for (dataset, suite, reason), names in systems.items():
        names = list(dict.fromkeys(names))
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        yield printable(f"not compared: {dataset}, {suite}: {reason}: {', '.join(names[:_MOST_NAMES])}{more}")


def _summary(found: Comparison) -> str:
    total = len(found.changes)
    if found.count("same") == total:
        return f"no change: {pluralised(total, 'number')} compared, all equal"
    counts = [f"{found.count(one)} {words}" for one, words in _VERDICTS.items() if found.count(one)]
    chance = found.by_chance
    by_chance = f" By chance alone, about {chance:.1f} would leave a 95% interval." if chance else ""
    return f"{pluralised(total, 'number')} compared: {', '.join(counts)}.{by_chance}"


def _as_values(found: Comparison, a: Path, b: Path) -> dict[str, Any]:
    """The comparison as JSON values: all numbers that were compared, equal ones too."""
    return {
        "a": str(a),
        "b": str(b),
        "compared": len(found.changes),
        "verdicts": {verdict: found.count(verdict) for verdict in _VERDICTS},
        "expected_by_chance": found.by_chance,
        "changes": [
            {
                **one.about._asdict(),
                "dataset": one.dataset,
                "metric": one.metric,
                "seeds": list(one.seeds),
                **dataclasses.asdict(one.found),
            }
            for one in found.changes
        ],
        "not_compared": [one._asdict() for one in found.apart],
        "notes": list(found.notes),
    }
