import pytest

from ntgbench.costs import alone, timing


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    moment = [0.0]
    for module in (timing, alone):
        monkeypatch.setattr(module, "now", lambda _: moment[0])
    return moment
