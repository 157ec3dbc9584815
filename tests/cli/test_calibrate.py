"""`ntgbench calibrate` writes the page of calibration."""

import json
import re

from guide import MODULES

from ntgbench.interfaces import MetricSpec
from ntgbench.plugins import registry

CONSTANT = MetricSpec("constant", "made_metrics:flat", "Always 0.5", "fidelity", "min", passes=("symmetry", "noise"))


def table(page: str, metric: str) -> dict[str, str]:
    """What the page says of a metric, by check."""
    lines = page.splitlines()
    (row,) = (place for place, line in enumerate(lines) if line.startswith(f"| `{metric}` ") and "ass" in line)
    heads = next(line for line in reversed(lines[:row]) if line.startswith("| metric"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (heads, lines[row])]
    return dict(zip(*cells, strict=True))


def test_the_page_and_the_json_say_what_metrics_declare_and_pass(command, tmp_path) -> None:
    done = command("calibrate", "jsd_1gram", "leakage", "--out", "page.md", "--json")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.md").read_text()
    told = json.loads(done.stdout)["metrics"]
    assert page.startswith(
        "# Calibration of the metrics\n\nThis page is made by `ntgbench calibrate jsd_1gram leakage`"
    )
    for name in ("jsd_1gram", "leakage"):
        cells = table(page, name)
        for check, found in told[name]["checks"].items():
            if check not in cells:
                assert found["state"] == "does not apply"
                continue
            assert found["declared"] == cells[check].startswith("**") == (check in registry().metrics()[name].passes)
            assert found["state"].startswith(cells[check].strip("*"))
            assert (f"- `{name}`, {check}: {found['reason']}" in page) == (found["state"] == "fails")
    # What a reader would expect of two of the paper's metrics, and does not get.
    assert table(page, "jsd_1gram")["markov-order"] == "fail"
    assert table(page, "leakage")["noisy-copy"] == "fail"
    assert told["jsd_1gram"]["values"]["itself: test"] == [0.0, 0.0, 0.0]
    assert set(told["jsd_1gram"]["cost"]["cpu_seconds"]) == {"1000", "3000", "9000"}
    assert re.search(r"\| `leakage` +\| +[\d.e-]+ \| +-?[\d.]+ \|", page)
    assert "of 30  fidelity: leakage: markov-order" in done.stderr


def test_a_declared_check_that_fails_is_an_error(command, monkeypatch) -> None:
    monkeypatch.setattr(type(registry()), "metrics", lambda _: {"constant": CONSTANT})
    done = command("calibrate", "constant")
    assert done.returncode == 1
    assert "FAIL  constant declares noise, and does not pass" in done.stderr
    cells = table(done.stdout, "constant")
    assert (cells["symmetry"], cells["noise"], cells["class-swap"]) == ("**pass**", "**FAIL**", "fail")


def test_an_unknown_metric_is_refused_before_anything_is_measured(command) -> None:
    done = command("calibrate", "jsd_1grm")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no metric is called 'jsd_1grm'; did you mean jsd_1gram" in done.stderr


def test_metrics_of_a_track_without_checks_have_none(command, install) -> None:
    install("lengths", MODULES["lengths"])
    done = command("check", "mean_gap")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "calibration:" not in done.stdout
    done = command("calibrate", "mean_gap")
    assert done.returncode == 0, done.stderr
    assert "The track lengths has no calibration checks." in done.stdout


def test_ctrl_c_ends_it_though_a_metric_is_at_work(command, monkeypatch) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("made_metrics.flat", interrupted)
    monkeypatch.setattr(type(registry()), "metrics", lambda _: {"constant": CONSTANT})
    done = command("calibrate", "constant", "--out", "page.md")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "stopped"
