"""Servers of the lab that are small programs on a library: each takes the path of its settings, a JSON file."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.lab.workload import Site


def start(site: Site, name: str, settings: Mapping[str, Any]) -> None:
    """Start the server `benchmarks.lab.servers.NAME` with these settings, and a seed from the site."""
    path = site.folder / f"{name}.json"
    path.write_text(json.dumps({"seed": site.rng.getrandbits(32), "day": site.day, **settings}), encoding="utf-8")
    root = Path(__file__).resolve().parents[3]
    site.host.start(
        [sys.executable, "-m", f"benchmarks.lab.servers.{name}", str(path)],
        folder=site.folder,
        log=f"{name}.log",
        env={"PYTHONPATH": str(root)},
    )


def settings() -> tuple[dict[str, Any], random.Random]:
    """The settings of the server that runs, and its randomness."""
    read = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return read, random.Random(read["seed"])
