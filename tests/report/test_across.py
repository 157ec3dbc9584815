"""The page of ranks over datasets and seeds."""

from typing import Any

from made_rows import lines, make_row

from ntgbench.report.across import complete
from ntgbench.report.markdown import render


def rows(values: dict[str, list[float]], **changed: Any) -> list[Any]:
    return [make_row(name, seed, value=v, **changed) for name, own in values.items() for seed, v in enumerate(own)]


THREE = {"a": [0.9, 0.8, 0.9], "b": [0.5, 0.6, 0.7], "c": [0.1, 0.2, 0.7]}


def test_mean_ranks_over_seeds_and_datasets_with_references_marked() -> None:
    more = {"dataset": "other", "dataset_digest": "o", "source": "other.parquet"}
    reference = {"reference": True}
    every = [*rows(THREE), *rows({"real": [1.0, 1.0, 1.0]}, **reference)]
    every += [*rows(THREE, **more), *rows({"real": [1.0, 1.0, 0.0]}, **more, **reference)]
    text = render(every)["ranks.md"]
    found = [line[:2] for line in lines(text, "## utility, quick: macro_f1 ↑")[2:]]
    assert found == [["*real*", "1.50"], ["`a`", "1.83"], ["`b`", "3.00"], ["`c`", "3.67"]]
    assert "6 blocks of 2 datasets (`made`, `other`), 4 systems." in text
    assert "Seeds of one dataset are not independent blocks" in text
    assert "](ranks.md)" in render(every)["README.md"]


def test_too_few_blocks_or_systems_make_no_page() -> None:
    assert "ranks.md" not in render(rows({name: own[:1] for name, own in THREE.items()}))
    assert "ranks.md" not in render(rows({name: THREE[name] for name in "ab"}))
    assert "ranks.md" not in render(rows(THREE, cautions=[{"text": "one class", "unranked": True}]))


def test_other_protocols_and_settings_are_other_tables() -> None:
    text = render([*rows(THREE), *rows(THREE, protocol_digest="other"), *rows(THREE, protocol="mine")])["ranks.md"]
    assert text.count("\n## ") == 3
    assert text.count("3 blocks of 1 dataset") == 3


def test_systems_and_blocks_are_those_of_the_largest_complete_table() -> None:
    blocks = [("d", "x", seed) for seed in range(4)]
    losses: dict[Any, Any] = {block: {(name,): 0.5 for name in "abcd"} for block in blocks[:3]}
    losses[blocks[3]] = {("a",): 0.5}
    assert complete(losses) == (blocks[:3], [(name,) for name in "abcd"])
    # Three systems in four blocks are more numbers than eight in one or four in two.
    losses = {block: {(name,): 0.5 for name in "abc"} for block in blocks}
    losses[blocks[0]] = {(name,): 0.5 for name in "abcdefgh"}
    losses[blocks[1]] = {(name,): 0.5 for name in "abcd"}
    assert complete(losses) == (blocks, [(name,) for name in "abc"])
    assert complete({}) == ([], [])


def test_systems_with_too_few_numbers_are_named() -> None:
    late = make_row("late[x=a|b]", 0, value=0.4)
    text = render([*rows(THREE), late])["ranks.md"]
    assert "Left out, having no number in some of these blocks: `late[x=a\\|b]`." in text


def test_numbers_of_any_size_have_ranks() -> None:
    text = render(rows({"a": [1e15, -1e15], "b": [-1e15, 1e15], "c": [0.0, 0.0]}))["ranks.md"]
    assert [line[1] for line in lines(text, "## utility")[2:]] == ["2.00"] * 3
    assert "p = 1.000" in text


def test_names_and_shapes_from_anywhere_make_pages() -> None:
    odd = [make_row(f"s{n}[x=<p|q>*_]", seed, value=(-1.0) ** n * 10.0**n) for n in range(16) for seed in range(2)]
    for row in odd:
        row["split"] = {"train": 1, "test": 10**15, "again": True}
        row["cautions"] = [{"text": "| <b> [x](y)"}]
    for name, text in render(odd).items():
        assert "<b>" not in text.replace("\\<b>", ""), name
        assert all(line.count("|") - line.count("\\|") > 2 for line in text.splitlines() if line.startswith("|"))
