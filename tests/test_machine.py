import subprocess
import sys

import numpy as np

from ntgbench.machine import peak_memory_mib

PROGRAM = "from ntgbench.machine import peak_memory_mib; print(peak_memory_mib())"


def test_the_peak_is_this_process_s_and_not_that_of_who_started_it() -> None:
    before = peak_memory_mib()
    large = np.ones(300 * 2**20 // 8)
    assert peak_memory_mib() >= 300
    del large
    child = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert 1 < float(child.stdout) < min(before + 100, 250)
