"""Numbers with nouns, in one and in many."""

import pytest

from ntgbench.traffic.notes import fill
from ntgbench.words import pluralised


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
