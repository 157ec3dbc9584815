"""The command line: one file a command, nothing heavy imported before a command needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

import click

import ntgbench
from ntgbench.cli.calibrate import calibrate
from ntgbench.cli.check import check
from ntgbench.cli.compare import compare
from ntgbench.cli.completion import completion
from ntgbench.cli.datasets import datasets
from ntgbench.cli.doctor import doctor
from ntgbench.cli.export import export
from ntgbench.cli.generate import generate
from ntgbench.cli.help import Group, examples
from ntgbench.cli.info import info
from ntgbench.cli.listing import listing
from ntgbench.cli.measure import measure
from ntgbench.cli.new import new
from ntgbench.cli.plan import plan
from ntgbench.cli.plot import plot
from ntgbench.cli.plugins import plugins
from ntgbench.cli.report import report
from ntgbench.cli.run import run
from ntgbench.cli.shells import VARIABLE, answer
from ntgbench.errors import NtgbenchError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


COMMANDS: dict[str, tuple[click.Command, ...]] = {
    "Run and compare": (run, plan, report, plot, compare),
    "Your own data": (datasets, measure),
    "Make traffic": (generate, export),
    "Extend": (new, check, calibrate),
    "Look": (listing, info, plugins, doctor, completion),
}
"""The commands by what one wants."""


@click.group(
    cls=Group,
    epilog=examples(
        "ntgbench run",
        "ntgbench run -d captures/ -s smote -s 'markov[order=2]' --seeds 3",
        'eval "$(ntgbench completion bash)"',
        then="The last line has the shell complete names of systems, datasets, classes and all else.",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(ntgbench.__version__, prog_name="ntgbench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """How faithful, how useful and how cheap is synthetic network traffic?"""


for command in (one for commands in COMMANDS.values() for one in commands):
    cli.add_command(command)
cli.sections = {title: [str(one.name) for one in commands] for title, commands in COMMANDS.items()}

# What scripts call it that are older than the web page.
cli.add_command(click.Command("leaderboard", hidden=True, params=report.params, callback=report.callback))


def main() -> NoReturn:
    """Run the command line; exits with 0, 1 when something failed, 2 when it was called wrongly, 130 on Ctrl-C."""
    if VARIABLE in os.environ:
        answer(cli, os.environ[VARIABLE])
    # A polite kill, or a terminal that is closed, ends a run as Ctrl-C does: every child process stopped, nothing
    # half-written. What is ignored stays ignored, as nohup has it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        # The terminal may be closed.
        with contextlib.suppress(OSError):
            goes_on = "; run the same command again to go on from here" if sys.argv[1:2] == ["run"] else ""
            click.echo(f"stopped{goes_on}", err=True)
        status = INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = MISUSED
    except BrokenPipeError:
        # The reader of our output has gone.
        sys.stderr.close()
        status = FAILED
    except (NtgbenchError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"error: {_told(error)}", err=True)
        status = FAILED
    sys.exit(status if isinstance(status, int) else 0)


def _told(error: NtgbenchError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
