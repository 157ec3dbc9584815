from pathlib import Path

import numpy as np
import pytest

from ntgbench.efficiency.start import start
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.efficiency import first_request

REQUEST = "ntgbench.tracks.biflows.efficiency:first_request"


def test_a_fresh_process_makes_an_item_and_tells_its_times(tmp_path: Path) -> None:
    """Also when the system has seen only one class, which is not the first."""
    traffic = example_traffic()
    fitted = choose("markov").fit(traffic.select(np.flatnonzero(traffic.label == 2)), Context(seed=1))
    assert first_request(fitted)[0].tolist() == [2]
    fitted.save(tmp_path)
    found = start(tmp_path, REQUEST)
    assert 0 < found.imported < found.first
    assert found.memory > 10


def test_a_folder_without_a_system_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NtgbenchError, match=r"(?s)makes nothing in a fresh process.*system\.json"):
        start(tmp_path, REQUEST)
