"""`ntgbench measure`: scores of traffic from a file, whoever made it."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, Any

import click

from ntgbench.cli import bars, completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, in_suites, in_track, is_quiet, show_json

if TYPE_CHECKING:
    from ntgbench.measuring import Pair
    from ntgbench.suites import Suite

_ARROWS = {"min": "↓", "max": "↑", "near": "≈"}


@click.command(
    short_help="Compare synthetic traffic in a file with real traffic.",
    epilog=examples(
        "ntgbench measure real.parquet made.parquet",
        "ntgbench measure real.parquet made.parquet --train train.parquet",
        "ntgbench measure real.pcap made.csv --track headers --suite statistics --json",
    ),
)
@click.argument("real", shell_complete=completing.datasets)
@click.argument("synthetic", shell_complete=completing.datasets)
@click.option(
    "--train",
    shell_complete=completing.datasets,
    help="The traffic that the generator learnt from, for metrics of copying, for which REAL stands for it otherwise, "
    "and for those of privacy, which need it.",
)
@in_track
@in_suites
@click.option("--seed", type=click.IntRange(min=0, max=2**32 - 1), default=0, show_default=True)
@is_quiet
@as_json
def measure(
    real: str,
    synthetic: str,
    train: str | None,
    track: str | None,
    suites: tuple[str, ...],
    seed: int,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compare the traffic in SYNTHETIC, of any origin, with that in REAL.

    Both are names or paths as after -d of `ntgbench run`. Without --track, the track is the one that reads them, and
    biflows where several do. Exits with 1 when a metric failed.
    """
    from ntgbench.measuring import as_values, read_pair, suites_that_compare, tracks_with
    from ntgbench.measuring import measure as measure_pair
    from ntgbench.results import has_failed

    tracks = tracks_with(suites) if track is None else [track]
    if suites or track is not None:
        suites_that_compare(tracks[0], suites, train is not None)  # what is wrong with them is said before long reading
    # What metrics print is not ours: only the scores go to standard output.
    with bars.parts(quiet) as doing, contextlib.redirect_stdout(sys.stderr):
        doing("reading", 0, 1)
        pair = read_pair(real, synthetic, train, tracks)
        chosen = suites_that_compare(pair.track, suites, train is not None)
        with contextlib.nullcontext() if "--debug" in sys.argv else contextlib.redirect_stderr(io.StringIO()):
            found = measure_pair(pair, chosen, seed, doing)
    every = {key: value for scores in found.values() for key, value in scores.items()}
    if not quiet:
        _tell(pair, chosen, said=track is not None, named=bool(suites))
    if as_json:
        values = {name: one for suite, scores in found.items() for name, one in as_values(scores, suite).items()}
        show_json(values)
    else:
        for place, suite in enumerate(chosen):
            click.echo(f"{chr(10) if place else ''}{suite.name}: {suite.summary}")
            _show(as_values(found[suite.name], suite.name))
    for key, value in every.items():
        if has_failed(value) or (value["value"] is None and not as_json):
            click.echo(f"{'failed' if has_failed(value) else 'undefined'}: {key}: {value['reason']}", err=True)
    return int(any(map(has_failed, every.values())))


def _tell(pair: Pair, suites: list[Suite], said: bool, named: bool) -> None:
    """What was read, as what, and what was left out of it, on standard error."""
    from ntgbench.measuring import suites_that_compare
    from ntgbench.needs import told
    from ntgbench.plugins import registry
    from ntgbench.running.codes import every_metric_of, metrics_of
    from ntgbench.traffic.notes import WARNING

    track = registry().track(pair.track)
    sides = {"real": pair.real, "synthetic": pair.synthetic, "train": pair.train}
    for name, side in sides.items():
        if side is not None:
            click.echo(f"{name}: {side.argument}, {track.size(side.traffic)}", err=True)
    if not said:
        click.echo(f"note: compared as traffic of the track {pair.track}; --track chooses another", err=True)
    for note in pair.notes:
        click.echo(note if note.startswith(WARNING) else f"note: {note}", err=True)
    if pair.train is None and not named:
        for suite in suites_that_compare(pair.track):
            if suite.exposes:
                click.echo(f"note: the suite {suite.name} is left out: it needs --train", err=True)
    for line in told(one for suite in suites for one in every_metric_of(pair.track, suite.name)):
        click.echo(f"left out: metrics {line}", err=True)
    copied = [one.name for suite in suites for one in metrics_of(pair.track, suite.name) if one.against == "train"]
    if copied and pair.train is None:
        more = " and others" if len(copied) > 3 else ""
        click.echo(
            f"note: {', '.join(copied[:3])}{more} compare with the training traffic: REAL stands for it, as there is "
            "no --train",
            err=True,
        )


def _show(values: dict[str, dict[str, Any]]) -> None:
    from tabulate import tabulate

    known = {"value", "ref", "goal", "suite", "reason", "undefined"}
    forms = [form for form in ("ref",) if any(one[form] is not None for one in values.values())]
    forms += dict.fromkeys(key for one in values.values() for key in one if key not in known)
    table = [
        [name, _number(one, "value"), *(_number(one, form) for form in forms), _ARROWS[one["goal"]]]
        for name, one in values.items()
    ]
    align = ("left", *["right"] * (len(forms) + 1), "left")
    heads = ["metric", "value", *forms, "goal"]
    click.echo(tabulate(table, heads, tablefmt="plain", disable_numparse=True, colalign=align))


def _number(one: dict[str, Any], form: str) -> str:
    if one.get(form) is not None:
        return f"{one[form]:.6g}"
    if form != "value":
        return ""
    return "undefined" if one.get("undefined") else "failed"
