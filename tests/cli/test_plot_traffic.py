"""`ntgbench plot traffic` of two files."""

import re

from ntgbench.testing import example_traffic


def test_two_files_with_examples_of_both(command, flows, tmp_path) -> None:
    example_traffic(seed=3).to_parquet(tmp_path / "made.parquet")
    name = example_traffic().classes[0]
    done = command("plot", "traffic", "--real", flows, "--synthetic", "made.parquet", "--class", name, "--out", "mine")
    assert done.returncode == 0, done.stderr
    drawn = {path.name: path.read_text() for path in (tmp_path / "mine").glob("*.svg")}
    assert len(drawn) == 4
    shown = next(text for file, text in drawn.items() if "examples" in file)
    examples = re.findall(r"<title>([-\d, ]+)</title>", shown)
    assert len(examples) == 4
    for side, own in ((example_traffic(), examples[:2]), (example_traffic(seed=3), examples[2:])):
        known = {", ".join(str(one) for one in row if one) for row in side.signed_pl.tolist()}
        assert all(one in known for one in own)


def test_what_does_not_go_together_is_said(command, flows) -> None:
    for arguments, said in (
        (("traffic", "--real", flows), "must be given together"),
        (("radar", "--class", "a"), "for `ntgbench plot traffic`"),
        (("traffic", "--real", flows, "--synthetic", flows, "--class", "nothing"), "no profile has the class"),
    ):
        done = command("plot", *arguments)
        assert done.returncode == 1
        assert said in done.stderr
