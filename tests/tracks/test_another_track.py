"""A track from outside with its systems, metric and suite: one module, from the command line to a board."""

import json

import numpy as np
import pytest

NUMBERS = """
    import hashlib
    import numpy as np
    from ntgbench import GeneratorSpec, MetricSpec, Suite, Track, TrackSpec, hookimpl
    from ntgbench.errors import PluginError
    from ntgbench.scores import score

    @hookimpl
    def ntgbench_tracks(): return [TrackSpec("wholes", "wholes:Numbers", "number", "Whole numbers in a row")]
    @hookimpl
    def ntgbench_suites():
        return [Suite("means", "wholes:measure", "How far means are off", "Means.", track="wholes")]
    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec("off", "wholes:off", "Distance of means", "means", "min", highest=None, track="wholes")]
    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("again", "wholes:Again", "Numbers seen before", track="wholes"),
                GeneratorSpec("fewer", "wholes:Fewer", "Too few numbers", track="wholes")]

    class Numbers(Track):
        endings = (".npy",)
        def read(self, path, layout): return np.load(path), ()
        def accepts(self, traffic, layout): return isinstance(traffic, np.ndarray)
        def load(self, path): return np.load(path)
        def write(self, traffic, path):
            with path.open("wb") as file: np.save(file, traffic)
        def digest(self, traffic): return hashlib.blake2b(traffic.tobytes(), digest_size=16).hexdigest()
        def split(self, traffic, test_share, seed): return np.split(traffic, [round(len(traffic) * (1 - test_share))])
        def request(self, train): return (len(train),)
        def check(self, made, request, train):
            if len(made) != request[0]: raise PluginError(f"returned {len(made)} numbers, not {request[0]}")
            return made
        def describe(self, traffic): return {"numbers": len(traffic)}
        def example(self, seed=1): return np.random.default_rng(seed).integers(0, 9, 50)

    def measure(given): return score(given.metrics, given.test, given.synthetic, given.seed("means"))
    def off(real, synthetic, seed): return {"off": abs(real.mean() - synthetic.mean())}

    class Again:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.train = train
        def sample(self, count, rng): return rng.choice(self.train, count)
        def save(self, folder): np.save(folder / "train.npy", self.train)
        def load(self, folder): self.train = np.load(folder / "train.npy")

    class Fewer(Again):
        def sample(self, count, rng): return self.train[1:]
"""

PROTOCOL = """
    version = 1
    summary = "numbers"
    track = "wholes"
    datasets = ["some.npy"]
    systems = [{systems}]
    seeds = 2
"""


@pytest.fixture
def numbers(install, tmp_path):
    install("wholes", NUMBERS)
    np.save(tmp_path / "some.npy", np.arange(200) % 7)

    def protocol(*systems: str):
        text = PROTOCOL.replace("{systems}", json.dumps(systems)[1:-1])
        (tmp_path / "mine.toml").write_text("\n".join(line.strip() for line in text.splitlines()))
        return "mine.toml"

    return protocol


def test_it_runs_from_the_command_line_to_a_board(numbers, ntgbench, tmp_path) -> None:
    done = ntgbench("run", numbers("again", "fewer"))
    assert done.returncode == 1
    assert "some: 200 numbers" in done.stdout
    assert "fewer returned 159 numbers, not 160" in done.stderr
    board = (tmp_path / "leaderboards" / "some-means.md").read_text()
    assert "# some: means\n\nMeans.\n" in board
    assert "|      1 | `again`" in board
    rows = [json.loads(line) for line in (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()]
    assert {row["track"] for row in rows} == {"wholes"}
    assert len({row["keys"]["means"] for row in rows}) == 1
    assert ntgbench("run", "mine.toml").stdout.count("finished earlier") == 1
    assert ntgbench("leaderboard", "--check").returncode == 0


def test_its_systems_and_metrics_are_checked(numbers, ntgbench) -> None:
    assert ntgbench("check", "again").returncode == 0
    assert ntgbench("check", "off").returncode == 0
    refused = ntgbench("check", "fewer")
    assert refused.returncode == 1
    assert "fewer returned 49 numbers, not 50" in refused.stdout


def test_what_is_of_another_track_is_refused(numbers, ntgbench, tmp_path) -> None:
    done = ntgbench("run", numbers("again", "copy"))
    assert done.returncode == 1
    assert "error: the system copy is of the track biflows, and wholes is asked for" in done.stderr
    assert "of the track wholes, and biflows is asked for" in ntgbench("run", "quick", "-s", "again").stderr
    assert "the dataset lab is of the track biflows" in ntgbench("run", numbers("again"), "-d", "lab").stderr
    assert "the track wholes has no suite 'fidelity'" in ntgbench("run", "mine.toml", "--suite", "fidelity").stderr
    (tmp_path / "mine.toml").write_text('track = "whoels"\n')
    assert "there is no track 'whoels'; did you mean wholes?" in ntgbench("run", "mine.toml").stderr
