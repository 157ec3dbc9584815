"""The classes, and the packages they need."""

from pathlib import Path

import pytest

from benchmarks.lab import packages
from benchmarks.lab.plan import NUMBERS, plan
from benchmarks.lab.workload import LabError
from benchmarks.lab.workloads import chosen, workloads

REQUIREMENTS = Path(packages.__file__).with_name("requirements.txt")


def test_there_are_at_least_24_classes_each_described():
    assert len(workloads()) >= 24
    for workload in workloads().values():
        assert workload.summary
        assert workload.changed
        assert workload.ports
        assert 1 <= workload.biflows[0] <= workload.biflows[1]
        assert 0.4 <= workload.weight <= 2


def test_most_classes_have_a_thousand_biflows_and_all_sessions_have_addresses():
    wanted = dict.fromkeys(workloads(), 0)
    for job in plan(chosen(()), (1, 2), 1, 1.0):
        for session in job.sessions:
            wanted[session.workload] += session.biflows
            assert session.number < NUMBERS
    assert sum(count > 900 for count in wanted.values()) > len(wanted) / 2


def test_requirements_are_what_the_classes_need():
    written = [line.partition("==")[0] for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert {f"pypi:{name}" for name in written} == {
        package for package in packages.needed(chosen(())) if package.startswith("pypi:")
    }


def test_what_is_missing_is_named_with_the_line_that_installs_it():
    if packages.shutil.which("dpkg-query") is None:
        pytest.skip("no dpkg-query here: the lab needs Debian packages")
    with pytest.raises(LabError) as caught:
        packages.versions(["no-such-program", "dpkg", "pypi:no-such-library", "pypi:numpy"])
    said = str(caught.value)
    assert "apt-get install --yes --no-install-recommends no-such-program && " in said
    assert said.endswith("pip install no-such-library")


def test_a_class_that_is_unknown_is_named_beside_those_that_are_not():
    with pytest.raises(LabError, match=r"gopher.*http"):
        chosen(["http", "gopher"])
