"""Traffic of any origin, measured beside real traffic: without a plugin that makes it, a split or a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench.datasets.loading import Dataset, first_that_reads, read_dataset
from ntgbench.errors import DatasetError, NtgbenchError
from ntgbench.interfaces import Exposed
from ntgbench.needs import require
from ntgbench.plugins import registry, resolve
from ntgbench.running.codes import every_metric_of, metrics_of
from ntgbench.scores import Scores, score
from ntgbench.tracks import DEFAULT
from ntgbench.traffic.notes import WARNING
from ntgbench.words import suggestion

if TYPE_CHECKING:
    from ntgbench.interfaces import MetricSpec
    from ntgbench.suites import Suite
    from ntgbench.tracks import Traffic


@dataclass(frozen=True)
class Pair:
    """Real and synthetic traffic of one track.

    Attributes:
        track: name of the track.
        real, synthetic: what was read.
        train: the traffic that the generator learnt from; None when it is not known, and `real` stands for it.
        sides: the two that a metric compares, by its `against`: "test" is `real`, "train" the training traffic.
        notes: what was left out or changed, one sentence each.
    """

    track: str
    real: Dataset
    synthetic: Dataset
    train: Dataset | None
    sides: dict[str, tuple[Traffic, Traffic]]
    notes: tuple[str, ...]

    def exposed(self) -> tuple[Exposed, Traffic]:
        """What metrics of a suite that `exposes` compare: the training traffic beside `real`, and `synthetic`."""
        assert self.train is not None
        matched = registry().track(self.track).matched
        both = matched(self.train.traffic, self.real.traffic)[:2]
        train, synthetic, _ = matched(both[0], self.synthetic.traffic)
        return Exposed(train, matched(both[1], self.synthetic.traffic)[0]), synthetic


def tracks_with(suites: Sequence[str]) -> list[str]:
    """The tracks that have all these suites, or all tracks when none has; the default one comes first."""
    tracks = sorted(registry().tracks(), key=lambda name: name != DEFAULT)
    return [name for name in tracks if set(suites) <= registry().suites(name).keys()] or tracks


def read_pair(real: str, synthetic: str, train: str | None, tracks: Sequence[str]) -> Pair:
    """Read all sides as `load_dataset` does, but without preparing them to be split.

    They are traffic of the first of `tracks` that reads and compares them all. Raises NtgbenchError that says of each
    track why it does not.
    """
    for path in filter(None, (real, synthetic, train)):
        if path not in registry().datasets() and not Path(path).exists():
            raise DatasetError(f"there is no file or folder {path}, and no dataset of that name")
    what = " and ".join(path for path in (real, synthetic, train) if path)
    return first_that_reads(what, tracks, lambda track: _read_pair(real, synthetic, train, track))[1]


def _read_pair(real: str, synthetic: str, train: str | None, track: str) -> Pair:
    kind = registry().track(track)
    read = [_read(path, track) for path in (real, synthetic, *([] if train is None else [train]))]
    notes = [f"{one.argument}: {note}" for one in read for note in one.notes]
    sides = {}
    for against, one in (("test", read[0]), ("train", read[0] if train is None else read[2])):
        first, second, more = kind.matched(one.traffic, read[1].traffic)
        sides[against] = first, second
        notes += more
    learnt = None if train is None else read[2]
    if learnt is not None and kind.digest(learnt.traffic) == kind.digest(read[0].traffic):
        told = "is the training traffic itself: metrics of copying and privacy need real traffic that was held out"
        notes.insert(0, f"{WARNING}{real} {told}")
    return Pair(track, read[0], read[1], learnt, sides, tuple(dict.fromkeys(notes)))


def _read(path: str, track: str) -> Dataset:
    try:
        dataset = read_dataset(path, track=track)
    except NtgbenchError as error:
        raise DatasetError(str(error) if path in str(error) else f"{path}: {error}") from error
    if not len(dataset.traffic):
        raise DatasetError(f"{path} holds no {registry().track(track).spec.unit}")
    return dataset


def suites_that_compare(track: str, wanted: Sequence[str] = (), with_train: bool = True) -> list[Suite]:
    """The suites of a track whose metrics compare two sides of traffic, or those `wanted`, in their order.

    Without training traffic, those are left out that need it.

    Raises NtgbenchError for one that does not exist, needs a system or training traffic, or has no metric.
    """
    registry().track(track)
    known = registry().suites(track)
    for name in wanted:
        if name not in known:
            raise NtgbenchError(f"no suite of the track {track} is called {name!r}; {suggestion(name, known)}")
        if known[name].alone or known[name].metrics_of is not None:
            raise NtgbenchError(f"the suite {name} fits systems itself; it cannot be measured from files of traffic")
        if not metrics_of(track, name):
            require(*every_metric_of(track, name))
            raise NtgbenchError(f"no installed plugin has a metric of the suite {name}")
        if known[name].exposes and not with_train:
            raise NtgbenchError(f"the suite {name} needs the traffic that the generator learnt from: --train")
    chosen = [known[name] for name in dict.fromkeys(wanted)] or [
        suite
        for suite in known.values()
        if not suite.alone
        and not suite.on_request
        and suite.metrics_of is None
        and metrics_of(track, suite.name)
        and (with_train or not suite.exposes)
    ]
    if not chosen:
        raise NtgbenchError(f"no installed plugin has a metric that compares traffic of the track {track}")
    return chosen


def measure(
    pair: Pair, suites: Sequence[Suite], seed: int = 0, doing: Callable[[str, int, int], Any] = lambda *_: None
) -> dict[str, Scores]:
    """The scores of each suite by its name, as `score` gives them: a metric that fails stops no other.

    Args:
        pair: what is compared.
        suites: of `suites_that_compare`.
        seed: of the metrics that draw at random, and of what a suite takes of both sides.
        doing: called with what is measured next, how many parts are done, and how many there are.
    """
    parts = [(suite, *part) for suite in suites for part in _parts(metrics_of(pair.track, suite.name))]
    found: dict[str, Scores] = {suite.name: {} for suite in suites}
    for done, (suite, side, metrics) in enumerate(parts):
        doing(f"{suite.name}: {', '.join(metric.name for metric in metrics[:3])}", done, len(parts))
        both: tuple[Any, Traffic] = pair.exposed() if suite.exposes else pair.sides[side]
        if suite.sides is not None:
            both = resolve(suite.sides)(*both, seed)
        scores = score(metrics, *both, seed)
        # `score` takes Ctrl-C for a failure of the metric, as it must in the process of a cell.
        if any(one.get("reason", "").startswith(KeyboardInterrupt.__name__) for one in scores.values()):
            raise KeyboardInterrupt
        found[suite.name].update(scores)
    return found


def _parts(metrics: Sequence[MetricSpec]) -> list[tuple[str, list[MetricSpec]]]:
    """The metrics that share a call, with the side that they compare with."""
    parts: dict[tuple[str, str], list[MetricSpec]] = {}
    for metric in metrics:
        parts.setdefault((metric.against, metric.target), []).append(metric)
    return [(side, metrics) for (side, _), metrics in parts.items()]


def as_values(scores: Scores, suite: str) -> dict[str, dict[str, Any]]:
    """The scores of a suite by metric, as `ntgbench measure --json` prints them.

    Each has `value` and `ref`, a number or None, other forms by their names, `goal` and `suite`; where a number is
    missing, `reason`, and `undefined` when the metric has none for such traffic, which is no failure.
    """
    values: dict[str, dict[str, Any]] = {}
    for key, found in scores.items():
        name, _, form = key.partition("@")
        one = values.setdefault(name, {"value": None, "ref": None, "goal": found["goal"], "suite": suite})
        one[form or "value"] = found["value"]
        if "reason" in found:
            said = f"{form}: {found['reason']}" if form else found["reason"]
            one["reason"] = "; ".join(filter(None, (one.get("reason"), said)))
        if found.get("undefined", False) and not form:
            one["undefined"] = True
    return values
