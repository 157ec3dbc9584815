"""The command `ntgbench doctor`, its checks of folders, and what its output must not hold."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import pytest

from ntgbench.doctor import Finding, examine, folders, private


def test_the_command_tells_the_same_as_text_and_as_json(command, tmp_path) -> None:
    done = command("doctor")
    found = json.loads(command("doctor", "--json").stdout)["checks"]
    problems = [one for one in found if one["state"] == "problem"]
    assert done.returncode == bool(problems)
    assert {one["check"] for one in found} >= {"python", "torch", "plugins", "engine local", "folder of runs"}
    for one in found:
        assert f"  {one['check']} " in done.stdout
    assert not [one for one in found if "itself failed" in one["what"]]
    assert str(Path.home()) not in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--runs", "--out"])
def test_a_folder_that_cannot_be_written_is_a_problem(command, tmp_path, option) -> None:
    (tmp_path / "file").touch()
    done = command("doctor", option, "file/below")
    assert done.returncode == 1
    assert "file/below, to be made: cannot be written" in done.stdout


def test_states_of_folders(tmp_path, monkeypatch) -> None:
    def found(**changes: int) -> str:
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setattr(folders, name, value)
            return next(
                one.state for one in folders.folders(tmp_path / "runs", tmp_path) if one.check == "folder of runs"
            )

    assert found() == "ok"
    assert found(LITTLE=2**62) == "warning"
    assert found(LEAST=2**62) == "problem"


def test_locks_that_do_not_hold_and_the_folder_for_temporary_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    monkeypatch.setenv("NTGBENCH_DATA", str(tmp_path))
    found = {one.check: one for one in folders.folders(tmp_path, tmp_path)}
    assert "locks do not hold" in found["folder of runs"].what
    assert found["folder of runs"].state == "problem"
    assert found["datasets"].state == "ok"


def test_a_data_folder_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NTGBENCH_DATA", str(tmp_path / "file"))
    assert [one.state for one in folders.folders(tmp_path, tmp_path) if one.check == "datasets"] == ["warning"]


def test_a_check_that_fails_is_told_and_the_others_go_on() -> None:
    def broken() -> list[Finding]:
        raise ValueError("no such counter")

    first, second = examine({"broken": broken, "next": lambda: [Finding("next", "ok", "fine")]})
    assert (first.check, first.state, second.what) == ("broken", "warning", "fine")
    assert "ValueError: no such counter" in first.what


def test_names_of_the_host_its_user_and_their_home_are_left_out(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(platform, "node", lambda: "engine-1.example.org")
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    told = "/home/ada/runs on engine-1, /scratch/ada/x and /home/adam/y;\nadapters"
    assert private(told) == "~/runs on <host>, /scratch/<user>/x and /home/adam/y; adapters"


def test_a_user_without_a_name_and_a_home_is_no_error(monkeypatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError("no such user")

    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert private("~/runs of nobody") == "~/runs of nobody"
