"""`ntgbench check` of plugins that end, block or multiply its process."""

from itertools import pairwise

import pytest

PLUGIN = """
    import os, signal, sys
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    NAMES = ["exits", "leaves", "dies", "hangs", "spins", "forks", "breaks-json"]

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec(name, f"hostile:{name.title().replace('-', '')}", name) for name in NAMES]

    class Ones:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.train = train
        def sample(self, labels, rng): return np.ones((len(labels), self.train.packets), np.int64)
        def save(self, folder): pass
        def load(self, folder): pass

    class Exits(Ones):
        def save(self, folder): print("last words", flush=True); os._exit(0)
    class Leaves(Ones):
        def fit(self, train, context): sys.exit(0)
    class Dies(Ones):
        def sample(self, labels, rng):
            if len(labels) == 1: os.kill(os.getpid(), signal.SIGSEGV)
            return super().sample(labels, rng)
    class Hangs(Ones):
        def fit(self, train, context): signal.pause()
    class Spins(Ones):
        def fit(self, train, context):
            while True: pass
    class Forks(Ones):
        def fit(self, train, context):
            super().fit(train, context)
            if os.fork(): os.wait()
    class BreaksJson(Ones):
        def fit(self, train, context):
            import json
            json.dumps = lambda *x, **y: "{"
            super().fit(train, context)
"""


@pytest.mark.parametrize(
    ("name", "failed", "promise", "reason"),
    [
        (
            "exits",
            3,
            "a saved and loaded model gives the same traffic",
            "it ended the process with status 0 before the check was over\n      It printed last:\n      last words",
        ),
        (
            "dies",
            2,
            "any labels may be asked for: none, one, a shuffled many",
            "it ended the process by SIGSEGV before the check was over",
        ),
        ("leaves", 12, "samples are valid traffic, as much as was asked for", "SystemExit: 0"),
    ],
)
def test_a_plugin_that_ends_the_process_fails_the_checks_that_it_ends(
    install, command, name: str, failed: int, promise: str, reason: str
) -> None:
    install("hostile", PLUGIN)
    done = command("check", name)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"FAIL  {promise}\n      {reason}" in done.stdout
    assert done.stdout.count("FAIL  ") == failed
    assert done.stdout.splitlines()[-1] == f"{13 - failed} of 13 checks passed"


@pytest.mark.parametrize(
    ("name", "option", "reason"),
    [
        ("hangs", "--idle-minutes", "it has used no CPU for 0.03 minutes: it seems to hang"),
        ("spins", "--cpu-minutes", "over the time limit of 0.03 CPU minutes"),
    ],
)
def test_a_plugin_that_blocks_the_process_is_stopped(install, command, name, option, reason) -> None:
    install("hostile", PLUGIN)
    done = command("check", name, option, 0.03)
    assert done.returncode == 1
    assert reason in done.stdout
    assert "not run, because an earlier check did not finish" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("of 13 checks passed")


def test_a_copy_of_the_process_reports_nothing_twice(install, command) -> None:
    install("hostile", PLUGIN)
    done = command("check", "forks")
    assert done.stdout.splitlines()[-1].endswith("of 13 checks passed")
    assert sum(line.startswith(("ok ", "FAIL ")) for line in done.stdout.splitlines()) == 13


def test_a_report_that_a_plugin_has_spoilt_is_a_failed_check(install, command) -> None:
    install("hostile", PLUGIN)
    done = command("check", "breaks-json")
    assert done.returncode == 1
    assert "its report cannot be read" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises-in-load", "holds no model that raises-in-load can load: boom"),
        ("not-reproducible", "two fits with the same seed, sampled with the same seed, differ"),
        ("changes-training", "the training set has changed"),
        ("patches-numpy", "numpy has changed for all that share the process: lexsort, log2, mean"),
        ("deletes-folder", "FileNotFoundError: [Errno 2] No such file or directory"),
        ("writes-here", ""),
    ],
)
@pytest.mark.usefixtures("misbehaving")
def test_what_a_run_cannot_show_is_found(command, tmp_path, name: str, reason: str) -> None:
    before = set(tmp_path.iterdir())
    done = command("check", name)
    assert done.returncode == int(bool(reason))
    assert reason in done.stdout
    # It works in a folder of its own.
    assert set(tmp_path.iterdir()) == before


METRIC = """
    import numpy as np
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        passes = ("symmetry", "noise", "nosie")
        return [MetricSpec("packet_gap", "gaps:gap", "Mean packets", "fidelity", "min", lowest=0.0, passes=passes)]

    def gap(real, synthetic, seed):
        return {"packet_gap": abs(real.lengths().mean() - synthetic.lengths().mean())}
"""


def test_a_metric_is_calibrated_and_what_it_does_not_declare_is_told(install, command) -> None:
    install("gaps", METRIC)
    done = command("check", "packet_gap")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[-1] == "5 of 7 checks passed"
    told = dict(pairwise(lines))
    unknown = "FAIL  what it declares to pass are calibration checks"
    assert told[unknown] == "      no calibration check is called 'nosie'; did you mean noise?"
    assert "ok    calibration: real and synthetic traffic may change places (symmetry)" in told
    failed = "FAIL  calibration: more noise scores worse (noise)"
    assert told[failed] == "      fails: 'noise: 0.1' does not score worse than 'fresh'"
    order = "      calibration: the order of the biflows does not change it (order-invariance)"
    assert told[order] == "      not declared: passes"
    swap = "      calibration: traffic of the wrong class scores worse (class-swap)"
    assert told[swap] == "      not declared: fails: 'classes exchanged: 2' does not score worse than 'fresh'"
    copies = "      calibration: more copying scores worse (copies)"
    assert told[copies] == "      not declared: does not apply: this metric is about how alike traffic is"
