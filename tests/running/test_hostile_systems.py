"""Systems and metrics that fail, and what is run again when they are mended."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_cells")

THROWS = """
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("throws", "throws:Throws", "x")]

    class Throws:
        def __init__(self, parameters): pass
        def fit(self, train, context): raise RuntimeError("boom")
        def sample(self, labels, rng): return np.ones((len(labels), self.train.packets), np.int64)
        def save(self, folder): pass
        def load(self, folder): pass
"""


def rows(folder: Path) -> dict[str, dict]:
    return {row["system"]: row for row in map(json.loads, (folder / "rows.jsonl").read_text().splitlines())}


def test_failed_cells_wait_for_retry(install, command, flows, tmp_path) -> None:
    install("throws", THROWS)
    arguments = ("run", "-d", flows, "-s", "throws", "--seeds", 1, "--suite", "fidelity")
    command(*arguments)
    again = command(*arguments)
    assert again.returncode == 1
    assert "1 of them failed (--retry runs those again)" in again.stdout
    plan = command("plan", *arguments[1:])
    assert "RuntimeError: boom" in plan.stdout
    module = tmp_path / "site" / "throws.py"
    module.write_text(module.read_text().replace('raise RuntimeError("boom")', "self.train = train"))
    mended = command(*arguments, "--retry")
    assert mended.returncode == 0, mended.stderr
    assert rows(tmp_path / "leaderboards")["throws"]["status"] == "ok"


METRICS = """
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec("bad_metric", "bad_metrics:measure", "x", "fidelity", "min"),
                MetricSpec("fine_metric", "bad_metrics:fine", "x", "fidelity", "min")]

    def measure(real, synthetic, seed):
        raise ValueError("cannot measure")

    def fine(real, synthetic, seed):
        return {"fine_metric": 0.25}
"""


def test_a_new_version_of_a_metric_is_measured_without_fitting_again(install, command, flows, tmp_path) -> None:
    install("bad-metrics", METRICS.replace('raise ValueError("cannot measure")', 'return {"bad_metric": 0.5}'))
    arguments = ("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    assert command(*arguments).returncode == 0
    fitted = next(tmp_path.glob("runs/quick/*/copy/*/fitted/system.json"))
    before = fitted.stat().st_mtime_ns
    module = tmp_path / "site" / "bad_metrics.py"
    module.write_text(
        module.read_text().replace('"fidelity", "min")]', '"fidelity", "min", version=2)]').replace("0.25", "0.75")
    )
    assert "0 finished earlier" in command(*arguments).stdout
    metrics = rows(tmp_path / "leaderboards")["copy"]["metrics"]
    assert metrics["fidelity/fine_metric"] == {"value": 0.75, "version": 2, "goal": "min", "digits": 3}
    assert fitted.stat().st_mtime_ns == before


SLOW_LEARNER = """
    import logging
    import numpy as np
    from ntgbench import GeneratorSpec, MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec("ours", "learner:measure", "x", "utility", "min")]

    def measure(real, synthetic, seed):
        return {"ours": 0.25}

    @hookimpl
    def ntgbench_generators():
        return [
            GeneratorSpec("first", "learner:Learner", "x"),
            GeneratorSpec("second", "learner:Learner", "starts from the first", base="first"),
        ]

    class Learner:
        def __init__(self, parameters): pass
        def fit(self, train, context):
            self.packets, self.seen = train.packets, len(train)
            logging.getLogger("learner").warning("there is little to learn")
            if context.base is not None:
                taught = int((context.base / "seen").read_text())
                print("BASE", taught, "OWN", len(train), flush=True)
        def sample(self, labels, rng): return np.ones((len(labels), self.packets), np.int64)
        def save(self, folder):
            (folder / "seen").write_text(str(self.seen))
        def load(self, folder):
            raise OSError("cannot be loaded")
"""


def test_what_was_measured_before_a_failure_is_kept(install, command, flows, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "fidelity,learner")
    install("learner", SLOW_LEARNER)
    suites = [word for suite in ("fidelity", "utility", "augmentation") for word in ("--suite", suite)]
    done = command("run", "-d", flows, "-s", "first", "--seeds", 1, *suites)
    assert done.returncode == 1
    row = rows(tmp_path / "leaderboards")["first"]
    assert row["status"] == "failed"
    assert "holds no model that first can load: cannot be loaded" in row["reason"]
    assert row["reason"].startswith("runs/quick/example-")
    assert {key.partition("/")[0] for key in row["metrics"]} == {"fidelity", "utility"}
    # What is logged as a warning becomes a note.
    assert row["notes"] == [
        "1 of 4 classes train but are never tested, having one biflow only: rare",
        "there is little to learn",
    ]


def test_a_base_learns_from_no_more_than_its_heir(install, command, flows, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "learner")
    install("learner", SLOW_LEARNER.replace('raise OSError("cannot be loaded")', "self.packets = 10"))
    protocol = tmp_path / "few.toml"
    protocol.write_text(
        f'version=1\nsummary="x"\ndatasets=["{flows}"]\nsystems=["second"]\nseeds=1\nsuites=["augmentation"]\n'
        '[augmentation]\nfractions=[0.1]\narms=["subset"]\n'
    )
    done = command("run", protocol)
    assert done.returncode == 0, done.stderr
    log = next(tmp_path.glob("runs/few/*/second/*/log.txt")).read_text().split("\n")
    taught = [tuple(map(int, line.split()[1::2])) for line in log if line.startswith("BASE")]
    assert len(taught) == 2
    assert all(base == own for base, own in taught)
    assert taught[0] > taught[1]


def test_a_metric_that_fails_spares_the_rest_and_is_measured_again_without_fitting(
    install, command, flows, tmp_path
) -> None:
    install("bad-metrics", METRICS)
    arguments = ("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    assert command(*arguments).returncode == 1
    metrics = rows(tmp_path / "leaderboards")["copy"]["metrics"]
    assert metrics["fidelity/bad_metric"]["value"] is None
    assert metrics["fidelity/bad_metric"]["reason"] == "ValueError: cannot measure"
    assert metrics["fidelity/fine_metric"]["value"] == 0.25
    assert metrics["fidelity/jsd_1gram"]["value"] is not None
    assert "1 failed" in command("plan", *arguments[1:]).stdout
    fitted = next(tmp_path.glob("runs/quick/*/copy/*/fitted/system.json"))
    before = fitted.stat().st_mtime_ns
    module = tmp_path / "site" / "bad_metrics.py"
    module.write_text(module.read_text().replace('raise ValueError("cannot measure")', 'return {"bad_metric": 0.5}'))
    mended = command(*arguments, "--retry")
    assert mended.returncode == 0, mended.stderr
    assert rows(tmp_path / "leaderboards")["copy"]["metrics"]["fidelity/bad_metric"]["value"] == 0.5
    assert fitted.stat().st_mtime_ns == before


def test_changed_code_is_run_again(install, command, flows, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "fidelity,learner")
    install("learner", SLOW_LEARNER)
    arguments = ("run", "-d", flows, "-s", "first", "--seeds", 1, "--suite", "fidelity")
    command(*arguments)
    assert "1 finished earlier" in command(*arguments).stdout
    module = tmp_path / "site" / "learner.py"
    module.write_text(module.read_text() + "# better\n")
    assert "0 finished earlier" in command(*arguments).stdout
