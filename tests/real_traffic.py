"""Where real traffic lies, which is not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "NTGBENCH_REAL_TRAFFIC"
"""Environment variable: a folder with pcaps/, cases/ and flows/."""

REAL_TRAFFIC = Path(os.environ.get(VARIABLE) or os.devnull)
FLOWS = REAL_TRAFFIC / "flows"

needs_real_traffic = pytest.mark.skipif(not REAL_TRAFFIC.is_dir(), reason=f"{VARIABLE} names no folder of real traffic")
