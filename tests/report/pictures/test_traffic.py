"""Pictures of profiles: any profile that a row may have is drawn, and what is drawn is what was counted."""

import random
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_profiles import biflow_row, trace_row

from ntgbench.errors import NtgbenchError
from ntgbench.profiles import ALPHABET
from ntgbench.report.pictures import traces
from ntgbench.report.pictures.traffic import pictures, shown
from ntgbench.report.web import traffic
from ntgbench.results import check_row

PARTS = ("packets", "lengths", "transitions", "examples", *traces.PARTS)
SCALE = st.dictionaries(st.sampled_from(("packets", "pl_max", "seconds")), st.floats(0, 1e15))
NAMES = st.text(st.characters(exclude_categories=("C", "Z")), max_size=20)


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, Any]:
    """Whatever the schema takes, with all parts, so that all is drawn."""
    classes = draw(st.lists(NAMES, max_size=2))
    text = st.text(ALPHABET, max_size=30)
    sides = [
        {name: " ".join(draw(st.lists(text, min_size=1 + len(classes), max_size=1 + len(classes)))) for name in PARTS}
        for _ in range(2)
    ]
    return {"classes": classes, "scale": draw(SCALE), "real": sides[0], "synthetic": sides[1]}


@settings(max_examples=25)
@given(profiles())
def test_whatever_a_row_may_hold_is_drawn(profile: dict[str, Any]) -> None:
    row = {**biflow_row("a", 2), "profile": profile}
    assert check_row(row) is None
    found = shown([row])
    made = [*pictures(found), *pictures(found, profile["classes"])]
    assert len(made) >= 9
    for picture in made:
        ElementTree.fromstring(picture.svg)
        assert "nan" not in picture.svg
    assert "<section" in traffic.sections([row], 1_000_000)


def test_a_trace_of_equal_times_is_drawn() -> None:
    row = trace_row("a", 2)
    side = {**row["profile"]["real"], "scales": "", "delays": ""}
    row["profile"] = {**row["profile"], "scale": {"seconds": 0.0}, "real": side, "synthetic": side}
    assert len(pictures(shown([row]))) == 5


def test_rows_in_any_order_make_the_same() -> None:
    rows = [biflow_row(name, seed) for seed, name in enumerate("bca", 2)]
    rows.append({**biflow_row("b", 5), "protocol": "standard"})
    rows[1]["reference"] = True
    names = [one.system for one in shown(rows)]
    assert names == ["a", "b, quick", "b, standard", "c"]
    mixed = random.Random(1).sample(rows, len(rows))
    assert pictures(shown(mixed)) == pictures(shown(rows))
    assert traffic.sections(mixed, 1_000_000) == traffic.sections(rows, 1_000_000)


def test_a_class_that_nobody_has_is_refused() -> None:
    with pytest.raises(NtgbenchError, match="no profile has the class 'unknown'"):
        pictures(shown([biflow_row("a", 2)]), ["unknown"])


def test_curves_of_traces() -> None:
    row = trace_row("a", 2)
    found = {one.part: one for one in traces.curves([("a", row["profile"])])}
    assert [one.name for one in found["gaps"].series] == ["real trace", "a"]
    for part in ("gaps", "flow-sizes", "delays"):
        for line in found[part].series:
            shares = [share for _, share in line.points]
            assert shares == sorted(shares, reverse=True)
            assert 0 < min(shares) <= max(shares) <= 1
    flows = found["flow-sizes"].series[0].points
    assert flows[0] == (1.0, 1.0)


def test_only_traces_with_the_same_real_side_share_a_picture() -> None:
    first = trace_row("a", 2)["profile"]
    other = {**first, "synthetic": first["real"]}
    changed = {**first, "real": first["synthetic"]}
    assert [name for name, _ in traces.drawable([("a", first), ("b", changed), ("c", other)])] == ["a", "c"]
    assert len(traces.drawable([(str(place), first) for place in range(20)])) == 6
