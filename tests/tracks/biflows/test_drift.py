"""The suite drift: learnt on one dataset, tested on another."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from made_suites import given

from ntgbench import Biflows
from ntgbench.errors import DatasetError
from ntgbench.running.beside import load_beside
from ntgbench.running.cells import read_cell
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows import drift, utility
from ntgbench.tracks.biflows.differences import difference
from ntgbench.tracks.biflows.settings import Drift

PROTOCOL = """
version = 1
summary = "two days"
datasets = ["day1.parquet"]
systems = ["copy"]
suites = ["drift", "utility"]
seeds = 1

[drift]
on = "in here/day2.parquet"
"""


def test_the_same_traffic_loses_nothing_and_scores_as_utility() -> None:
    of_copy = given("copy", "utility", Drift("day2"))
    scores = drift.measure(replace(of_copy, beside=of_copy.test))
    tested = np.unique(of_copy.test.label)
    made = of_copy.synthetic.select(np.isin(of_copy.synthetic.label, tested))
    alone = utility.measure(replace(of_copy, synthetic=made))
    for name, value in alone.items():
        assert scores[name]["value"] == scores[f"{name}@same"]["value"] == value["value"]
        assert scores[f"{name}@loss"]["value"] == 0.0
        assert scores[f"{name}@loss"]["goal"] == "min"
    assert not any("confusion" in value for value in scores.values())


def test_classes_are_matched_by_name_and_the_others_left_out(caplog) -> None:
    of_copy = given("copy", "utility", Drift("day2"))
    test = of_copy.test
    classes = ("new", *reversed(test.classes))
    label = np.array([classes.index(test.classes[label]) for label in test.label])
    label[test.label == 2] = 0  # of a class that the other dataset does not have
    scores = drift.measure(replace(of_copy, beside=replace(test, label=label, classes=classes)))
    kept = np.isin(test.label, [0, 1])
    fewer = replace(
        of_copy,
        test=test.select(kept),
        synthetic=of_copy.synthetic.select(np.isin(of_copy.synthetic.label, [0, 1])),
    )
    assert (
        scores["accuracy"]["value"] == scores["accuracy@same"]["value"] == utility.measure(fewer)["accuracy"]["value"]
    )
    assert "3 classes left out" in caplog.text
    assert "drift: tested on day2" in caplog.text


def test_without_a_common_class_there_is_no_number() -> None:
    of_copy = given("copy", "utility", Drift("day2"))
    other = Biflows(of_copy.test.signed_pl, np.zeros(len(of_copy.test), int), ("new",))
    scores = drift.measure(replace(of_copy, beside=other))
    assert {value["reason"] for value in scores.values()} == {"no class is in both datasets"}
    assert all(value["undefined"] for value in scores.values())


def test_the_interval_of_a_difference_of_independent_normal_numbers() -> None:
    first = {"value": 0.9, "low": 0.9 - 1.96 * 0.03, "high": 0.9 + 1.96 * 0.03}
    second = {"value": 0.7, "low": 0.7 - 1.96 * 0.04, "high": 0.7 + 1.96 * 0.04}
    found = difference(first, second)  # type: ignore[arg-type]
    assert found == pytest.approx((0.2, 0.2 - 1.96 * 0.05, 0.2 + 1.96 * 0.05))
    assert difference({"value": 0.9}, second)[1:] == (None, None)  # type: ignore[arg-type, typeddict-item]


def test_a_run_tests_on_the_other_file_and_measures_again_when_it_changes(command, tmp_path) -> None:
    (tmp_path / "in here").mkdir()
    (tmp_path / "mine.toml").write_text(PROTOCOL)
    example_traffic().to_parquet(tmp_path / "day1.parquet")

    def rows() -> list[dict]:
        return [json.loads(line) for line in (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines()]

    example_traffic(seed=2).to_parquet(tmp_path / "in here" / "day2.parquet")
    assert command("run", "mine.toml").returncode == 0
    (first,) = rows()
    assert {"drift/macro_f1", "drift/macro_f1@same", "drift/macro_f1@loss"} <= first["metrics"].keys()
    assert any("tested on in here/day2.parquet" in note for note in first["notes"])
    page = (tmp_path / "leaderboards" / "day1-drift.md").read_text()
    assert "| other dataset ↑ | same dataset ↑ | loss ↓ |" in " ".join(page.split())

    # Other traffic in the place of what was read is refused.
    (cell,) = (read_cell(path.parent) for path in tmp_path.glob("runs/*/*/*/*/cell.json"))
    (kept,) = tmp_path.glob("runs/*/*/beside-*.parquet")
    assert len(load_beside(cell, "drift")) == len(example_traffic(seed=2))
    example_traffic(seed=4).to_parquet(kept)
    with pytest.raises(DatasetError, match="is not the traffic that the suite drift is about"):
        load_beside(cell, "drift")

    # The same traffic under another name is the same: nothing is left to do.
    (tmp_path / "in here" / "day2.parquet").rename(tmp_path / "tuesday.parquet")
    (tmp_path / "mine.toml").write_text(PROTOCOL.replace("in here/day2", "tuesday"))
    assert "1 done" in command("plan", "mine.toml").stdout

    # Other traffic is measured again, without another fit, and by another key: it is never ranked with the first.
    example_traffic(seed=3).to_parquet(tmp_path / "tuesday.parquet")
    assert "1 partial" in command("plan", "mine.toml").stdout
    assert command("run", "mine.toml").returncode == 0
    (second,) = rows()
    assert second["keys"]["drift"] != first["keys"]["drift"]
    assert second["keys"]["utility"] == first["keys"]["utility"]
    assert second["metrics"]["drift/macro_f1"] != first["metrics"]["drift/macro_f1"]
    assert second["metrics"]["drift/macro_f1@same"] == first["metrics"]["drift/macro_f1@same"]
    assert second["phases"]["fit"] == first["phases"]["fit"]


def test_what_cannot_be_tested_on_is_said_before_anything_runs(command, tmp_path) -> None:
    example_traffic().to_parquet(tmp_path / "day1.parquet")
    without = PROTOCOL.replace('on = "in here/day2.parquet"', "")
    for on, said in (
        ("", "the suite drift needs another dataset"),
        ('on = "no.parquet"', "error: mine.toml: drift.on: there is no file or folder no.parquet"),
        (f'on = "day1.parquet"\ndigest = "{"0" * 32}"', "names another"),
    ):
        (tmp_path / "mine.toml").write_text(without + on)
        done = command("run", "mine.toml")
        assert done.returncode != 0
        assert said in done.stderr
        assert not list((tmp_path / "runs").rglob("*.parquet"))
