import os

import pytest

from ntgbench.efficiency.hardware import hardware, nvml, pin, state, visible


def test_one_line_names_what_times_depend_on() -> None:
    line = hardware("cpu", 1)
    assert f"1 of {os.cpu_count()} threads" in line
    assert "torch" in line
    assert hardware("cpu", 2) != line
    assert line.isprintable()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process to a processor")
def test_a_process_is_kept_to_as_many_processors_as_threads() -> None:
    before = os.sched_getaffinity(0)
    try:
        assert pin(1) == [max(before)]
        assert os.sched_getaffinity(0) == {max(before)}
    finally:
        os.sched_setaffinity(0, before)


def test_the_state_is_plain_numbers() -> None:
    assert state()["load"] >= 0
    assert all(isinstance(value, int | float) for value in state().values())


@pytest.mark.parametrize(
    ("device", "restriction", "number"),
    [
        ("cuda", None, 0),
        ("cuda:1", "", 1),
        ("cuda", "3,1", 3),
        ("cuda:1", "3, 1", 1),
        ("cuda:1", "GPU-a,GPU-b", "GPU-b"),
    ],
)
def test_nvml_is_asked_for_the_device_that_cuda_means(device: str, restriction: str | None, number: int | str) -> None:
    assert visible(device, restriction) == number


def test_a_device_that_nvml_does_not_know_is_said_to_be_that(caplog, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert nvml("cuda:7") is None
    assert "NVML does not know cuda:7" in caplog.text


def test_a_device_that_is_hidden_is_none() -> None:
    with pytest.raises(IndexError):
        visible("cuda:1", "0")
