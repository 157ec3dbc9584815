"""Where a model computes, and with how many threads."""

import subprocess
import sys

import pytest

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.learning.device import use_device

KEPT = """
import numpy
from threadpoolctl import threadpool_info
from ntgbench.interfaces import Context
from ntgbench.learning.device import use_device

use_device(Context(seed=1, threads=1))
print({one["num_threads"] for one in threadpool_info()})
"""


def test_all_libraries_keep_to_the_threads_of_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("OMP", "MKL", "OPENBLAS"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "2")
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    assert done.stdout == "{1}\n"


def test_a_device_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(PluginError, match="cannot compute on the device 'cuda:99'"):
        use_device(Context(seed=1, device="cuda:99"))
