"""Systems that throw, lie, hang, die or eat memory: each is a row with a reason, and the others get theirs."""

import json
from pathlib import Path

import pytest

from ntgbench import Context
from ntgbench.errors import PluginError
from ntgbench.systems import choose
from ntgbench.testing import example_traffic

SYSTEMS = """
    import os, signal, sys
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    NAMES = ["throws", "exits", "dies", "segfaults", "hangs", "spins", "hogs", "lists",
             "floats", "nan", "short", "wide", "holes", "empty", "long", "half-saved", "unsaved"]

    @hookimpl
    def ntgbench_generators():
        made = [GeneratorSpec(name, f"hostile:{name.title().replace('-', '')}", name) for name in NAMES]
        return [*made, GeneratorSpec("no-class", "hostile:NoSuchClass", "x"),
                GeneratorSpec("no-library", "hostile:Throws", "x", needs=("no_such_library",))]

    class Copies:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.train = train
        def sample(self, labels, rng): return self.made(np.ones((len(labels), self.train.packets), np.int64))
        def made(self, rows): return rows
        def save(self, folder): pass
        def load(self, folder): pass

    class Throws(Copies):
        def fit(self, train, context): raise RuntimeError("boom")
    class Exits(Copies):
        def fit(self, train, context): sys.exit(3)
    class Dies(Copies):
        def fit(self, train, context): print("last words", flush=True); os._exit(7)
    class Segfaults(Copies):
        def fit(self, train, context): os.kill(os.getpid(), signal.SIGSEGV)
    class Hangs(Copies):
        def fit(self, train, context): signal.pause()
    class Spins(Copies):
        def fit(self, train, context):
            while True: pass
    class Hogs(Copies):
        def fit(self, train, context): self.hoard = np.ones(2**28); signal.pause()
    class Lists(Copies):
        def made(self, rows): return rows.tolist()
    class Floats(Copies):
        def made(self, rows): return rows + 0.5
    class Nan(Copies):
        def made(self, rows): return rows * float("nan")
    class Short(Copies):
        def made(self, rows): return rows[1:]
    class Wide(Copies):
        def made(self, rows): return np.hstack([rows, rows])
    class Holes(Copies):
        def made(self, rows): rows[3, 1] = 0; return rows
    class Empty(Copies):
        def made(self, rows): rows[5] = 0; return rows
    class Long(Copies):
        def made(self, rows): return rows * 1461
    class HalfSaved(Copies):
        def save(self, folder): (folder / "half").write_text("x"); raise OSError(28, "No space left on device")
    class Unsaved:
        def __init__(self, parameters): pass
        def fit(self, train, context): pass
        def sample(self, labels, rng): pass
"""

REASONS = {
    "throws": "RuntimeError: boom",
    "exits": "its process ended with status 3 and without a result",
    "dies": "its process ended with status 7 and without a result: last words",
    "segfaults": "its process was ended by SIGSEGV",
    "holes": "holes returned invalid biflows: row 3: no packet may follow an entry of 0 (a hole)",
    "half-saved": "OSError: [Errno 28] No space left on device",
    "no-class": "cannot import hostile:NoSuchClass",
}


def rows(folder: Path) -> dict[str, dict]:
    return {row["system"]: row for row in map(json.loads, (folder / "rows.jsonl").read_text().splitlines())}


@pytest.mark.slow
def test_every_kind_of_failure_is_a_row_with_a_reason(install, command, flows, tmp_path) -> None:
    install("hostile", SYSTEMS)
    wanted = [argument for name in (*REASONS, "copy") for argument in ("-s", name)]
    done = command("run", "-d", flows, *wanted, "--seeds", 1, "--suite", "fidelity", "-j", 2)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = rows(tmp_path / "leaderboards")
    for name, reason in REASONS.items():
        assert found[name]["status"] == "failed"
        assert reason in found[name]["reason"]
        assert f"failed: example / {name} / seed 0: " in done.stderr
        assert found[name]["log"].startswith("quick/example-")
        assert (tmp_path / "runs" / found[name]["log"]).is_file()
        assert f"(log: runs/{found[name]['log']})" in done.stderr
    assert found["copy"]["status"] == "ok"
    board = (tmp_path / "leaderboards" / "example-fidelity.md").read_text()
    assert f"`throws`, seed 0: RuntimeError: boom (log: `runs/{found['throws']['log']}`)" in board
    # The traceback is where a plugin's author looks for it.
    log = next(tmp_path.glob("runs/quick/*/throws/*/log.txt"))
    assert 'raise RuntimeError("boom")' in log.read_text()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lists", "lists returned list, not a numpy array"),
        ("floats", "floats returned float64 values; signed payload lengths are integers"),
        ("nan", "nan returned float64 values"),
        ("short", "short returned an array of shape"),
        ("wide", "wide returned an array of shape"),
        ("holes", r"holes returned invalid biflows: row 3: no packet may follow an entry of 0 \(a hole\)"),
        ("empty", "empty returned invalid biflows: row 5: a biflow has at least one packet"),
        ("long", "long returned invalid biflows: row 0: payload lengths are at most pl_max = 1460 bytes"),
        ("unsaved", "hostile:Unsaved has no method save, load"),
        ("no-library", "hostile:Throws needs no_such_library, which is not installed"),
    ],
)
def test_what_is_not_as_agreed_is_refused_with_a_reason(install, monkeypatch, name: str, reason: str) -> None:
    # The plugin can be imported without harm, which need not be found out by another process.
    monkeypatch.setenv("NTGBENCH_PROBED", "1")
    install("hostile", SYSTEMS)
    train = example_traffic()
    with pytest.raises(PluginError, match=reason):
        choose(name).fit(train, Context(seed=1)).sample(train.label, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limits", "reason"),
    [
        (
            "hangs",
            "idle_minutes = 0.05",
            "it has used no CPU for 0.05 minutes: it seems to hang, at fit 0%",
        ),
        # Much more than a worker uses before it fits.
        ("spins", "cpu_minutes = 0.1", "over the time limit of 0.1 CPU minutes, at fit 0%"),
        ("hogs", "memory_gib = 1", "over the memory limit of 1 GiB"),
    ],
)
def test_limits_end_a_system(install, command, flows, tmp_path, name: str, limits: str, reason: str) -> None:
    install("hostile", SYSTEMS)
    protocol = tmp_path / "strict.toml"
    protocol.write_text(
        f'version=1\nsummary=""\ndatasets=["{flows}"]\nsystems=["{name}"]\nseeds=1\n[limits]\n{limits}\n'
    )
    done = command("run", protocol, "--suite", "fidelity")
    assert done.returncode == 1
    row = rows(tmp_path / "leaderboards")[name]
    assert reason in row["reason"]
    assert row["phases"]["fit"] > 0
    assert reason in done.stdout
    assert "(0.0 s)" not in done.stdout


def test_failed_cells_wait_for_retry(install, command, flows, tmp_path) -> None:
    install("hostile", SYSTEMS)
    arguments = ("run", "-d", flows, "-s", "throws", "--seeds", 1, "--suite", "fidelity")
    command(*arguments)
    again = command(*arguments)
    assert again.returncode == 1
    assert "1 of them failed (--retry runs those again)" in again.stdout
    plan = command("plan", *arguments[1:])
    assert "RuntimeError: boom" in plan.stdout
    (tmp_path / "site" / "hostile.py").write_text(
        (tmp_path / "site" / "hostile.py").read_text().replace('raise RuntimeError("boom")', "self.train = train")
    )
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
