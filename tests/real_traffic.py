"""Real traffic, which is not published: in the folder that $NTGBENCH_REAL_TRAFFIC names, if it is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "NTGBENCH_REAL_TRAFFIC"
FOLDER = Path(os.environ.get(VARIABLE, "/nonexistent"))
FLOWS, PCAPS, CASES = FOLDER / "flows", FOLDER / "pcaps", FOLDER / "cases"

needs_real_traffic = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{VARIABLE} names no folder of real traffic")
