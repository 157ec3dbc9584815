"""`ntgbench compare`: what it reads, prints and exits with."""

import json
from pathlib import Path

import pytest
from made_rows import make_row

from ntgbench.results import to_text


@pytest.fixture
def sides(tmp_path: Path) -> None:
    """Rows of which one system is worse in B, one is better, and one failed in both."""
    values = {"worse": (0.8, 0.6), "better": (0.6, 0.8), "steady": (0.7, 0.7)}
    for side, folder in enumerate(("a", "b")):
        rows = [make_row(name, 0, value=pair[side]) for name, pair in values.items()]
        rows.append(make_row("broken", 0, status="failed", reason="no", metrics={}))
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.jsonl").write_text(to_text(rows))


@pytest.mark.usefixtures("sides")
def test_it_shows_what_changed_and_says_how_much_did(command):
    done = command("compare", "a", "b")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "made, utility:"
    assert [line.split() for line in lines[2:4]] == [
        ["better", "macro_f1", "↑", "0.600", "0.800", "+0.200", "-", "1", "better"],
        ["worse", "macro_f1", "↑", "0.800", "0.600", "-0.200", "-", "1", "worse"],
    ]
    assert lines[-1] == "3 numbers compared: 1 worse, 1 better, 1 equal."
    assert "steady" not in done.stdout
    assert "steady" in command("compare", "a", "b", "--all").stdout


@pytest.mark.usefixtures("sides")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((), 1),
        (("--fail-on", "never"), 0),
        (("--fail-on", "changed"), 1),
        (("--system", "better"), 0),
        (("--system", "better", "--fail-on", "changed"), 1),
        (("-s", "steady", "--fail-on", "changed"), 0),
        (("--tolerance", "0.5", "--fail-on", "changed"), 0),
        (("--suite", "fidelity"), 2),
        (("--fail-on", "sometimes"), 2),
        (("--tolerance", "-1"), 2),
    ],
)
def test_the_exit_status_is_for_scripts(command, words, status):
    assert command("compare", "a", "b", *words).returncode == status


@pytest.mark.usefixtures("sides")
def test_equal_files_have_no_change(command):
    done = command("compare", "a/rows.jsonl", "a", "--fail-on", "changed")
    assert (done.returncode, done.stdout) == (0, "no change: 3 numbers compared, all equal\n")


@pytest.mark.usefixtures("sides")
def test_json_has_all_numbers(command):
    done = command("compare", "a", "b", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["verdicts"] == {"worse": 1, "better": 1, "changed": 0, "within": 0, "same": 1}
    assert {one["system"]: round(one["difference"], 3) for one in found["changes"]} == {
        "worse": -0.2,
        "better": 0.2,
        "steady": 0.0,
    }


@pytest.mark.usefixtures("sides")
def test_a_folder_of_runs_is_a_side(command, tmp_path):
    cell = tmp_path / "runs" / "quick" / "made-d" / "better" / "seed0"
    cell.mkdir(parents=True)
    (cell / "result.json").write_text(json.dumps(make_row("better", 0, value=0.9)))
    done = command("compare", "a", "runs")
    assert done.returncode == 0
    assert "+0.300" in done.stdout
    assert "not compared: made, utility: only in A: broken, steady, worse" in done.stdout
    (cell / "result.json").write_text("{}")
    assert command("compare", "a", "runs").returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "No such file"), ("no row\n", "line 1: not a row"), ("", "no number that can be compared")],
)
@pytest.mark.usefixtures("sides")
def test_what_cannot_be_compared_is_misuse(command, tmp_path, text, said):
    if text is not None:
        (tmp_path / "c.jsonl").write_text(text)
    done = command("compare", "a", "c.jsonl")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
