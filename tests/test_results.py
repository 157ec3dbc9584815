import json
from pathlib import Path

import pytest
from made_rows import make_row

from ntgbench.errors import NtgbenchError
from ntgbench.files import replacing, write_text
from ntgbench.protocol import find
from ntgbench.report.board import boards
from ntgbench.results import Row, check_row, identity, merged, read_rows, to_text

OLD = Path(__file__).parent / "rows_of_schema_1.jsonl"


def test_rows_round_trip_sorted(tmp_path: Path) -> None:
    rows = merged([], [make_row("markov", 1), make_row("copy", 0), make_row("markov", 0)])
    assert [(row["system"], row["seed"]) for row in rows] == [("copy", 0), ("markov", 0), ("markov", 1)]
    (tmp_path / "rows.jsonl").write_text(to_text(rows))
    assert read_rows(tmp_path / "rows.jsonl") == rows


def test_a_later_row_about_the_same_takes_the_earlier_ones_place() -> None:
    rows = merged([make_row("copy", 0, value=0.1), make_row("markov", 0)], [make_row("copy", 0, value=0.2)])
    assert [row["metrics"]["utility/macro_f1"]["value"] for row in rows] == [0.2, 0.5]


def test_suites_that_a_later_row_lacks_are_kept() -> None:
    jsd = {"fidelity/jsd": {"value": 0.1, "version": 1, "goal": "min", "digits": 3}}
    (row,) = merged([make_row("copy", 0, value=0.1)], [make_row("copy", 0, metrics=jsd)])
    assert {key: metric["value"] for key, metric in row["metrics"].items()} == {
        "utility/macro_f1": 0.1,
        "fidelity/jsd": 0.1,
    }
    (failed,) = merged([row], [make_row("copy", 0, status="failed", reason="boom", metrics={})])
    assert failed["metrics"] == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset_digest": "y"},
        {"protocol_digest": "y"},
        {"params": {"order": 2}},
        {"distribution_version": "2"},
        {"seed": 4},
    ],
)
def test_rows_about_something_else_stay(changed: dict) -> None:
    row = make_row("copy", 0)
    other: Row = {**row, **changed}
    assert identity(row) != identity(other)


@pytest.mark.parametrize(
    "path", [OLD, OLD.parent.parent / "leaderboards" / "rows.jsonl"], ids=["schema 1", "committed"]
)
def test_published_rows_are_read_and_written_back_byte_for_byte(path: Path) -> None:
    """Also with keys that are no longer written, such as the kind of a system."""
    rows = read_rows(path)
    assert {row.get("kind", "generator") for row in rows} <= {"generator", "augmenter"}
    assert to_text(rows) == path.read_text()


def test_a_row_has_a_track_and_suites_of_any_name_with_what_they_depend_on(tmp_path: Path) -> None:
    value = make_row("a", 0)["metrics"]["utility/macro_f1"]
    first = make_row("a", 0, track="headers", metrics={"field-sizes/jsd@train": value}, keys={"field-sizes": "0a"})
    later = make_row("a", 0, track="headers", metrics={"timing/jsd": value}, keys={"timing": "1b"})
    (row,) = merged([first], [later])
    assert row["keys"] == {"field-sizes": "0a", "timing": "1b"}
    (tmp_path / "rows.jsonl").write_text(to_text([row]))
    assert read_rows(tmp_path / "rows.jsonl") == [row]
    assert len(merged([first], [make_row("a", 0, metrics=first["metrics"])])) == 2


def metric(**changed) -> dict:
    return {"metrics": {"utility/x": {"value": 0.5, "version": 1, "goal": "max", "digits": 3, **changed}}}


def test_what_is_no_object_is_no_row() -> None:
    assert check_row([]) == "it must be a JSON object, not a list of 0"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "3",
        "{}",
        "[" * 100_000,
        json.dumps({**make_row("a", 0), "schema": 99}),
        *(
            json.dumps({**make_row("a", 0), **changed})
            for changed in (
                {"dataset": "../../escaped"},
                {"dataset": ".hidden"},
                {"protocol": "a/b"},
                {"seed": "0"},
                {"status": "perhaps"},
                {"system": "a\nb"},
                {"machine": {}},
                {"versions": {"numpy": 2}},
                {"notes": [1]},
                {"split": {"train": 0, "test": 2, "again": True}},
                {"split": {"train": 8, "test": 2}},
                {"cautions": ["few"]},
                {"cautions": [{"text": "x" * 2_001}]},
                metric(value="x"),
                metric(value=float("nan")),
                metric(value=float("inf")),
                metric(goal="up"),
                metric(digits=None),
                metric(digits=-1),
                metric(version="1"),
                {"metrics": {"utility/../x": metric()["metrics"]["utility/x"]}},
                {"metrics": {"x": 3}},
            )
        ),
    ],
)
def test_what_is_no_row_is_refused_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(make_row("copy", 0)) + "\n\n" + line + "\n")
    with pytest.raises(NtgbenchError, match="line 3"):
        read_rows(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(NtgbenchError, match="not UTF-8"):
        read_rows(tmp_path / "rows.jsonl")


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_text(path, "old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_rows_by_an_old_digest_are_ranked_with_those_that_have_keys() -> None:
    quick, value = find("quick"), {"value": 0.5, "version": 1, "goal": "max", "digits": 3, "primary": True}
    keys = {suite: quick.key(suite) for suite in ("fidelity", "utility")}
    old = make_row("a", 0, protocol_digest="bd207a7433b48f61", metrics={"fidelity/jsd_1gram": value})
    new = make_row("a", 0, protocol_digest=quick.digest(), keys={"utility": keys["utility"]})
    (row,) = merged([old], [new])
    assert row["keys"] == keys
    assert row["metrics"].keys() == {"fidelity/jsd_1gram", "utility/macro_f1"}
    other = make_row("b", 0, protocol_digest="bd207a7433b48f61")
    (board,) = boards([new, other], "utility")
    assert [entry.name for entry in board.entries] == ["a", "b"]
    unknown = make_row("c", 0, protocol_digest="0123")
    assert len(boards([new, other, unknown], "utility")) == 2
