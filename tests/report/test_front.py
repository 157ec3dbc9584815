"""The page of utility against copying, of rows whose front and dials are known."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_rows import lines, make_row

from ntgbench.contract import check_spec
from ntgbench.errors import PluginError
from ntgbench.report.board import boards
from ntgbench.report.dials import dials
from ntgbench.report.markdown import render
from ntgbench.report.rank import Estimate, estimate, unbeaten
from ntgbench.results import Row
from ntgbench.suites import PAGES, Suite

SVG = "{http://www.w3.org/2000/svg}"
LIKE_UNSEEN, ON_FRONT = 6, -1


def number(value: float, goal: str = "min", **more: Any) -> dict[str, Any]:
    return {"value": value, "version": 1, "goal": goal, "digits": 3, **more}


def system(name: str, f1: float, hit: float, seed: int = 0, *, width: float = 0.0, **changed: Any) -> Row:
    metrics = {
        "utility/macro_f1": number(f1, "max", primary=True),
        "privacy/membership_auc": number(0.6, "near", best=0.5, primary=True),
        "privacy/membership_tpr": number(0.02),
        "privacy/single_hit": number(hit, low=hit - width, high=hit + width),
        "privacy/single_hit@floor": number(0.05),
        "privacy/single_hit@real": number(0.1 + seed / 100),
        "fidelity/detection_auc": number(0.55, "near", best=0.5),
    }
    return make_row(name, seed, **{"metrics": metrics, **changed})


def real(f1: float, seed: int = 0) -> Row:
    return system("real", f1, 1.0, seed, reference=True)


def table(rows: list[Row], below: str = "## quick") -> dict[str, list[str]]:
    return {cells[0].split()[0].strip("`*"): cells for cells in lines(render(rows)["made-front.md"], below)[2:]}


def test_the_table_has_the_front_unseen_traffic_and_the_distance_from_real() -> None:
    rows = [
        system("useful", 0.9, 0.3),
        system("careful", 0.8, 0.1),
        system("worse", 0.7, 0.2),
        system("poor", 0.5, 0.02),
        real(0.95),
    ]
    found = table(rows)
    assert list(found) == ["useful", "careful", "worse", "poor", "references", "real"]
    assert {name for name, cells in found.items() if cells[ON_FRONT] == "yes"} == {"useful", "careful", "poor"}
    # As much as unseen traffic is not more.
    assert {name for name, cells in found.items() if cells[LIKE_UNSEEN] == "yes"} == {"careful", "poor"}
    assert found["careful"][1:4] == ["0.800", "-0.150", "0.100 [0.100, 0.100]"]
    assert found["careful"][4:] == ["0.100", "0.050", "yes", "0.600", "0.020", "0.550", "yes"]
    assert found["real"][2] == "-"
    text = render(rows)["made-front.md"]
    best = "Best of those that repeat no more than unseen real traffic: `careful`, macro_f1 0.800 (-0.150 from `real`)"
    assert f"{best}, single_hit 0.100" in text


def test_two_systems_alike_do_not_beat_each_other_and_without_real_there_is_no_distance() -> None:
    found = table([system("a", 0.9, 0.2), system("b", 0.9, 0.2), system("c", 0.9, 0.3)])
    assert [found[name][ON_FRONT] for name in "abc"] == ["yes", "yes", ""]
    assert [found[name][2] for name in "abc"] == ["-"] * 3


def test_one_seed_is_like_unseen_traffic_within_the_standard_error_of_its_share() -> None:
    # An interval of ±0.0196 has a standard error of 0.01; unseen traffic has 0.1.
    found = table([system("a", 0.9, 0.1099, width=0.0196), system("b", 0.9, 0.1101, width=0.0196)])
    assert [found[name][LIKE_UNSEEN] for name in "ab"] == ["yes", ""]


def test_several_seeds_are_like_unseen_traffic_within_the_standard_error_of_the_paired_difference() -> None:
    # More than unseen traffic of their own seed by -0.01 and 0.02, so by 0.005 with an error of 0.015;
    # the other by 0.02 twice.
    rows = [system("a", 0.9, 0.09, 0), system("a", 0.9, 0.13, 1), system("b", 0.9, 0.12, 0), system("b", 0.9, 0.13, 1)]
    found = table(rows)
    assert [found[name][LIKE_UNSEEN] for name in "ab"] == ["yes", ""]
    assert table([*rows, real(0.9, 0), real(0.92, 1)])["a"][2] == "-0.010 ± 0.127"


def test_no_system_like_unseen_traffic_and_no_such_number_at_all_are_said() -> None:
    rows = [system("a", 0.9, 0.2), system("r", 0.9, 0.0, reference=True)]
    assert "No system repeats as little as unseen real traffic does." in render(rows)["made-front.md"]
    for row in rows:
        del row["metrics"]["privacy/single_hit@real"]
    text = render(rows)["made-front.md"]
    assert "No row says how much unseen real traffic copies, `single_hit@real`." in text
    assert "unseen real traffic: 0" not in render(rows)["made-front-quick.svg"]


def test_a_test_set_that_ranks_nothing_has_no_best_system_and_no_front() -> None:
    rows = [system("a", 0.9, 0.05), system("b", 0.8, 0.2)]
    for row in rows:
        row["cautions"] = [{"text": "one class", "unranked": True}]
    text = render(rows)["made-front.md"]
    assert "The test set cannot tell which system is best." in text
    assert [cells[-1] for cells in table(rows).values()] == ["", ""]


def test_rows_without_both_numbers_or_by_another_protocol_make_no_page() -> None:
    def only(suite: str, name: str, **changed: Any) -> Row:
        row = system(name, 0.9, 0.2, **changed)
        row["metrics"] = {key: one for key, one in row["metrics"].items() if key.startswith(suite)}
        return row

    assert "made-front.md" not in render([system("a", 0.9, 0.2)])
    assert "made-front.md" not in render([only("utility", "a"), only("privacy", "b")])
    apart = [system("a", 0.9, 0.2), system("b", 0.9, 0.2, protocol="mine"), only("utility", "c")]
    assert "made-front.md" not in render(apart)
    files = render([*apart, system("d", 0.8, 0.1)])
    assert "[utility against copying](made-front.md)" in files["README.md"]
    assert set(table([*apart, system("d", 0.8, 0.1)])) == {"a", "d"}


def test_protocols_whose_numbers_do_not_compare_have_a_section_and_a_picture_each() -> None:
    keys = [{"utility": one, "privacy": "ab", "fidelity": "cd"} for one in ("01", "02")]
    rows = [system(name, 0.9, 0.2, keys=own) for own in keys for name in (f"a{own['utility']}", f"b{own['utility']}")]
    files = render(rows)
    assert files["made-front.md"].count("\n## quick") == 2
    assert {"made-front-quick-1.svg", "made-front-quick-2.svg"} <= files.keys()
    # Detection was measured alike in all rows.
    assert files["made-front.md"].count("detection_auc → 0.5") == 2


def test_detection_that_was_measured_otherwise_in_some_rows_is_left_out() -> None:
    keys = [{"utility": "ab", "privacy": "ab", "fidelity": one} for one in ("01", "02")]
    rows = [system("a", 0.9, 0.2, keys=keys[0]), system("b", 0.9, 0.2, keys=keys[1])]
    text = render(rows)["made-front.md"]
    assert "membership_tpr ↓" in text
    assert "detection_auc →" not in text


@pytest.mark.parametrize("name", PAGES)
def test_no_suite_takes_the_name_of_a_page_about_several(name: str) -> None:
    with pytest.raises(PluginError, match=f"the name is taken by the page of {PAGES[name]}"):
        check_spec(Suite(name, "module:measure", "a suite"), Suite, "a hook")


def trained(**params: Any) -> Row:
    """A system whose defaults are 12 epochs and a patience of 5."""
    every = {"epochs": 12, "patience": 5, "fast": False, "mode": "plain", "limit": None, **params}
    name = ",".join(f"{key}={value}" for key, value in params.items())
    return system(f"net[{name}]" if params else "net", 0.5 + every["epochs"] / 100, every["epochs"] / 100, params=every)


def test_systems_that_differ_in_one_number_are_a_dial_in_its_order() -> None:
    rows = [trained(epochs=9), trained(), trained(epochs=1), trained(epochs=2, patience=99), trained(mode="other")]
    rows += [trained(epochs=4, patience=99), trained(fast=True), trained(limit=3), system("chain", 0.5, 0.1)]
    (board,) = boards(rows, "privacy")
    found = [(one.title, [value for value, _ in one.settings]) for one in dials(board.entries)]
    assert found == [("epochs of net", [1, 9, 12]), ("epochs of net[patience=99]", [2, 4])]


def test_a_dial_has_a_table_and_a_line() -> None:
    rows = [trained(epochs=9), trained(), trained(epochs=1), system("chain", 0.6, 0.3), real(0.9)]
    files = render(rows)
    found = lines(files["made-front.md"], "### Along a dial: epochs of `net`")
    assert [cells[0] for cells in found[2:]] == ["1", "9", "12"]
    assert [cells[1] for cells in found[2:]] == ["0.510", "0.590", "0.620"]
    root = ElementTree.fromstring(files["made-front-quick.svg"])
    titles = {"".join(path.itertext()): path for path in root.iter(f"{SVG}path") if "".join(path.itertext())}
    assert titles["epochs of net"].get("d", "").count("L") == 2
    assert "unseen real traffic: 0.1" in titles
    assert "one parameter changes" in {text.text for text in root.iter(f"{SVG}text")}
    assert "Along a dial" not in render([trained(), system("chain", 0.6, 0.3)])["made-front.md"]


def test_systems_of_two_plugins_are_not_one_dial() -> None:
    rows = [trained(epochs=9), trained()]
    rows[1]["distribution_version"] = "2"
    (board,) = boards(rows, "privacy")
    assert dials(board.entries) == []


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_everything_off_the_front_is_beaten_by_something_on_it(losses: dict[str, tuple[float, float]]) -> None:
    front = unbeaten(losses)
    assert front
    for name, (first, second) in losses.items():
        better = [one for one in front if losses[one][0] <= first and losses[one][1] <= second]
        assert (name in front) == all(losses[one] == losses[name] for one in better)


def test_the_standard_error_is_the_deviation_over_the_root_of_the_seeds() -> None:
    assert estimate([1.0, 2.0, 3.0]).error == pytest.approx(3**-0.5)
    assert Estimate(1.0, None, 1).error is None
