"""Numbers with nouns, in one and in many."""

import pytest

from ntgbench.traffic.notes import fill
from ntgbench.words import pluralised, shown, suggestion


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "cell", "0 cells"),
        (1, "cell", "1 cell"),
        (1.0, "CPU minute", "1 CPU minute"),
        (2, "class", "2 classes"),
        (0.05, "minute", "0.05 minutes"),
        (1234567, "biflow", "1,234,567 biflows"),
    ],
)
def test_a_noun_goes_with_its_number(count: float, noun: str, said: str) -> None:
    assert pluralised(count, noun) == said


def test_a_sentence_goes_with_its_number() -> None:
    sentence = "{} [flow that carries|flows that carry] no [payload]"
    assert fill(sentence, 1) == "1 flow that carries no [payload]"
    assert fill(sentence, 2000) == "2,000 flows that carry no [payload]"


def test_suggestions() -> None:
    assert suggestion("markow", ["copy", "markov"]) == "did you mean markov?"
    assert suggestion("zzz", ["markov", "copy"]) == "known: copy, markov"
    assert suggestion("zzz", []) == "there are none"
    assert suggestion("x" * 10**6, ["x"]) == "known: x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("a\nb", "'a\\nb'"),
        ("\ud800", "'\\ud800'"),
        (10**5000, "a very large number"),
        ([[]] * 1000, "a list of 1000"),
        ({"a": 1}, "a table of 1"),
    ],
    ids=["number", "line", "surrogate", "large", "list", "table"],
)
def test_values_are_shown_on_one_short_line(value: object, text: str) -> None:
    assert shown(value) == text
