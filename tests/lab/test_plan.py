"""Which sessions there are: as many as asked for, each with an address that names it."""

from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from benchmarks.lab.plan import NUMBERS, SESSIONS, code_of_address, plan
from benchmarks.lab.workload import LabError, Workload

FEW = Workload("few", "", lambda site: nullcontext(), lambda visit: None, (1,), (100, 200), "", (), weight=0.5)
MANY = replace(FEW, name="many", biflows=(2, 4), weight=2.0)


def test_an_address_names_its_session_and_no_other():
    sessions = [session for job in plan([FEW, MANY], (1, 2), 3, 1.0) for session in job.sessions]
    assert (
        len({session.address for session in sessions}) == len({session.code for session in sessions}) == len(sessions)
    )
    for session in sessions:
        assert code_of_address(int(IPv4Address(session.address))) == session.code
        assert divmod(session.code, NUMBERS) == (session.day, session.number)


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.9", "10.1.0.0", "9.255.0.1", "11.1.0.1", "10.255.0.7"])
def test_other_addresses_name_none(address):
    assert code_of_address(int(IPv4Address(address))) == -1


@pytest.mark.parametrize(("workload", "biflows"), [(FEW, 350), (MANY, 1400)])
def test_a_class_has_its_share_of_biflows_and_enough_sessions_each_day(workload, biflows):
    for day in (1, 2):
        sessions = [session for job in plan([workload], (day,), 3, 1.0) for session in job.sessions]
        assert len(sessions) >= SESSIONS
        assert sum(session.biflows for session in sessions) == pytest.approx(biflows, rel=0.15)


def test_a_class_is_planned_the_same_whichever_others_are():
    def of_few(*workloads):
        found = [session for job in plan(workloads, (1,), 3, 1.0) for session in job.sessions]
        return {(session.seed, session.biflows, session.line) for session in found if session.workload == "few"}

    assert of_few(FEW) == of_few(MANY, FEW)


def test_days_and_seeds_differ():
    seeds = Counter(
        session.seed for seed in (1, 2) for job in plan([FEW], (1, 2), seed, 1.0) for session in job.sessions
    )
    assert set(seeds.values()) == {1}


def test_more_sessions_than_addresses_are_refused():
    with pytest.raises(LabError, match="smaller scale"):
        plan([MANY], (1,), 3, 22.0)
