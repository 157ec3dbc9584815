"""`ntgbench check` of plugins that end, block or multiply its process."""

import pytest

PLUGIN = """
    import os, signal, sys
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    NAMES = ["exits", "leaves", "dies", "hangs", "spins", "forks", "exits-late", "breaks-json"]

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
        def fit(self, train, context): print("last words", flush=True); os._exit(0)
    class Leaves(Ones):
        def fit(self, train, context): sys.exit(0)
    class Dies(Ones):
        def fit(self, train, context): os.kill(os.getpid(), signal.SIGSEGV)
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
    class ExitsLate(Ones):
        def sample(self, labels, rng):
            if len(labels) == 1: os._exit(0)
            return super().sample(labels, rng)
"""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "exits",
            "it ended the process with status 0 before the check was over\n      It printed last:\n      last words",
        ),
        ("leaves", "SystemExit: 0"),
        ("dies", "it ended the process by SIGSEGV before the check was over"),
    ],
)
def test_a_plugin_that_ends_the_process_fails_every_check_that_it_ends(install, ntgbench, name, reason) -> None:
    install("hostile", PLUGIN)
    done = ntgbench("check", name)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"FAIL  samples are valid biflows, one for each label\n      {reason}" in done.stdout
    assert "ok    its plugin imports nothing heavy before it runs" in done.stdout
    assert done.stdout.count("FAIL") >= 10
    assert done.stdout.splitlines()[-1].endswith("of 12 checks passed")


def test_checks_before_and_after_the_one_that_ends_the_process_have_their_own_say(install, ntgbench) -> None:
    install("hostile", PLUGIN)
    done = ntgbench("check", "exits-late")
    assert done.returncode == 1
    assert "ok    samples are valid biflows" in done.stdout
    assert "FAIL  any labels may be asked for: none, one, a shuffled many" in done.stdout
    assert "ok    other numbers of packets and payload limits work" in done.stdout


@pytest.mark.parametrize(
    ("name", "option", "reason"),
    [
        ("hangs", "--idle-minutes", "it has used no CPU for 0.05 minutes: it seems to hang"),
        ("spins", "--cpu-minutes", "over the time limit of 0.05 CPU minutes"),
    ],
)
def test_a_plugin_that_blocks_the_process_is_stopped(install, ntgbench, name, option, reason) -> None:
    install("hostile", PLUGIN)
    done = ntgbench("check", name, option, 0.05)
    assert done.returncode == 1
    assert reason in done.stdout
    assert "not run, because an earlier check did not finish" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("of 12 checks passed")


def test_a_copy_of_the_process_reports_nothing_twice(install, ntgbench) -> None:
    install("hostile", PLUGIN)
    done = ntgbench("check", "forks")
    assert done.stdout.splitlines()[-1].endswith("of 12 checks passed")
    assert sum(line.startswith(("ok ", "FAIL ")) for line in done.stdout.splitlines()) == 12


def test_a_report_that_a_plugin_has_spoilt_is_a_failed_check(install, ntgbench) -> None:
    install("hostile", PLUGIN)
    done = ntgbench("check", "breaks-json")
    assert done.returncode == 1
    assert "its report cannot be read" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
