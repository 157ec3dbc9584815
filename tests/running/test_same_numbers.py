"""A row depends on what was asked for, never on the clock, on the load, or on how many cells run beside it."""

import numpy as np
import pytest
from same_numbers import differences

import ntgbench
from ntgbench import Biflows, load_dataset
from ntgbench.protocol import from_values

SYSTEMS = ["cvae[outer=8,inner=8,latent=2]", "smote", "markov"]


@pytest.mark.slow
def test_cells_are_equal_in_other_surroundings_and_beside_others() -> None:
    protocol = {
        "version": 1,
        "summary": "s",
        "datasets": ["simulated"],
        "max_items": 200,
        "seeds": 1,
        "steps": 2,
        "systems": SYSTEMS,
        "suites": ["fidelity"],
    }
    assert differences(protocol) == {"all at once": []}


@pytest.mark.slow
def test_a_row_says_what_a_budget_cut(flows, tmp_path) -> None:
    outcome = ntgbench.run(
        from_values(
            {
                "name": "short",
                "version": 1,
                "summary": "s",
                "datasets": [str(flows)],
                "systems": ["mamba-onnx", "markov"],
                "suites": ["fidelity"],
                "seeds": 1,
                "budget": {"steps": 4},
            },
            "here",
        ),
        runs=tmp_path / "runs",
        out=tmp_path / "boards",
    )
    assert all(row["machine"]["threads"] == 1 for row in outcome.rows)
    said = "training made 4 of 42 steps by the budget of 4 steps"
    notes = {row["system"].partition("[")[0]: row["notes"] for row in outcome.rows}
    assert notes["mamba"][-1] == said
    # What starts from a model says what that model lacks.
    assert notes["mamba-onnx"][-1] == f"mamba, which it starts from: {said}"
    assert not any("budget" in note for note in notes["markov"])
    assert said in (tmp_path / "boards" / "example-fidelity.md").read_text()


def test_a_large_dataset_is_thinned_alike_each_time() -> None:
    whole = load_dataset("simulated").traffic
    thinned = load_dataset("simulated", max_items=1000)
    share = 1000 / len(whole)
    assert (
        thinned.notes[0]
        == f"thinned to {len(thinned.traffic):,} of {len(whole):,} biflows, the same share of each class"
    )
    np.testing.assert_array_equal(thinned.traffic.class_counts(), np.ceil(share * whole.class_counts() - 1e-9))
    assert load_dataset("simulated", max_items=1000).traffic == thinned.traffic
    assert load_dataset("simulated", max_items=len(whole)).traffic == whole


def test_one_training_session_has_no_floor_and_is_no_failure(tmp_path) -> None:
    lengths = np.arange(1, 81, dtype=np.int16).reshape(8, 10)
    traffic = Biflows(lengths, np.zeros(8, np.int32), ("a",), session=np.repeat(np.int32([0, 1]), 4))
    traffic.to_parquet(tmp_path / "two.parquet")
    outcome = ntgbench.run(
        "quick",
        datasets=[tmp_path / "two.parquet"],
        systems=["copy"],
        suites=["fidelity"],
        runs=tmp_path / "runs",
        out=tmp_path / "boards",
    )
    assert not outcome.failures()
    (row,) = outcome.rows
    assert row["metrics"]["fidelity/jsd_2gram"]["value"] is not None
    assert not any("@floor" in key for key in row["metrics"])
    assert any(note.startswith("no real-vs-real floor") for note in row["notes"])
