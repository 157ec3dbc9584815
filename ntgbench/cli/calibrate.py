"""`ntgbench calibrate`: what each metric can tell, as a page."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

import click

from ntgbench.cli import bars, completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, in_track, is_quiet, show_json
from ntgbench.errors import NtgbenchError


@click.command(
    short_help="Check what metrics can tell, on traffic of known truth.",
    epilog=examples("ntgbench calibrate --out calibration.md", "ntgbench calibrate jsd_1gram macro_f1 --json"),
)
@click.argument("metrics", nargs=-1, metavar="[METRIC]…", shell_complete=completing.metrics)
@in_track
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the page.  [default: print]"
)
@click.option("--full", is_flag=True, help="All sizes, which takes hours, instead of the short form.")
@is_quiet
@as_json
def calibrate(
    metrics: tuple[str, ...], track: str | None, out: Path | None, full: bool, quiet: bool, as_json: bool
) -> int:
    """Check what the METRICs, or all of them, can tell on traffic of known truth.

    The page is Markdown. It uses one processor. Exits with 1 when a metric does not pass a check that it declares.
    """
    # Libraries read it when they are loaded, which they are not yet.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ntgbench.calibrating import calibrate as calibrated
    from ntgbench.calibration_page import as_json as page_as_json
    from ntgbench.calibration_page import page
    from ntgbench.files import write_text
    from ntgbench.needs import missing, require, told
    from ntgbench.plugins import registry
    from ntgbench.tracks import same_track
    from ntgbench.words import suggestion

    known = registry().metrics()
    for name in metrics:
        if name not in known:
            raise NtgbenchError(f"no metric is called {name!r}; {suggestion(name, known)}")
        same_track(f"the metric {name}", known[name].track, track or known[name].track)
    chosen = [known[name] for name in metrics or known if track in (None, known[name].track)]
    if metrics:
        require(*chosen)
    for line in told(chosen):
        click.echo(f"left out: {line}", err=True)
    chosen = [one for one in chosen if not missing(one)]
    found = []
    # What metrics print is not ours.
    silenced = contextlib.nullcontext() if "--debug" in sys.argv else contextlib.redirect_stderr(io.StringIO())
    with bars.parts(quiet, lines=True) as doing, contextlib.redirect_stdout(sys.stderr), silenced:
        for kind in dict.fromkeys(metric.track for metric in chosen):
            found += calibrated([metric for metric in chosen if metric.track == kind], full, doing)
    if out is not None:
        command = ["ntgbench", "calibrate", *metrics, *([f"--track {track}"] if track else []), *(["--full"] * full)]
        write_text(out, page(found, full, " ".join(command)))
    if as_json:
        show_json(page_as_json(found, full))
    elif out is None:
        click.echo(page(found, full, "ntgbench calibrate"), nl=False)
    broken = {one.metric.name: one.broken for one in found if one.broken}
    for name, checks in broken.items():
        click.echo(f"FAIL  {name} declares {', '.join(checks)}, and does not pass", err=True)
    return int(bool(broken))
