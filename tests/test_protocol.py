from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.errors import ProtocolError
from ntgbench.protocol import Protocol, bundled, find, from_values, read

MINIMAL = 'version = 1\nsummary = "s"\ndatasets = ["simulated"]\nsystems = ["copy"]\n'


def test_bundled_protocols_are_valid_and_named_after_their_files() -> None:
    assert bundled().keys() == {"quick", "standard", "paper", "efficiency", "efficiency-paper"}
    assert all(protocol.name == name for name, protocol in bundled().items())


@pytest.mark.parametrize("name", ["quick", "standard", "paper", "efficiency", "efficiency-paper"])
def test_plain_values_round_trip(name: str) -> None:
    assert from_values(find(name).to_json(), "here") == find(name)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL + "[limits]\ncpu_minutes = 2\n[augmentation]\nfractions = [0.1, 1]\n")
    protocol = find(str(path))
    assert (protocol.name, protocol.limits.cpu_minutes, protocol.augmentation.fractions) == ("mine", 2.0, (0.1, 1.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = ", "is not TOML"),
        (MINIMAL + "sistems = []", "unknown key 'sistems'; did you mean systems"),
        (MINIMAL + "[limits]\nhours = 1", "limits: unknown key 'hours'"),
        (MINIMAL + "seeds = 0", "seeds is out of range"),
        (MINIMAL + 'seeds = "3"', "seeds: '3' has the wrong type"),
        (MINIMAL + "seeds = true", "seeds: True has the wrong type"),
        (MINIMAL + "test_share = 1.0", "test_share is out of range"),
        (MINIMAL + 'suites = ["fidelty"]', "did you mean fidelity"),
        (MINIMAL + '[augmentation]\narms = ["half"]', "arms: 'half' has the wrong type"),
        (MINIMAL + "[augmentation]\nfractions = [0.0]", "fractions is out of range"),
        (MINIMAL + "biflows = 1", "biflows is out of range"),
        (MINIMAL + "threads = 0", "threads is out of range"),
        (MINIMAL + "[budget]\nsteps = 0", "budget.steps is out of range"),
        (MINIMAL + "[budget]\nepochs = 0", "budget.epochs is out of range"),
        (MINIMAL + "[budget]\nminutes = 0", "budget.minutes is out of range"),
        (MINIMAL + "[efficiency]\nrepetitions = 0", "efficiency.repetitions is out of range"),
        (MINIMAL + "[efficiency]\ntrain_items = 0", "efficiency.train_items is out of range"),
        (MINIMAL + 'suites = ["efficiency", "utility"]', "efficiency is measured by itself"),
        (MINIMAL + "seeds = " + "[" * 5000, "is not TOML"),
        (MINIMAL + "seeds = " + "{a=" * 5000, "is not TOML"),
        (MINIMAL + "seeds = " + "[" * 200 + "]" * 200, "seeds: .* has the wrong type"),
        (MINIMAL + "limits = " + "{a=" * 200 + "1" + "}" * 200, "unknown key 'a'"),
        (MINIMAL + "test_share = " + "9" * 400, "test_share: .* is no finite number"),
        (MINIMAL + "[limits]\ncpu_minutes = inf", "limits: cpu_minutes: inf is no finite number"),
        (MINIMAL + "[limits]\ncpu_minutes = nan", "limits: cpu_minutes: nan is no finite number"),
        ("version = 1", "summary, datasets, systems must be given"),
    ],
)
def test_wrong_files_name_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ProtocolError, match=message):
        read(tmp_path / "x.toml")


def test_unknown_protocols_get_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="did you mean quick"):
        find("quik")
    with pytest.raises(ProtocolError, match="No such file"):
        find(str(tmp_path / "none.toml"))


@given(st.sampled_from(["seeds", "limits", "datasets", "systems", "suites", "summary"]), st.integers(2, 9))
def test_the_grid_and_limits_do_not_change_the_digest(key: str, number: int) -> None:
    changed = {
        "seeds": number,
        "limits": {"cpu_minutes": number},
        "datasets": ["x"] * number,
        "systems": ["x"] * number,
        "suites": ["utility"],
        "summary": str(number),
    }
    quick = find("quick").to_json()
    assert from_values({**quick, key: changed[key]}, "here").digest() == find("quick").digest()


@pytest.mark.parametrize(
    "changed",
    [
        {"packets": 9},
        {"pl_max": 1500},
        {"test_share": 0.3},
        {"version": 99},
        {"threads": 2},
        {"budget": {"epochs": 1}},
        {"budget": {"steps": 1}},
        {"fidelity": {"floor_draws": 6}},
    ],
)
def test_what_changes_a_number_changes_the_digest(changed: dict) -> None:
    quick: Protocol = find("quick")
    assert from_values({**quick.to_json(), **changed}, "here").digest() != quick.digest()


def test_no_bundled_protocol_depends_on_the_clock() -> None:
    assert all(protocol.budget.minutes is None for protocol in bundled().values())


def test_settings_that_older_rows_lack_leave_their_digest_as_it_was() -> None:
    # The digest of published rows of version 3 of `standard`.
    assert find("standard").digest() == "d2bd7d1a2582b30d"


def test_how_costs_are_measured_changes_the_digest_of_costs_alone() -> None:
    quick, costs = find("quick"), find("efficiency")
    other = replace(costs.efficiency, threads=2)
    assert replace(quick, efficiency=other).digest() == quick.digest()
    assert replace(costs, efficiency=other).digest() != costs.digest()
    assert replace(costs, test_share=0.5).digest() == costs.digest()
    assert replace(quick, test_share=0.5).digest() != quick.digest()
