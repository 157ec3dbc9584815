"""Rows from elsewhere: checked before anything is written, and shown as what they are."""

import contextlib
import json
import os
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_rows import make_row

from benchmarks.fuzz.readers import contents
from ntgbench.cli.report import report
from ntgbench.errors import NtgbenchError
from ntgbench.report.publish import publish, stale
from ntgbench.results import check_row, read_rows, taken_from, to_text

METRIC = make_row("a", 0)["metrics"]["utility/macro_f1"]


def merge(folder: Path, file: Path) -> None:
    done = CliRunner().invoke(report, ["--out", str(folder), "--merge", str(file)])
    if done.exception is not None:
        raise done.exception


def with_metric(key: str, **changed) -> dict:
    return {"metrics": {key: {**METRIC, **changed}}}


@pytest.mark.parametrize(
    "changed",
    [
        {"system": "a\ud800"},
        {"system": "a[x=\u2028]"},
        {"system": "a[x=\x1c]"},
        {"source": "\udfff"},
        {"source": "a\xa0b"},
        {"track": "a b"},
        {"track": "x" * 151},
        {"keys": {"a_b": "00"}},
        {"keys": {"fidelity": "xyz"}},
        {"keys": ["00"]},
        {"notes": ["fine", "\ud800"]},
        {"reason": "\ud800"},
        {"params": {"x": "\ud800"}},
        {"params": {"\ud800": 1}},
        {"params": {"x": [1]}},
        {"params": {"x": {"y": 1}}},
        {"params": {"x": float("nan")}},
        {"params": {"x": 10**400}},
        {"machine": {"cpu": "\ud800", "cores": 1}},
        {"machine": {"cpu": "x", "cores": 1, "load": float("inf")}},
        {"machine": {"cpu": "x", "cores": "2"}},
        {"machine": {"cpu": "x", "cores": 1, "deep": {"er": 1}}},
        {"versions": {"numpy": "\u202e0.2"}},
        {"phases": {"fit": float("nan")}},
        {"phases": {"fit": True}},
        {"peak_memory_mib": "much"},
        {"kind": "magic"},
        {"seed": True},
        {"seed": -1},
        {"seed": 10**9},
        {"schema": True},
        {"dataset": "x" * 151},
        {"notes": ["x" * 3_000]},
        {"notes": ["\x1b[2J"]},
        {"base": "not a system"},
        {"log": "a\nb"},
        {"merged_from": 3},
        {"code": ["x"]},
        {"surprise": 1},
        with_metric("utility/macro_f1", primary=[1]),
        with_metric("utility/macro_f1", primary=1),
        with_metric("utility/macro_f1", value=1e300),
        with_metric("utility/macro_f1", value=True),
        with_metric("utility/macro_f1", reason="\ud800"),
        with_metric("utility/macro_f1", surprise=1),
        with_metric("utility/macro_f1@<b>"),
        with_metric("utility/"),
        with_metric("a b/macro_f1"),
        with_metric("tradeoff/macro_f1"),
        with_metric("front/macro_f1"),
    ],
    ids=str,
)
def test_what_is_no_row_leaves_the_folder_as_it_was(tmp_path: Path, changed: dict) -> None:
    folder, file = tmp_path / "boards", tmp_path / "theirs.jsonl"
    publish([make_row("a", 0)], folder)
    before = contents(folder)
    file.write_text(to_text([make_row("b", 0)]) + json.dumps({**make_row("b", 1), **changed}))
    with pytest.raises(NtgbenchError, match="line 2: not a row") as refused:
        merge(folder, file)
    assert str(refused.value).isprintable()
    assert contents(folder) == before
    with pytest.raises(NtgbenchError, match="not a row"):
        publish([{**make_row("b", 1), **changed}], folder)  # type: ignore[typeddict-item]
    assert contents(folder) == before


def test_a_merged_row_shows_where_it_comes_from(tmp_path: Path) -> None:
    folder, file = tmp_path / "boards", tmp_path / "theirs.jsonl"
    publish([make_row("own", 0)], folder)
    file.write_text(to_text([make_row("other", 0), make_row("real", 0, reference=True)]))
    merge(folder, file)
    assert {row["system"]: row.get("merged_from") for row in read_rows(folder / "rows.jsonl")} == {
        "own": None,
        "other": "theirs.jsonl",
        "real": "theirs.jsonl",
    }
    text = (folder / "made-utility.md").read_text()
    assert "† Not measured here: rows merged from `theirs.jsonl`, of `other`, `real`." in text
    assert "| `other` † " in text
    assert "| *real* † " in text
    assert "| `own` " in text
    assert "`own` †" not in text
    assert stale(folder) == []


def test_a_file_of_the_usual_name_is_known_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice" / "rows.jsonl").write_text(to_text([make_row("a", 0)]))
    merge(tmp_path / "boards", tmp_path / "alice" / "rows.jsonl")
    assert read_rows(tmp_path / "boards" / "rows.jsonl")[0]["merged_from"] == "alice/rows.jsonl"


def test_rows_that_are_here_already_stay_ones_own(tmp_path: Path) -> None:
    publish([make_row("a", 0)], tmp_path / "boards")
    merge(tmp_path / "boards", tmp_path / "boards" / "rows.jsonl")
    assert "merged_from" not in read_rows(tmp_path / "boards" / "rows.jsonl")[0]


def test_what_is_measured_here_later_is_ones_own_again_but_for_suites_that_were_not(tmp_path: Path) -> None:
    theirs = taken_from([make_row("a", 0), make_row("b", 0, metrics={"fidelity/jsd": METRIC})], "x.jsonl")
    publish(theirs, tmp_path)
    publish([make_row("a", 0), make_row("b", 0)], tmp_path)
    assert [row.get("merged_from") for row in read_rows(tmp_path / "rows.jsonl")] == [None, "x.jsonl"]


@pytest.mark.parametrize("name", ["a|`<b>\nc.jsonl", "-x.jsonl", "[x](http:y).jsonl", "\u202ex.jsonl", "\udcff.jsonl"])
def test_a_file_of_any_name_is_merged_and_its_name_harms_no_board(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(to_text([make_row("a", 0)]))
    merge(tmp_path / "boards", file)
    (row,) = read_rows(tmp_path / "boards" / "rows.jsonl")
    assert row["merged_from"].isprintable()
    told = row["merged_from"].replace("|", "\\|").replace("`", "'")
    assert (
        f"\n† Not measured here: rows merged from `{told}`, of `a`.\n"
        in (tmp_path / "boards/made-utility.md").read_text()
    )
    assert stale(tmp_path / "boards") == []


def test_a_row_without_the_key_of_its_suite_is_on_no_board(tmp_path: Path) -> None:
    file = tmp_path / "theirs.jsonl"
    file.write_text(to_text([make_row("a", 0, keys={"fidelity": "0a"})]))
    merge(tmp_path / "boards", file)
    assert sorted(contents(tmp_path / "boards")) == [".lock", "README.md", "index.html", "rows.jsonl"]
    assert "no cell has a number (1 system, 1 cell)" in (tmp_path / "boards" / "README.md").read_text()
    assert stale(tmp_path / "boards") == []


def test_a_name_that_cannot_be_printed_becomes_one_that_can() -> None:
    (row,) = taken_from([make_row("a", 0)], "a\nb\ud800" + "x" * 500)
    assert check_row(row) is None


@pytest.mark.parametrize("name", ["rows.jsonl", "made-utility.md", "README.md"])
def test_a_fifo_is_neither_read_nor_replaced(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(NtgbenchError):
        publish([make_row("a", 0)], tmp_path)
    assert [path.name for path in tmp_path.glob("[!.]*")] == [name]
    if name == "rows.jsonl":
        with pytest.raises(NtgbenchError, match="not a regular file"):
            merge(tmp_path / "boards", tmp_path / name)


def test_rows_that_are_no_file_are_said_to_be_there(tmp_path: Path, command) -> None:
    for name, why in (("folder", "it is a folder"), ("link", "Too many levels of symbolic links")):
        rows = tmp_path / name / "rows.jsonl"
        rows.mkdir(parents=True) if name == "folder" else rows.parent.mkdir()
        if name == "link":
            rows.symlink_to(rows)
        assert f"cannot read {name}/rows.jsonl: {why}" in command("report", "--out", name).stderr


@contextlib.contextmanager
def largest_file(size: int):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_when_one_file_cannot_be_written_none_is(tmp_path: Path) -> None:
    publish([make_row("a", 0)], tmp_path)
    before = contents(tmp_path)
    # The rows fit, a board does not.
    rows = [make_row("a", 1)]
    size = (tmp_path / "rows.jsonl").stat().st_size
    assert 3 * size > (tmp_path / "made-utility.md").stat().st_size > size
    with largest_file(size // 2), pytest.raises(NtgbenchError, match="nothing was changed"):
        publish(rows, tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("value", [-1.0, 1.5])
def test_a_number_outside_the_bounds_of_its_metric_is_refused(tmp_path: Path, value: float) -> None:
    from ntgbench.plugins import registry

    version = registry().metrics()["macro_f1"].version
    row = make_row("a", 0, **with_metric("utility/macro_f1", value=value, version=version))
    file = tmp_path / "other.jsonl"
    file.write_text(to_text([row]))
    with pytest.raises(NtgbenchError, match=r"a, utility/macro_f1 is .*, outside its bounds 0.0..1.0"):
        merge(tmp_path / "boards", file)
    assert not (tmp_path / "boards").exists()
    # So it is in the folder of the boards, where whoever edits the file would have the web page show it.
    file.rename(tmp_path / "rows.jsonl")
    for refused in (lambda: publish([], tmp_path), lambda: stale(tmp_path)):
        with pytest.raises(
            NtgbenchError, match=r"rows.jsonl, line 1: not a row: a, utility/macro_f1 is .*, outside its"
        ):
            refused()
