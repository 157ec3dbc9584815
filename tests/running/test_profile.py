"""Rows say what their traffic looks like, and a track that fails to say it costs a note only."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from made_profiles import biflow_row
from made_rows import make_row

from ntgbench.plugins import registry
from ntgbench.report.publish import publish
from ntgbench.results import check_row, merged, read_rows, with_suites
from ntgbench.running.rows import profile_of
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.track import BiflowTrack

SPEC = registry().track("biflows").spec


class Failing(BiflowTrack):
    def profile(self, *_: Any) -> Any:
        raise ZeroDivisionError("of no packets")


class Uneven(BiflowTrack):
    def profile(self, real: Any, synthetic: Any) -> Any:
        found = super().profile(real, synthetic)
        return {**found, "classes": found["classes"][1:]}


class Silent(BiflowTrack):
    def profile(self, *_: Any) -> Any:
        return None


def given() -> Any:
    return SimpleNamespace(train=example_traffic(), test=example_traffic(2), synthetic=example_traffic(3))


@pytest.mark.parametrize(("track", "said"), [(Failing, "of no packets"), (Uneven, "one for each class"), (Silent, "")])
def test_a_profile_that_fails_is_noted(track: type, said: str, caplog: pytest.LogCaptureFixture) -> None:
    assert profile_of(track(SPEC), given()) is None
    assert (said in caplog.text) if said else not caplog.records


def test_a_run_puts_it_into_rows_of_the_first_seed(command, flows, tmp_path) -> None:
    done = command("run", "-d", flows, "-s", "markov", "--suite", "fidelity", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    first, second = sorted(read_rows(tmp_path / "leaderboards" / "rows.jsonl"), key=lambda row: row["seed"])
    assert "profile" not in second
    assert first["profile"]["classes"] == sorted(example_traffic().classes)
    assert first["profile"]["synthetic"]["examples"].strip()
    assert "examples" not in first["profile"]["real"]
    drawn = command("plot", "traffic", "-s", "markov", "--class", example_traffic().classes[0], "--out", "mine")
    assert drawn.returncode == 0, drawn.stderr
    assert len(list((tmp_path / "mine").glob("*traffic*.svg"))) == 4


def test_merging_keeps_it() -> None:
    before = biflow_row("a", 2)
    after = make_row("a", 0, value=0.7)
    assert merged([before], [after])[0]["profile"] == before["profile"]
    assert merged([after], [before])[0]["profile"] == before["profile"]
    newer = biflow_row("a", 3)
    assert merged([before], [newer])[0]["profile"] == newer["profile"]
    assert with_suites(after, before, lambda _: False)["metrics"] == after["metrics"]


def test_rows_with_it_are_read_and_written(tmp_path) -> None:
    row = biflow_row("a", 2)
    publish([row], tmp_path)
    assert read_rows(tmp_path / "rows.jsonl") == [row]
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize(
    "broken",
    [
        {"classes": ["only one"]},
        {"real": {"packets": "<script>"}},
        {"real": {"packets": "0" * 100_000}},
        {"scale": {"packets": -1}},
        {"more": 1},
    ],
)
def test_what_is_no_profile_is_refused(broken: dict[str, Any]) -> None:
    row = biflow_row("a", 2)
    row["profile"] = {**row["profile"], **broken}  # type: ignore[typeddict-item]
    assert check_row(row) is not None
