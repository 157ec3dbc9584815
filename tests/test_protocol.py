from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.errors import ProtocolError
from ntgbench.protocol import bundled, find, from_values, read
from ntgbench.results import aliases
from ntgbench.suites import changed as changed_settings

MINIMAL = 'version = 1\nsummary = "s"\ndatasets = ["simulated"]\nsystems = ["copy"]\n'


BUNDLED = [
    "quick",
    "standard",
    "paper",
    "efficiency",
    "efficiency-paper",
    "headers",
    "headers-paper",
    "cascadenet-ablation",
    "drift",
    "front",
]


def test_bundled_protocols_are_valid_and_named_after_their_files() -> None:
    assert bundled().keys() == set(BUNDLED)
    assert all(protocol.name == name for name, protocol in bundled().items())


@pytest.mark.parametrize("name", BUNDLED)
def test_plain_values_round_trip(name: str) -> None:
    assert from_values(find(name).to_json(), "here") == find(name)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL + "[limits]\ncpu_minutes = 2\n[augmentation]\nfractions = [0.1, 1]\n")
    protocol = find(str(path))
    assert (protocol.name, protocol.limits.cpu_minutes, protocol.settings["augmentation"].fractions) == (
        "mine",
        2.0,
        (0.1, 1.0),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = ", "is not TOML"),
        (MINIMAL + "seeds = " + "[" * 5000, "is not TOML"),
        (MINIMAL + "seeds = " + "{a=" * 5000, "is not TOML"),
        ("version = 1", "summary, datasets, systems must be given"),
        (MINIMAL + "sistems = []", "unknown key 'sistems'; did you mean systems"),
        (MINIMAL + "[limits]\nhours = 1", "limits: unknown key 'hours'"),
        (MINIMAL + "limits = " + "{a=" * 200 + "1" + "}" * 200, "limits: unknown key 'a'"),
        (MINIMAL + "seeds = " + "[" * 200 + "]" * 200, "seeds must be a whole number, not a list of 1"),
        (MINIMAL + "seeds = 0x" + "f" * 5000, r"seeds must be below 2\*\*63"),
        (MINIMAL + "seeds = true", "seeds must be a whole number, not True"),
        (MINIMAL + "seeds = 0", "seeds must be at least 1, not 0"),
        (MINIMAL + "seeds = 1000000000", "seeds must be at most 10,000, not 1000000000"),
        (MINIMAL + "packets = 5", "unknown key 'packets'"),
        (MINIMAL + "[layout]\npackets = 5000", "layout.packets must be at most 4,096, not 5000"),
        (MINIMAL + "[settings]\nfidelity = 1", "unknown key 'settings'"),
        (MINIMAL + 'track = "headrs"', "no track is called 'headrs'; did you mean headers"),
        (MINIMAL + "test_share = 1.0", "test_share must be below 1, not 1.0"),
        (MINIMAL + "max_items = 1", "max_items must be at least 2, not 1"),
        (MINIMAL + "threads = 0", "threads must be at least 1, not 0"),
        (MINIMAL + "[budget]\nsteps = 0", "budget.steps must be at least 1"),
        (MINIMAL + "[budget]\nepochs = 0", "budget.epochs must be at least 1"),
        (MINIMAL + "[budget]\nminutes = 0", "budget.minutes must be above 0"),
        (MINIMAL + "[limits]\ncpu_minutes = inf", "limits.cpu_minutes must be finite, not inf"),
        (MINIMAL + "[limits]\ncpu_minutes = 0", "limits.cpu_minutes must be at least 0.01, not 0"),
        (MINIMAL + "[limits]\nmemory_gib = 0.000001", "limits.memory_gib must be at least 0.1, not 1e-06"),
        (MINIMAL.replace("1", "0"), "version must be at least 1, not 0"),
        (MINIMAL + "[efficiency]\nrepetitions = 0", "efficiency.repetitions must be at least 1"),
        (MINIMAL + "[efficiency]\ntrain_items = 0", "efficiency.train_items must be at least 1"),
        (MINIMAL + '[augmentation]\narms = ["half"]', r"augmentation.arms\[0\] must be 'full' or 'subset', not 'half'"),
        (MINIMAL + "[augmentation]\nfractions = [0.0]", r"augmentation.fractions\[0\] must be above 0"),
        (MINIMAL + "[augmentation]\nfractions = [1, 1.0]", "augmentation: fractions must differ"),
        (MINIMAL + "[augmentation]\nfractions = []", "augmentation.fractions must have at least 1 value, not 0"),
        (MINIMAL + 'name = "a/b"', "name must be at most 150 lower-case letters, digits, '.', '_' and '-', not 'a/b'"),
        (MINIMAL + 'suites = ["fidelty"]', "did you mean fidelity"),
        (MINIMAL + "suites = []", "suites must have at least 1 value"),
        (MINIMAL + 'suites = ["efficiency", "utility"]', "efficiency is measured by itself"),
    ],
)
def test_wrong_files_name_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ProtocolError, match=f"x.toml:? .*{message}"):
        read(tmp_path / "x.toml")


def test_a_suite_that_is_given_twice_is_measured_once() -> None:
    suites = {**find("quick").to_json(), "suites": ["utility", "fidelity", "utility"]}
    assert from_values(suites, "here").suites == ("utility", "fidelity")


def test_unknown_protocols_get_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"'quik'; did you mean quick\? Or give the path of a .toml file"):
        find("quik")
    with pytest.raises(ProtocolError, match=r"quick, standard; or give the path of a .toml file"):
        find("zzz")
    (tmp_path / "mine.txt").write_text(MINIMAL)
    with pytest.raises(ProtocolError, match=r"mine.txt is not read as a protocol: the name of its file must end in"):
        find(str(tmp_path / "mine.txt"))
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


KEYS = {name: find("quick").key(name) for name in ("fidelity", "utility", "augmentation", "efficiency")}


@pytest.mark.parametrize(
    ("changed", "suites"),
    [
        ({"test_share": 0.3}, {"fidelity", "utility", "augmentation"}),
        ({"threads": 2}, {"fidelity", "utility", "augmentation", "efficiency"}),
        ({"budget": {"epochs": 1}}, {"fidelity", "utility", "augmentation"}),
        ({"fidelity": {"floor_draws": 6}}, {"fidelity"}),
        ({"augmentation": {"arms": ["full", "subset"]}}, {"augmentation"}),
        ({"efficiency": {"rounds": 7}}, {"efficiency"}),
        ({"version": 99, "layout": {"packets": 3}, "max_items": 100}, set()),
    ],
)
def test_a_setting_changes_the_keys_of_the_suites_that_depend_on_it(changed: dict, suites: set[str]) -> None:
    # Layout and size change the digest of the dataset.
    other = from_values({**find("quick").to_json(), **changed}, "here")
    assert {name for name, key in KEYS.items() if other.key(name) != key} == suites
    fit = "budget" in changed or "threads" in changed or "test_share" in changed
    assert (other.digest() != find("quick").digest()) == fit


def test_no_bundled_protocol_depends_on_the_clock() -> None:
    assert all(protocol.budget.minutes is None for protocol in bundled().values())


def test_digests_of_published_rows_stand_for_the_keys_of_today() -> None:
    """By their old digests, of version 5 of `quick`, 3 of `standard` and 2 of `paper`, which measure the same now."""
    old = {"quick": "bd207a7433b48f61", "standard": "d2bd7d1a2582b30d", "paper": "ca7df0c18710ce83"}
    for name, digest in old.items():
        protocol = find(name)
        keys = {suite: protocol.key(suite) for suite in protocol.suites if suite != "privacy"}  # newer than the rows
        assert aliases()[digest] == {"protocol": protocol.digest(), **keys}


def test_a_new_setting_at_its_default_leaves_keys_as_they_are() -> None:
    @dataclass(frozen=True)
    class Inner:
        depth: int = 1

    @dataclass(frozen=True)
    class Settings:
        share: float = 0.5
        inner: Inner = field(default_factory=Inner)

    assert changed_settings(Settings()) == {}
    assert changed_settings(Settings(0.5, Inner(2))) == {"inner": {"depth": 2}}
