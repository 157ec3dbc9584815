"""The command line in this process, and the plugins that it finds."""

from __future__ import annotations

import importlib
import importlib.metadata
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ntgbench.cli import cli, main
from ntgbench.plugins import RESTRICT
from ntgbench.probing import PROBED


def run(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in `folder`; its exit status and output, as a process would give them."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    words = [str(argument) for argument in arguments]
    with pytest.MonkeyPatch.context() as patch, CliRunner(env=environment).isolation() as (output, errors, _):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["ntgbench", *words])
        try:
            main()
        except SystemExit as ended:
            status = ended.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        sys.stdout.flush()
        sys.stderr.flush()
    return subprocess.CompletedProcess(words, status, output.getvalue().decode(), errors.getvalue().decode())


def every_command(group: click.Group = cli, before: str = "") -> dict[str, click.Command]:
    """All commands by the words that call them."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= every_command(command, f"{before}{name} ")
        else:
            found[f"{before}{name}"] = command
    return found


def install(
    site: Path, distribution: str, source: str, entry_point: str | None = None, module: str | None = None
) -> None:
    """Install a plugin as pip would into the folder `site`: a module, and a distribution that declares it."""
    module = module or distribution.replace("-", "_")
    declared = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    declared.mkdir()
    (site / f"{module}.py").write_text(textwrap.dedent(source))
    (declared / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text(f"[ntgbench]\n{entry_point or distribution} = {module}\n")


def start_cells_quickly(patch: pytest.MonkeyPatch) -> None:
    """Leave out the plugin whose imports cost more than all else in a small cell, and probe no others.

    For tests of how cells are run, whatever is measured in them.
    """
    names = {one.name for one in importlib.metadata.entry_points(group="ntgbench")}
    patch.setenv(RESTRICT, ",".join(sorted(names - {"detection"})))
    patch.setenv(PROBED, "1")
    forget_plugins(Path())


def forget_plugins(folder: Path) -> None:
    """Have the plugins discovered anew, and those below `folder` imported anew."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "ntgbench":
            for value in list(vars(module).values()):
                getattr(value, "cache_clear", lambda: None)()
        elif (getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
            del sys.modules[name]
    importlib.invalidate_caches()
