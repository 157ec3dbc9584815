"""The commands, as processes in an empty folder."""

import json

import pytest

from ntgbench import Biflows

SMALL = ("--seeds", 1, "--suite", "fidelity")


def test_a_run_then_its_plan_then_its_leaderboard(ntgbench, flows, tmp_path) -> None:
    grid = ("-d", flows, "-s", "copy", "-s", "markov[order=2]", *SMALL)
    assert "2 cells: 0 done, 0 failed, 0 part, 2 left" in ntgbench("plan", *grid).stdout
    done = ntgbench("run", *grid)
    assert done.returncode == 0, done.stderr
    assert "example: 107 biflows, 4 classes" in done.stdout
    assert "example / markov[order=2] / seed 0: fidelity/jsd_2gram" in done.stdout
    states = json.loads(ntgbench("plan", *grid, "--json").stdout)
    assert [(row["system"], row["state"]) for row in states] == [("copy", "done"), ("markov[order=2]", "done")]
    board = tmp_path / "leaderboards" / "example-fidelity.md"
    before = board.read_bytes()
    board.write_bytes(before + b"edited")
    stale = ntgbench("leaderboard", "--check")
    assert (stale.returncode, stale.stderr) == (1, "stale: leaderboards/example-fidelity.md\n")
    assert ntgbench("leaderboard").returncode == 0
    assert board.read_bytes() == before
    assert ntgbench("leaderboard", "--check").returncode == 0


def test_another_suite_later_measures_only_that(ntgbench, flows, tmp_path) -> None:
    grid = ("-d", flows, "-s", "copy", "--seeds", 1)
    ntgbench("run", *grid, "--suite", "fidelity")
    assert "utility" in ntgbench("plan", *grid, "--suite", "fidelity", "--suite", "utility").stdout
    result = next(tmp_path.glob("runs/quick/*/copy/*/result.json"))
    before = json.loads(result.read_text())
    assert ntgbench("run", *grid, "--suite", "fidelity", "--suite", "utility").returncode == 0
    after = json.loads(result.read_text())
    assert before["metrics"].items() <= after["metrics"].items()
    assert {**after["phases"], "load": before["phases"]["load"]}.items() >= before["phases"].items()
    assert "utility/macro_f1" in after["metrics"]


def test_rows_of_another_machine_are_merged(ntgbench, flows, tmp_path) -> None:
    ntgbench("run", "-d", flows, "-s", "copy", *SMALL, "--out", "there", "--runs", "r1")
    ntgbench("run", "-d", flows, "-s", "marginals", *SMALL, "--out", "here", "--runs", "r2")
    done = ntgbench("leaderboard", "--out", "here", "--merge", "there/rows.jsonl")
    assert done.returncode == 0
    board = (tmp_path / "here" / "example-fidelity.md").read_text()
    assert "*copy*" in board
    assert "*marginals*" in board


def test_the_same_seed_gives_the_same_numbers_whatever_the_order(ntgbench, flows, tmp_path) -> None:
    ntgbench("run", "-d", flows, "-s", "copy", "-s", "smote", *SMALL, "--runs", "r1", "--out", "one")
    ntgbench("run", "-d", flows, "-s", "smote", "-s", "copy", *SMALL, "--runs", "r2", "--out", "two", "-j", 2)

    def numbers(folder: str) -> list:
        return [json.loads(line)["metrics"] for line in (tmp_path / folder / "rows.jsonl").read_text().splitlines()]

    assert numbers("one") == numbers("two")


def test_generate_uses_a_fitted_system(ntgbench, flows, tmp_path) -> None:
    ntgbench("run", "-d", flows, "-s", "markov", *SMALL)
    model = next(tmp_path.glob("runs/quick/*/markov/*/fitted"))
    done = ntgbench("generate", "--model", model, "--class", "video", "-n", 50, "--out", "made.parquet")
    assert done.returncode == 0, done.stderr
    made = Biflows.from_parquet(tmp_path / "made.parquet")
    counts = dict(zip(made.classes, made.class_counts().tolist(), strict=True))
    assert counts == {"chat": 0, "mail": 0, "rare": 0, "video": 50}
    assert ntgbench("generate", "--model", model, "-n", 5, "--out", "made.pcap").returncode == 0
    assert (tmp_path / "made.pcap").read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
    wrong = ntgbench("generate", "--model", model, "--class", "vidio", "--out", "x.parquet")
    assert "did you mean video" in wrong.stderr
    assert "holds no fitted system" in ntgbench("generate", "--model", tmp_path, "--out", "x.parquet").stderr
    assert "must end in" in ntgbench("generate", "--model", model, "--out", "x.txt").stderr


def test_lists_as_json(ntgbench) -> None:
    for kind, name in (
        ("systems", "copy"),
        ("metrics", "jsd_1gram"),
        ("datasets", "simulated"),
        ("protocols", "quick"),
    ):
        assert name in {row["name"] for row in json.loads(ntgbench("list", kind, "--json").stdout)}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("markov", "order"),
        ("jsd_1gram", "suite: fidelity"),
        ("simulated", "licence: MIT"),
        ("standard", "digest"),
        ("example.parquet", "107"),
    ],
)
def test_info_tells_about_anything_with_a_name(ntgbench, flows, name: str, said: str) -> None:
    done = ntgbench("info", name)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    json.loads(ntgbench("info", name, "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("run", "quik"), 1, "did you mean quick"),
        (("run", "-d", "none.parquet"), 1, "none.parquet"),
        (("run", "-d", "simulatd"), 1, "did you mean simulated"),
        (("run", "-s", "markov[order=x]"), 1, "order must be a whole number, not 'x'"),
        (("run", "--suite", "fidelty"), 1, "did you mean fidelity"),
        (("run", "--seeds", "0"), 2, "--seeds"),
        (("info", "markow"), 1, "did you mean markov"),
        (("check", "markow"), 1, "did you mean markov"),
        (("leaderboard",), 1, "`ntgbench run` makes it"),
        (("new", "My Generator"), 1, "write it like my-generator"),
        (("nothing",), 2, "No such command"),
    ],
)
def test_mistakes_get_an_answer_and_no_traceback(ntgbench, arguments: tuple, status: int, said: str) -> None:
    done = ntgbench(*arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(ntgbench) -> None:
    assert "Traceback" in ntgbench("--debug", "info", "markow").stderr


def test_check_says_which_promise_is_broken(install, ntgbench) -> None:
    install(
        "forgetful",
        """
        import numpy as np
        from ntgbench import GeneratorSpec, hookimpl

        @hookimpl
        def ntgbench_generators():
            return [GeneratorSpec("forgetful", "forgetful:Forgetful", "draws from the global generator")]

        class Forgetful:
            def __init__(self, parameters): pass
            def fit(self, train, context): self.packets = train.packets
            def sample(self, labels, rng): return np.random.randint(1, 99, (len(labels), self.packets))
            def save(self, folder): pass
            def load(self, folder): pass
        """,
    )
    done = ntgbench("check", "forgetful")
    assert done.returncode == 1
    assert "FAIL  the same seeds give the same biflows" in done.stdout
    assert "FAIL  a saved and loaded model gives the same biflows" in done.stdout
    assert "ok    samples are valid biflows" in done.stdout
    assert ntgbench("check", "copy").returncode == 0
