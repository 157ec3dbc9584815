import random
import time
from xml.etree import ElementTree

import pytest

from benchmarks.lab.scenarios import answers, calls
from benchmarks.lab.users import accounts, each, lines
from benchmarks.lab.workload import LabError, Visit


@pytest.fixture
def visit(tmp_path):
    return Visit("10.0.0.1", 1, 1, 20, tmp_path, random.Random(1), time.monotonic() + 60)


def test_accounts_are_ones_that_every_server_takes():
    names = [who.name for who in accounts()]
    assert len(set(names)) == len(names) >= 40
    assert all(name.isascii() and name.isalpha() and name.islower() and len(name) < 32 for name in names)
    assert all(8 <= len(who.password) <= 24 for who in accounts())


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_sessions_work_is_the_same_however_much_of_it_is_done_at_once(visit, at_once):
    drawn = []
    each(visit, lambda rng: drawn.append(rng.random()), think=0.001, at_once=at_once)
    again = random.Random(1)
    assert sorted(drawn) == sorted(_after_the_pause(random.Random(again.getrandbits(64))) for _ in range(visit.biflows))


def _after_the_pause(rng):
    rng.expovariate(1.0)
    return rng.random()


def test_a_session_most_of_whose_work_fails_has_failed(visit):
    with pytest.raises(LabError, match=r"20 of 20 .* ValueError\('refused'\)"):
        each(visit, lambda _: (_ for _ in ()).throw(ValueError("refused")), think=0.001)


def test_a_session_past_its_deadline_does_nothing_more(tmp_path):
    late = Visit("10.0.0.1", 1, 1, 20, tmp_path, random.Random(1), time.monotonic())
    each(late, lambda _: pytest.fail("the deadline has passed"), think=0.001)


def test_lines_are_of_a_length_that_mail_allows():
    text = lines(random.Random(3), 5_000)
    assert max(map(len, text.splitlines())) <= 76
    assert abs(len(text) - 5_000) < 1_500


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "MESSAGE", "INVITE"])
@pytest.mark.parametrize("seed", range(5))
def test_scenarios_are_what_sipp_reads(method, seed):
    for text in (
        calls(method, random.Random(seed), "User-Agent: a"),
        answers(method, random.Random(seed), seed % 2 + 1),
    ):
        scenario = ElementTree.fromstring(text)
        messages = [part.text for part in scenario.iter("send")]
        assert messages
        assert all("Content-Length" in message for message in messages)
