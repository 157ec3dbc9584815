"""The commands, in an empty folder."""

import json
from pathlib import Path

import command_line
import pytest

from ntgbench import Biflows
from ntgbench.testing import example_traffic

SMALL = ("--seeds", 1, "--suite", "fidelity")
GRID = ("-d", "example.parquet", "-s", "copy", "-s", "markov[order=2]", *SMALL)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """The folder of a finished run, what it printed, and its plan as it was before."""
    folder = tmp_path_factory.mktemp("finished")
    example_traffic().to_parquet(folder / "example.parquet")
    planned = command_line.run(folder, "plan", *GRID).stdout
    return folder, command_line.run(folder, "run", *GRID), planned


def test_a_run_then_its_plan(finished) -> None:
    folder, done, planned = finished
    assert "2 cells: 0 done, 0 failed, 0 partial, 2 pending" in planned
    assert done.returncode == 0, done.stderr
    assert "example: 107 biflows, 4 classes" in done.stdout
    assert "example / markov[order=2] / seed 0: fidelity/jsd_2gram" in done.stdout
    states = json.loads(command_line.run(folder, "plan", *GRID, "--json").stdout)
    assert [(row["system"], row["state"]) for row in states] == [("copy", "done"), ("markov[order=2]", "done")]


def test_an_edited_leaderboard_is_stale_until_it_is_written_anew(finished) -> None:
    folder, _, _ = finished
    board = folder / "leaderboards" / "example-fidelity.md"
    before = board.read_bytes()
    board.write_bytes(before + b"edited")
    stale = command_line.run(folder, "report", "--check")
    assert (stale.returncode, stale.stderr) == (1, "stale: leaderboards/example-fidelity.md\n")
    assert command_line.run(folder, "report").returncode == 0
    assert board.read_bytes() == before
    assert command_line.run(folder, "report", "--check").returncode == 0


def test_generate_uses_the_system_that_a_run_has_fitted(finished, tmp_path: Path) -> None:
    folder, _, _ = finished
    model = next(folder.glob("runs/quick/*/markov*/*/fitted"))
    done = command_line.run(
        tmp_path, "generate", "--model", model, "--class", "video", "-n", 50, "--out", "made.parquet"
    )
    assert done.returncode == 0, done.stderr
    made = Biflows.from_parquet(tmp_path / "made.parquet")
    counts = dict(zip(made.classes, made.class_counts().tolist(), strict=True))
    assert counts == {"chat": 0, "mail": 0, "rare": 0, "video": 50}


def test_another_suite_later_measures_only_that(finished) -> None:
    folder, _, _ = finished
    grid = ("-d", "example.parquet", "-s", "copy", "--seeds", 1, "--suite", "fidelity", "--suite", "utility")
    assert "utility" in command_line.run(folder, "plan", *grid).stdout
    result = next(folder.glob("runs/quick/*/copy/*/result.json"))
    before = json.loads(result.read_text())
    assert command_line.run(folder, "run", *grid, "--out", "both").returncode == 0
    after = json.loads(result.read_text())
    assert before["metrics"].items() <= after["metrics"].items()
    assert {**after["phases"], "load": before["phases"]["load"]}.items() >= before["phases"].items()
    assert "utility/macro_f1" in after["metrics"]


def test_lists_as_json(command) -> None:
    for kind, name in (
        ("systems", "copy"),
        ("metrics", "jsd_1gram"),
        ("datasets", "simulated"),
        ("protocols", "quick"),
    ):
        assert name in {row["name"] for row in json.loads(command("list", kind, "--json").stdout)}


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
def test_info_tells_about_anything_with_a_name(command, flows, name: str, said: str) -> None:
    done = command("info", name)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    json.loads(command("info", name, "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("run", "quik"), 1, "did you mean quick"),
        (("run", "-d", "none.parquet"), 1, "none.parquet"),
        (("run", "-d", "simulatd"), 1, "did you mean simulated"),
        (("run", "-s", "markov[order=x]"), 1, "order must be a whole number, not 'x'"),
        (("run", "-s", "markow"), 1, "did you mean markov"),
        (("run", "--suite", "fidelty"), 1, "did you mean fidelity"),
        (("run", "--seeds", "0"), 2, "--seeds"),
        (("plan", "--seeds", "10001"), 2, "1<=x<=10000"),
        (("plan", "--device", "foo"), 2, "'foo' is no device; write cpu, cuda or cuda:1"),
        (("plan", "--device", "cuda:x"), 2, "'cuda:x' is no device"),
        (("info", "markow"), 1, "did you mean markov"),
        (("check", "markow"), 1, "did you mean markov"),
        (("report",), 1, "`ntgbench run` makes it"),
        (("new", "My Generator"), 1, "write it like my-generator"),
        (("new", "a" * 300), 1, "the name of a plugin has at most 100 characters, not 300"),
        (("nothing",), 2, "no command is called 'nothing'"),
    ],
)
def test_mistakes_get_an_answer_and_no_traceback(command, arguments: tuple, status: int, said: str) -> None:
    done = command(*arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["run", "plan"])
def test_what_a_protocol_names_wrongly_is_said_with_its_file(command, tmp_path: Path, name: str) -> None:
    text = 'version = 1\nsummary = "s"\ndatasets = ["simulatd"]\nsystems = ["{}"]\n'
    for system, why in (("copy", "no dataset is called 'simulatd'"), ("markow", "no system is called 'markow'")):
        (tmp_path / "mine.toml").write_text(text.format(system))
        assert command(name, "mine.toml").stderr.startswith(f"error: mine.toml: {why}")
    assert command(name, "mine.toml", "-s", "markof").stderr.startswith("error: no system is called 'markof'")


@pytest.mark.parametrize("name", ["nowhere/link", "nowhere.pcap"])
def test_info_does_not_list_all_names_for_a_path_that_is_missing(command, name: str) -> None:
    assert command("info", name).stderr == f"error: there is no file or folder {name}\n"


def test_a_link_that_leads_nowhere_is_said_to_be_one(command, tmp_path: Path) -> None:
    (tmp_path / "loop.pcap").symlink_to("loop.pcap")
    for words in (("info",), ("plan", "-d")):
        assert "loop.pcap is a symbolic link that leads to no file or folder" in command(*words, "loop.pcap").stderr


def test_debug_shows_the_traceback(ntgbench) -> None:
    assert "Traceback" in ntgbench("--debug", "info", "markow").stderr


def test_check_says_which_promise_is_broken(install, command) -> None:
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
    done = command("check", "forgetful")
    assert done.returncode == 1
    assert "FAIL  the same seeds give the same traffic" in done.stdout
    assert "FAIL  a saved and loaded model gives the same traffic" in done.stdout
    assert "ok    samples are valid traffic" in done.stdout
    assert command("check", "copy").returncode == 0
