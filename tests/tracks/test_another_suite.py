"""A suite from outside is one module with one entry point; its settings are a table of the protocol."""

import json

from guide import MODULES

PROTOCOL = """
version = 1
summary = "volume"
datasets = ["example.parquet"]
systems = ["real", "copy"]
suites = ["volume", "fidelity"]
seeds = 1
[volume]
scale = {scale}
"""


def test_it_is_measured_and_has_a_page(install, ntgbench, flows, tmp_path) -> None:
    install("volume", MODULES["volume"])
    path, rows = tmp_path / "mine.toml", tmp_path / "leaderboards" / "rows.jsonl"

    def run(scale: int) -> dict[str, dict]:
        path.write_text(PROTOCOL.format(scale=scale))
        assert ntgbench("run", "mine.toml").returncode == 0
        return {row["system"]: row for row in map(json.loads, rows.read_text().splitlines())}

    first, second = run(1), run(100)
    assert first["real"]["metrics"]["volume/bytes"]["value"] == 1.0
    # Other settings of one suite measure that one again, and nothing else.
    for before, after in zip(first.values(), second.values(), strict=True):
        assert after["metrics"]["volume/bytes"]["value"] == 100 * before["metrics"]["volume/bytes"]["value"]
        assert after["keys"]["fidelity"] == before["keys"]["fidelity"]
        assert after["keys"]["volume"] != before["keys"]["volume"]
        assert after["phases"]["fit"] == before["phases"]["fit"]
    page = (tmp_path / "leaderboards" / "example-volume.md").read_text()
    assert "# example: volume\n\nPayload bytes of the synthetic traffic," in page
    assert "bytes ↑" in page
