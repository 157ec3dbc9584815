"""Options that several commands share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ntgbench.cli import completing
from ntgbench.running.engines.connect import ENGINES
from ntgbench.seeds import MOST_SEEDS
from ntgbench.words import printable

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

is_quiet = click.option("-q", "--quiet", is_flag=True, help="Print only errors and the result.")

of_model = click.option(
    "--model",
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=completing.models,
    help="A cell's folder `fitted`.",
)

in_track = click.option(
    "--track",
    metavar="TRACK",
    shell_complete=completing.tracks,
    help="The kind of traffic, where it is not clear: a name of `ntgbench list tracks`.",
)

in_suites = click.option(
    "--suite",
    "suites",
    multiple=True,
    metavar="SUITE",
    shell_complete=completing.suites,
    help="Measure only this suite; repeatable.",
)


def on_engine(command: Command) -> Command:
    """What does the work, and where: the arguments of `connect`, as engine, jobs, address and options."""
    for decorate in (
        click.option(
            "--slurm",
            "options",
            multiple=True,
            metavar="OPTION=VALUE",
            callback=_options,
            help="As for sbatch: partition=gpu; repeatable.",
        ),
        click.option("--address", metavar="tcp://HOST:PORT", help="The scheduler of the engine dask."),
        click.option("--engine", type=click.Choice(ENGINES), help="What does the work, and where.  [default: local]"),
        click.option(
            "-j", "--jobs", type=click.IntRange(min=1), help="Pieces of work at a time.  [default: all that have room]"
        ),
    ):
        command = decorate(command)
    return command


def _options(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:  # noqa: ARG001
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{text!r} must look like partition=gpu")
        found[name] = value
    return found


def _device(context: click.Context, parameter: click.Parameter, text: str) -> str:  # noqa: ARG001
    if not re.fullmatch("cpu|cuda(:[0-9]{1,3})?", text):
        raise click.BadParameter(f"{text!r} is no device; write cpu, cuda or cuda:1")
    return text


def say_which(name: str, track: str | None) -> None:
    """Say on standard error which of several systems called `name` is meant, when no track was given."""
    from ntgbench.plugins import registry

    tracks = registry().tracks_of(name)
    if track is None and len(tracks) > 1:
        chosen = registry().system(name).track
        others = " or ".join(one for one in tracks if one != chosen)
        click.echo(f"note: {name} of the track {chosen}; for the other one, --track {others}", err=True)


def grid(command: Command) -> Command:
    """The protocol, and options that replace its grid."""
    for decorate in (
        click.option(
            "--runs", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where cells work."
        ),
        in_suites,
        click.option(
            "--seeds", type=click.IntRange(1, MOST_SEEDS), help="Repetitions, each with its own split and fit."
        ),
        click.option(
            "-s",
            "--system",
            "systems",
            multiple=True,
            metavar="SYSTEM",
            shell_complete=completing.systems,
            help="name or 'name[param=value,…]'; repeatable.",
        ),
        click.option(
            "-d",
            "--dataset",
            "datasets",
            multiple=True,
            metavar="DATASET",
            shell_complete=completing.datasets,
            help="Name or path; repeatable.",
        ),
        click.option(
            "--device",
            default="cpu",
            show_default=True,
            callback=_device,
            shell_complete=completing.devices,
            help="Where systems compute: cpu, cuda or cuda:1.",
        ),
        click.argument("protocol", default="quick", shell_complete=completing.protocols),
    ):
        command = decorate(command)
    return command


def show_json(values: Any) -> None:
    """Print values as JSON."""
    click.echo(json.dumps(values, indent=1, default=str))


def show(rows: Sequence[dict[str, Any]], heads: Sequence[str], as_json: bool) -> None:
    """Print rows as JSON, or their `heads` as an aligned table."""
    if as_json:
        show_json(list(rows))
        return
    from tabulate import tabulate

    table = [[_shown(row[head]) for head in heads] for row in rows]
    click.echo(tabulate(table, [head.replace("_", " ") for head in heads], tablefmt="plain", disable_numparse=True))


def _shown(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value
