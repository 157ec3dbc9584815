"""The sizes that a saved model claims are compared with its file before memory is allocated."""

import json
import resource
from pathlib import Path
from shutil import copytree

import pytest

from ntgbench import Context
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Budget
from ntgbench.systems import choose, load
from ntgbench.testing import example_traffic

SYSTEMS = {
    "crossfit": "crossfit[hidden=8,intermediate=8,layers=2,heads=2]",
    "cvae": "cvae[outer=16,inner=8,latent=4]",
    "llama": "llama[hidden=8,intermediate=8,layers=2,heads=2]",
    "mamba": "mamba[hidden=8,layers=2,state=2]",
    "netdiffus-nr": "netdiffus-nr[channels=8,blocks=1,heads=1,noise_steps=4,steps=2]",
}


@pytest.fixture(scope="module", params=SYSTEMS.values(), ids=SYSTEMS)
def fitted(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    choose(request.param).fit(example_traffic(), Context(seed=1, budget=Budget(epochs=1))).save(folder)
    load(folder)
    return folder


@pytest.fixture
def saved(fitted: Path, tmp_path: Path) -> Path:
    return Path(copytree(fitted, tmp_path / "copy"))


@pytest.fixture
def little_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def whole_numbers(value, path=()):
    inside = value.items() if isinstance(value, dict) else ()
    return [
        *([path] if type(value) is int else []),
        *(found for k, v in inside for found in whole_numbers(v, (*path, k))),
    ]


@pytest.mark.parametrize("number", [0, -1, 4_000, 3_000_000_000, 10**30])
def test_other_sizes_are_refused_without_asking_for_memory(saved: Path, little_memory, number: int) -> None:
    training = {"epochs", "batch", "patience", "snap", "noise_steps", "steps", "least_steps"}
    for name in ("system.json", "model/config.json"):
        file = saved / name
        whole = file.read_text()
        for *way, last in whole_numbers(json.loads(whole)):
            values = json.loads(whole)
            inner = values
            for key in way:
                inner = inner[key]
            if last in training or (way[:1] != ["ntgbench"] and name != "system.json"):
                continue
            if last == "pl_max" and number == 4_000:
                continue  # valid: it only scales the lengths
            inner[last] = number
            file.write_text(json.dumps(values))
            with pytest.raises(NtgbenchError) as refused:
                load(saved)
            assert "allocate" not in str(refused.value)
        file.write_text(whole)
