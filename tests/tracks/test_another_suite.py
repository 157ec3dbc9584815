"""A suite from outside: one module and one entry point; its settings are a table of the protocol."""

import json

VOLUME = """
    from dataclasses import dataclass
    from ntgbench import Suite, hookimpl

    @dataclass(frozen=True)
    class Volume:
        scale: int = 1

    @hookimpl
    def ntgbench_suites():
        return [Suite("volume", "volume:measure", "How many bytes there are", "Bytes.", settings=Volume)]

    def measure(given):
        real, made = (abs(side.signed_pl.astype(int)).sum() for side in (given.train, given.synthetic))
        return {"bytes": {"value": given.settings.scale * float(made / real), "version": 1, "goal": "max", "digits": 2}}
"""

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
    install("volume", VOLUME)
    path, rows = tmp_path / "mine.toml", tmp_path / "leaderboards" / "rows.jsonl"

    def run(scale: int) -> dict[str, dict]:
        path.write_text(PROTOCOL.format(scale=scale))
        assert ntgbench("run", "mine.toml").returncode == 0
        return {row["system"]: row for row in map(json.loads, rows.read_text().splitlines())}

    first, second = run(1), run(3)
    # Other settings of one suite measure that one again, and nothing else.
    for before, after in zip(first.values(), second.values(), strict=True):
        assert after["metrics"]["volume/bytes"]["value"] == 3 * before["metrics"]["volume/bytes"]["value"]
        assert after["keys"]["fidelity"] == before["keys"]["fidelity"]
        assert after["keys"]["volume"] != before["keys"]["volume"]
        assert after["phases"]["fit"] == before["phases"]["fit"]
    page = (tmp_path / "leaderboards" / "example-volume.md").read_text()
    assert "# example: volume\n\nBytes.\n" in page
    assert "bytes ↑" in page
