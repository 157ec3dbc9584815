"""Packages the lab needs: what is missing, and which versions there are."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from collections.abc import Iterable, Sequence

from benchmarks.lab.workload import LabError, Workload

OWN = ("iproute2", "ethtool", "tcpdump", "procps", "util-linux")
"""Debian packages that the lab itself runs."""

_PYPI = "pypi:"


def needed(workloads: Iterable[Workload]) -> list[str]:
    """Debian packages, and distributions of PyPI as `pypi:NAME` or `pypi:NAME[EXTRA]`, in the order of their names."""
    return sorted({*OWN, *(package for workload in workloads for package in workload.packages)})


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Version of each package.

    Raises:
        LabError: naming all that are missing, and how to install them.
    """
    if shutil.which("dpkg-query") is None:
        raise LabError("the lab runs programs of Debian packages; there is no dpkg-query here: use Debian or Ubuntu")
    found = {}
    for package in packages:
        version = _pypi(package.removeprefix(_PYPI)) if package.startswith(_PYPI) else _debian(package)
        if version is not None:
            found[package] = version
    missing = [package for package in packages if package not in found]
    debian = [package for package in missing if not package.startswith(_PYPI)]
    pypi = [package.removeprefix(_PYPI) for package in missing if package.startswith(_PYPI)]
    advice = []
    if debian:
        advice.append(f"apt-get install --yes --no-install-recommends {' '.join(debian)}")
    if pypi:
        advice.append(f"python -m pip install {' '.join(pypi)}")
    if advice:
        raise LabError(f"packages of the lab are missing; install them with: {' && '.join(advice)}")
    return found


def _debian(package: str) -> str | None:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", package]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    status, _, version = done.stdout.partition(" ")
    return version if done.returncode == 0 and status == "installed" else None


def _pypi(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution.partition("[")[0])
    except importlib.metadata.PackageNotFoundError:
        return None
