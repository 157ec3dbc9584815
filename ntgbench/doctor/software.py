"""Checks of the installation: Python, libraries, plugins, programs, and variables of the environment."""

from __future__ import annotations

import contextlib
import importlib.metadata
import locale
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import ntgbench
from ntgbench.doctor import Finding
from ntgbench.errors import NtgbenchError
from ntgbench.words import pluralised

NEWEST = (3, 13)
"""Newest version of Python that the tests run on."""

CHECKOUT = Path(ntgbench.__file__).parents[1]
"""The source tree, when this is an installation in place."""

EXTRAS = ("models", "netdiffusion", "cuda", "dask", "slurm")
"""Optional parts that users install; the others are for developers."""

WAIT = 5.0
"""Seconds that another program has for its answer."""

_SHOWN = 8
"""Versions listed in a line."""

_VARIABLES = {
    *("NTGBENCH_DATA", "NTGBENCH_PLUGINS", "NTGBENCH_SIZE_LIMIT", "NTGBENCH_REAL_TRAFFIC"),
    *("NTGBENCH_KEPT", "NTGBENCH_PROBED"),
}
_OF_PROCESSES = {"NTGBENCH_KEPT", "NTGBENCH_PROBED"}


def python(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    """The version of Python and the system."""
    what = f"{platform.python_version()} ({platform.python_implementation()}) on {platform.system()}"
    what += f" {platform.release()} {platform.machine()}"
    if version < (3, 11):
        yield Finding("python", "problem", f"{what}: too old", "install Python 3.11 or newer")
    elif version > NEWEST or platform.python_implementation() != "CPython":
        newest = ".".join(map(str, NEWEST))
        yield Finding("python", "warning", f"{what}: not tested with it", f"use CPython 3.11 to {newest}")
    else:
        yield Finding("python", "ok", what)


def own_version(checkout: Path = CHECKOUT) -> Iterator[Finding]:
    """The version of ntgbench, and whether what is installed belongs to the source tree that it runs from."""
    again = f"run `pip install -e .` in {checkout}"
    try:
        installed = importlib.metadata.version("ntgbench")
    except importlib.metadata.PackageNotFoundError:
        yield Finding("ntgbench", "problem", f"{ntgbench.__version__}, which is not installed", again)
        return
    declared = _pyproject(checkout)
    where = "from a wheel" if declared is None else f"from the source tree {checkout}"
    if declared is not None:
        wanted = declared.get("entry-points", {}).get("ntgbench", {}).items()
        points = importlib.metadata.distribution("ntgbench").entry_points
        found = {(one.name, one.value) for one in points if one.group == "ntgbench"}
        stale = ", ".join(sorted(name for name, _ in set(wanted) ^ found))
        if stale or installed != ntgbench.__version__:
            differs = f"other plugins ({stale})" if stale else f"version {installed}"
            what = f"{ntgbench.__version__} {where}, but installed with {differs}"
            yield Finding("ntgbench", "problem", what, again)
            return
    yield Finding("ntgbench", "ok", f"{ntgbench.__version__} {where}")


def _pyproject(checkout: Path) -> dict[str, dict[str, dict[str, str]]] | None:
    """The table "project" of the source tree, None when there is none."""
    with contextlib.suppress(OSError, tomllib.TOMLDecodeError):
        project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "ntgbench":
            return dict(project)
    return None


def _wrong(distribution: str, extra: str = "") -> tuple[dict[str, str], int]:
    """Requirements of a distribution, or of an extra of it, that do not hold, each with what is there; and how many."""
    from packaging.requirements import Requirement

    wrong, count = {}, 0
    for text in importlib.metadata.requires(distribution) or []:
        one = Requirement(text)
        outside = one.marker is None or one.marker.evaluate({"extra": ""})
        if not (outside if not extra else not outside and one.marker and one.marker.evaluate({"extra": extra})):
            continue
        count += 1
        bounds = f"{one.name}{one.specifier}"
        try:
            version = importlib.metadata.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            wrong[bounds] = "missing"
            continue
        if not one.specifier.contains(version, prereleases=True):
            wrong[bounds] = version
    return wrong, count


def dependencies(distribution: str = "ntgbench") -> Iterator[Finding]:
    """Whether the libraries are there, in the versions that are needed."""
    try:
        wrong, count = _wrong(distribution)
    except ImportError:
        yield Finding("dependencies", "warning", "not checked: packaging is not installed", "pip install packaging")
        return
    if wrong:
        told = "; ".join(f"{bounds} needed, {found}" for bounds, found in wrong.items())
        yield Finding("dependencies", "problem", told, "pip install " + " ".join(f"'{bounds}'" for bounds in wrong))
    else:
        yield Finding("dependencies", "ok", f"all {count} libraries are here in versions that fit")


def constraints(checkout: Path = CHECKOUT) -> Iterator[Finding]:
    """How the versions differ from those of constraints.txt. It changes last digits, so it is no fault."""
    if _pyproject(checkout) is None:
        return
    tested = dict(
        line.strip().split("==", 1)
        for line in (checkout / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    )
    other = []
    for name, version in tested.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found = importlib.metadata.version(name)
            if found.partition("+")[0] != version.partition("+")[0]:
                other.append(f"{name} {found} (tested {version})")
    if other:
        rest = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        what = f"{', '.join(other[:_SHOWN])}{rest}: last digits of results may differ"
        yield Finding("tested versions", "warning", what, f"pip install -e {checkout} -c {checkout}/constraints.txt")
    else:
        yield Finding("tested versions", "ok", "all as in constraints.txt")


def extras(distribution: str = "ntgbench") -> Iterator[Finding]:
    """Which optional parts are installed."""
    declared = importlib.metadata.metadata(distribution).get_all("Provides-Extra") or []
    for extra in (one for one in EXTRAS if one in declared):
        wrong, count = _wrong(distribution, extra)
        name, told = f"extra {extra}", ", ".join(f"{bounds}: {found}" for bounds, found in wrong.items())
        advice = f"pip install 'ntgbench[{extra}]'"
        if not wrong:
            yield Finding(name, "ok", "installed")
        elif len(wrong) == count and set(wrong.values()) == {"missing"}:
            yield Finding(name, "ok", f"not installed, it is optional; {advice}")
        else:
            yield Finding(name, "warning", f"installed in part: {told}", advice)


def plugins() -> Iterator[Finding]:
    """The plugins that were found, and those that were refused."""
    from ntgbench.plugins import RESTRICT, registry

    found = registry()
    loaded = [plugin for plugin in found.plugins if plugin.refused is None]
    if not found.every_system():
        yield Finding("plugins", "problem", found.why_empty())
    else:
        foreign = {f"{one.distribution} {one.version}" for one in loaded if one.distribution != "ntgbench"}
        others = f", of them from others: {', '.join(sorted(foreign))}" if foreign else ""
        what = f"{pluralised(len(loaded), 'plugin')} with {pluralised(len(found.every_system()), 'system')}{others}"
        limited = f"{RESTRICT} leaves out the others" if RESTRICT in os.environ else ""
        yield Finding("plugins", "warning" if limited else "ok", what, limited)
    for plugin in found.plugins:
        if plugin.refused is not None:
            what = f"{plugin.distribution} {plugin.version} is refused: {plugin.refused}"
            advice = f"mend it, or pip uninstall {plugin.distribution}"
            yield Finding(f"plugin {plugin.name}", "problem", what, advice)


def environment() -> Iterator[Finding]:
    """Environment variables that ntgbench reads."""
    from ntgbench.limits import size_limit

    found = {name: value for name, value in os.environ.items() if name.startswith("NTGBENCH_")}
    try:
        size_limit()
    except NtgbenchError as error:
        yield Finding("environment", "problem", str(error))
    for name in sorted(found.keys() - _VARIABLES):
        yield Finding("environment", "warning", f"{name} is set, and means nothing", f"known: {', '.join(_VARIABLES)}")
    for name in sorted(found.keys() & _OF_PROCESSES):
        what = f"{name} is set, which ntgbench sets for its own processes"
        yield Finding("environment", "warning", what, f"unset {name}")
    told = ", ".join(f"{name}={found[name]}" for name in sorted(found)) or "no variable of ntgbench is set"
    if os.environ.get("PYTHONPATH"):
        told += f"; PYTHONPATH={os.environ['PYTHONPATH']}"
    yield Finding("environment", "ok", told)


def text() -> Iterator[Finding]:
    """Whether texts and file names of any language can be written."""
    used = {"files": locale.getpreferredencoding(False), "names of files": sys.getfilesystemencoding()}
    if sys.stdout is not None and sys.stdout.encoding:
        used["output"] = sys.stdout.encoding
    other = {what: name for what, name in used.items() if name.lower().replace("-", "") != "utf8"}
    if other:
        told = ", ".join(f"{name} for {what}" for what, name in other.items())
        yield Finding("text", "warning", f"not UTF-8: {told}", "export LC_ALL=C.UTF-8")
    else:
        yield Finding("text", "ok", "UTF-8")


def tools() -> Iterator[Finding]:
    """Programs that some metrics and tests use."""
    if shutil.which("tshark") is None:
        yield Finding("tshark", "ok", "not here: the metric tshark_packets stays empty; apt install tshark")
        return
    ended, said = _ask("tshark", "--version")
    if ended:
        yield Finding("tshark", "warning", f"it is here and does not work: {said}", "reinstall it")
    else:
        yield Finding("tshark", "ok", said)


def engines() -> Iterator[Finding]:
    """What cells can run on."""
    yield Finding("engine local", "ok", "processes of this machine")
    version = _installed("distributed")
    what = f"distributed {version}" if version else "not installed, it is optional; pip install 'ntgbench[dask]'"
    yield Finding("engine dask", "ok", what)
    submitit, slurm = _installed("submitit"), shutil.which("sbatch") is not None
    install = "pip install 'ntgbench[slurm]'"
    if not slurm:
        told = f"no sbatch on the PATH{f'; submitit {submitit}' if submitit else ''}: it is optional"
        yield Finding("engine slurm", "ok", told)
        return
    ended, said = _ask("sinfo", "--noheader", "--format=%P %a %D")
    if ended:
        advice = "ask whoever runs the cluster, or leave it: only --engine slurm needs it"
        yield Finding("engine slurm", "warning", f"sbatch is here, but sinfo does not answer: {said}", advice)
    elif not submitit:
        yield Finding("engine slurm", "ok", f"the cluster answers, submitit is not installed; {install}")
    else:
        yield Finding("engine slurm", "ok", f"submitit {submitit}; the cluster answers: {said}")


def _installed(distribution: str) -> str:
    """Its version, empty when it is not installed."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(distribution)
    return ""


def _ask(*command: str) -> tuple[int, str]:
    """Run a program; its status, which is not 0 when it does not answer, and its first line."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=WAIT, stdin=subprocess.DEVNULL, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {pluralised(WAIT, 'second')}"
    except OSError as error:
        return 1, str(error.strerror)
    said = (done.stdout if not done.returncode else done.stderr or done.stdout).strip()
    return done.returncode, said.splitlines()[0] if said else f"it printed nothing (status {done.returncode})"
