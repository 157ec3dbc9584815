"""Each check of the machine and its devices says when something is wrong."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ntgbench.doctor import Finding, devices, machine

if TYPE_CHECKING:
    from pathlib import Path

LIMITED = "import json, dataclasses; from ntgbench.doctor.machine import limits; "
LIMITED += "print(json.dumps([dataclasses.asdict(one) for one in limits()]))"


def limits_after(ulimit: str) -> list[Finding]:
    command = ["bash", "-c", f'{ulimit} && exec "$@"', "bash", sys.executable, "-c", LIMITED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [Finding(**one) for one in json.loads(done.stdout)]


@pytest.mark.parametrize(
    ("ulimit", "told"),
    [
        ("ulimit -n 64", "at most 64 open files"),
        ("ulimit -u 50", "at most 50 processes"),
        ("ulimit -t 1000", "at most 1,000 CPU seconds"),
        ("ulimit -f 1000", "bytes of a file"),
        ("ulimit -v 8000000", "bytes of address space"),
    ],
)
def test_a_limit_of_the_shell(ulimit: str, told: str) -> None:
    found = [one for one in limits_after(ulimit) if told in one.what]
    assert [one.state for one in found] == ["warning"]
    assert found[0].advice.startswith(ulimit[:9])


@pytest.mark.parametrize(
    ("flags", "state", "told"),
    [
        ("sse2", "warning", "without AVX2"),
        ("sse2 avx2 avx512f", "ok", "int8 models are slow"),
        ("sse2 avx2 avx_vnni", "ok", "VNNI"),
    ],
)
def test_processors(tmp_path: Path, monkeypatch, flags: str, state: str, told: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "cpuinfo").write_text(f"model name\t: made\nflags\t\t: {flags}\n")
    (found,) = machine.processor(tmp_path / "cpuinfo")
    assert found.state == state
    assert told in found.what


def test_a_busy_machine_and_little_memory() -> None:
    assert [one.state for one in machine.cores(load=0.0)] == ["ok"]
    assert [one.state for one in machine.cores(load=1e4)] == ["warning"]
    assert [one.state for one in machine.memory(needed=1)] == ["ok"]
    assert [one.state for one in machine.memory(needed=2**60)] == ["warning"]


def test_variables_of_threads_and_of_arithmetic(monkeypatch) -> None:
    for name in machine.ARITHMETIC:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (alone,) = machine.threads()
    assert alone.state == "ok"
    assert "OMP_NUM_THREADS=7" in alone.what
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert [one.state for one in machine.threads()] == ["ok", "warning"]


def test_orphans() -> None:
    assert [one.state for one in machine.orphans("darwin")] == ["warning"]
    if sys.platform == "linux":
        assert [one.state for one in machine.orphans()] == ["ok"]


def test_clocks() -> None:
    assert [one.state for one in machine.clock()] == ["ok"]
    assert [one.state for one in machine.clock(read=itertools.count(0, -1).__next__)] == ["warning"]
    assert [one.state for one in machine.clock(now=lambda: datetime(1970, 1, 1, tzinfo=UTC))] == ["warning"]


@pytest.mark.parametrize("does", ["raise ImportError('no libcudart')", "import os; os.kill(os.getpid(), 11)"])
def test_a_torch_that_cannot_be_imported(tmp_path: Path, monkeypatch, does: str) -> None:
    (tmp_path / "torch.py").write_text(does)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    (found,) = devices.torch()
    assert found.state == "problem", asdict(found)
    assert "no libcudart" in found.what or "status -11" in found.what


def test_counters_of_energy(tmp_path: Path) -> None:
    assert [one.state for one in devices.energy(tmp_path)] == ["ok"]
    domain = tmp_path / "intel-rapl:0"
    domain.mkdir()
    for name, content in {"name": "package-0", "max_energy_range_uj": "1000", "energy_uj": "7"}.items():
        (domain / name).write_text(content)
    (counted,) = devices.energy(tmp_path)
    assert "it is counted (RAPL)" in counted.what
    # What cannot be opened, whoever tries it.
    (domain / "energy_uj").unlink()
    (domain / "energy_uj").mkdir()
    assert [one.state for one in devices.energy(tmp_path)] == ["warning"]
