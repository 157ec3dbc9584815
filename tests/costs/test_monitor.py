import time
from pathlib import Path

import pytest

from ntgbench.costs.monitor import Monitor, processors_energy


def count(folder: Path, name: str, microjoules: int, full: int = 1000, of: str = "package") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "name").write_text(f"{of}-0\n")
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{full}\n")


def test_energy_is_that_of_all_processors_and_survives_a_counter_that_begins_again(tmp_path: Path) -> None:
    count(tmp_path, "intel-rapl:0", 100)
    count(tmp_path, "intel-rapl:1", 990)
    count(tmp_path, "intel-rapl:0:0", 5, of="core")  # a part of the first
    count(tmp_path, "intel-rapl:2", 7, of="psys")  # all of them and more
    joules = processors_energy(tmp_path)
    assert joules is not None
    assert joules() == 0
    count(tmp_path, "intel-rapl:0", 130)
    count(tmp_path, "intel-rapl:1", 10)
    count(tmp_path, "intel-rapl:0:0", 900, of="core")
    count(tmp_path, "intel-rapl:2", 800, of="psys")
    assert joules() == pytest.approx((30 + 20) / 1e6)
    assert joules() == pytest.approx(50 / 1e6)


def test_energy_that_is_not_counted_is_no_number(tmp_path: Path) -> None:
    assert processors_energy(tmp_path) is None
    (tmp_path / "intel-rapl:0").mkdir()
    assert processors_energy(tmp_path) is None


def test_a_busy_process_is_seen_as_busy_and_an_idle_one_as_idle() -> None:
    with Monitor("cpu", threads=1) as busy:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
    with Monitor("cpu", threads=1) as idle:
        pass
    assert busy.seconds >= 0.3 > idle.seconds
    assert busy.device_use is not None
    assert 0.3 / busy.seconds * 0.9 <= busy.device_use <= 1.1


def test_two_blocks_add_up() -> None:
    monitor = Monitor("cpu", threads=1)
    assert monitor.device_use is None
    for _ in range(2):
        with monitor:
            end = time.process_time() + 0.1
            while time.process_time() < end:
                pass
    assert monitor.seconds >= 0.2
    assert monitor.device_use is not None
    assert 0.2 / monitor.seconds * 0.9 <= monitor.device_use <= 1.1
