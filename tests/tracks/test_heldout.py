"""A reference that is fitted on held-out traffic shows what real traffic scores."""

import json

from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace_files import write_trace_file

PLUGIN = """
    from ntgbench import GeneratorSpec, MetricSpec, hookimpl
    from ntgbench.traffic.trace_files import read_trace_file, write_trace_file

    @hookimpl
    def ntgbench_generators():
        common = {"track": "headers", "reference": True}
        return [
            GeneratorSpec("later", "heldout:Same", "x", heldout=True, **common),
            GeneratorSpec("earlier", "heldout:Same", "x", **common),
        ]

    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec("same_times", "heldout:same", "x", "validity", "max", track="headers")]

    def same(real, synthetic, seed):
        share = len(set(real.time_ns.tolist()) & set(synthetic.time_ns.tolist())) / len(set(synthetic.time_ns.tolist()))
        return {"same_times": share, "same_times@ref": 0.5}

    class Same:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.train = train
        def sample(self, packets, span_ns, rng): return self.train
        def save(self, folder): write_trace_file(self.train, folder / "train.parquet")
        def load(self, folder): self.train = read_trace_file(folder / "train.parquet")
"""

PROTOCOL = """
version = 1
summary = "held-out"
track = "headers"
datasets = ["trace.parquet"]
systems = ["earlier", "later"]
suites = ["validity"]
seeds = 1
"""


def test_it_is_fitted_on_the_held_out_part_and_has_the_floor(install, command, tmp_path) -> None:
    install("heldout", PLUGIN)
    write_trace_file(example_trace(), tmp_path / "trace.parquet")
    (tmp_path / "mine.toml").write_text(PROTOCOL)
    done = command("run", "mine.toml", NTGBENCH_PLUGINS="heldout")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines()]
    found = {
        row["system"]: {
            key.removeprefix("validity/"): one["value"]
            for key, one in row["metrics"].items()
            if key.startswith("validity/same_times")
        }
        for row in rows
    }
    assert found == {
        "earlier": {"same_times": 1, "same_times@ref": 0.5, "same_times@test": 0},
        "later": {"same_times": 0, "same_times@ref": 0.5, "same_times@test": 1, "same_times@floor": 0},
    }
