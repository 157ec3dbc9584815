import time
from pathlib import Path

import pytest

from ntgbench.efficiency.monitor import monitored, processors_energy


def count(folder: Path, name: str, microjoules: int, full: int = 1000, of: str = "package") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "name").write_text(f"{of}-0\n")
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{full}\n")


def test_energy_is_that_of_all_processors_and_survives_an_overflow(tmp_path: Path) -> None:
    count(tmp_path, "intel-rapl:0", 100)
    count(tmp_path, "intel-rapl:1", 990)
    count(tmp_path, "intel-rapl:0:0", 5, of="core")  # a part of the first
    count(tmp_path, "intel-rapl:2", 7, of="psys")  # the whole machine
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


def test_the_use_of_the_cpu_is_that_of_this_process_by_its_threads() -> None:
    begun, cpu_begun = time.perf_counter(), time.process_time()
    with monitored("cpu", threads=2) as use:
        inner_begun = time.perf_counter()
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        inner = time.perf_counter() - inner_begun
    longest, cpu = time.perf_counter() - begun, time.process_time() - cpu_begun
    assert use.device is not None
    # The system may count CPU time in ticks of a hundredth of a second.
    assert 100 * (0.2 - 0.02) / (2 * longest) <= use.device <= 100 * (cpu + 0.02) / (2 * inner)
    assert use.others >= 0
