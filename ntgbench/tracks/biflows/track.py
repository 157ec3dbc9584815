"""The biflow track: what the host does with labelled biflows."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.errors import DatasetError, NtgbenchError, PluginError, TrafficError, refuse
from ntgbench.tracks import Caution, Notes, Request, Track, prepared
from ntgbench.tracks.biflows import checks, splits
from ntgbench.tracks.biflows.example import example_traffic
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.notes import listed
from ntgbench.words import pluralised, printable, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.calibration import Calibration
    from ntgbench.row_schema import Profile
    from ntgbench.testing import Check, Fit
    from ntgbench.tracks import TrackSpec
    from ntgbench.tracks.biflows.settings import BiflowLayout


FEW_TESTED = 10
"""A class with fewer test biflows cannot be scored with any precision."""

DOMINANT = 0.9
"""A class with a larger share of the test biflows leaves little to tell systems apart by."""


class BiflowTrack(Track[Biflows]):
    """Traffic is `Biflows`; a request is (labels,), the class of each wanted biflow, int32 (N,)."""

    writes = (".parquet", ".pcap")

    def __init__(self, spec: TrackSpec) -> None:
        from ntgbench.datasets.reading import ENDINGS

        super().__init__(spec)
        self.endings = ENDINGS

    def read(self, path: Path, layout: BiflowLayout) -> tuple[Biflows, Notes]:
        """The flows of a table, a capture, a folder of captures or MIRAGE-2019 JSON, cut to the layout."""
        from ntgbench.datasets.reading import read_biflows

        biflows, _, notes = read_biflows(path, layout.packets, layout.pl_max)
        return biflows, notes

    def read_prepared(self, path: Path, layout: BiflowLayout, max_items: int | None) -> tuple[Biflows, Notes]:
        """As `prepare` makes them; of a table, only the biflows that are kept are held in memory."""
        from ntgbench.datasets.reading import read_biflows

        thinning = None if max_items is None else splits.Thinning(max_items)
        biflows, whole, notes = read_biflows(path, layout.packets, layout.pl_max, thinning)
        ready, more = prepared(self, path, biflows, None, notes)
        return ready, (*notes, *_thinned(len(biflows), whole), *more)

    def prepare(self, traffic: Biflows, max_items: int | None) -> tuple[Biflows, Notes]:
        """Without empty classes and with about `max_items` biflows, the same share of each class rounded up."""
        if len(traffic) < 2:
            count = pluralised(len(traffic), "usable biflow")
            raise DatasetError(f"{count} found; training and testing need at least two")
        biflows = _without_empty_classes(traffic)
        whole = len(biflows)
        if max_items is not None and whole > max_items:
            biflows = biflows.select(splits.Thinning(max_items).kept(biflows.label))
        return biflows, (*_thinned(len(biflows), whole), *_untestable(biflows))

    def accepts(self, traffic: Any, layout: BiflowLayout) -> bool:
        """Whether these are `Biflows` of that layout."""
        return isinstance(traffic, Biflows) and (traffic.packets, traffic.pl_max) == (layout.packets, layout.pl_max)

    def load(self, path: Path) -> Biflows:
        """Read what `write` wrote as Parquet."""
        return Biflows.from_parquet(path)

    def write(self, traffic: Biflows, path: Path) -> None:
        """Write a flow table, or a capture with the classes of its biflows in a CSV file beside it."""
        if path.suffix == ".pcap":
            from ntgbench.traffic.export import write_pcap

            # Zeros would be no message of the protocol that a learnt port means.
            write_pcap(traffic, path, payload=traffic.transport is None)
        else:
            traffic.to_parquet(path)

    def files(self, path: Path) -> tuple[Path, ...]:
        """The file, and that with the classes of a capture."""
        from ntgbench.traffic.sidecar import sidecar_path

        return (path, sidecar_path(path)) if path.suffix == ".pcap" else (path,)

    def digest(self, traffic: Biflows) -> str:
        """BLAKE2b-128, see `Biflows.digest`."""
        return traffic.digest()

    def split(self, traffic: Biflows, test_share: float, seed: int) -> tuple[Biflows, Biflows]:
        """By class, whole sessions to one side; see `ntgbench.tracks.biflows.splits`."""
        return splits.split(traffic, test_share, seed)

    def cautions(self, train: Biflows, test: Biflows) -> tuple[Caution, ...]:
        """Classes that are tested with few biflows, one that dominates the test set, or a test set of one class."""
        counts, known = test.class_counts(), train.class_counts() > 0
        names = np.array(train.classes, object)
        if np.count_nonzero(counts) == 1:
            only = printable(names[counts.argmax()])
            return (Caution(f"all test biflows are of one class, {only}: no ranks", unranked=True),)
        few = names[known & (counts < FEW_TESTED)].tolist()
        classes = pluralised(int(np.count_nonzero(known)), "class")
        sentence = (
            f"{{}} of {classes} [has|have] fewer than {FEW_TESTED} test biflows, "
            "so a few biflows decide what [it adds|they add] to a mean over classes"
        )
        found = [Caution(text) for text in listed(sentence, few)]
        share = counts.max() / counts.sum()
        if share > DOMINANT:
            name = printable(names[counts.argmax()])
            found.append(Caution(f"{share:.0%} of the test biflows are of one class, {name}"))
        return tuple(found)

    def request(self, train: Biflows) -> Request:
        """As many biflows of each class as `train` has."""
        return (train.label,)

    def request_for(self, train: Biflows, classes: Sequence[str], number: int) -> Request:
        """`number` biflows of each class named, or of each class."""
        for name in classes:
            if name not in train.classes:
                raise NtgbenchError(f"no class is called {name!r}; {suggestion(name, train.classes)}")
        labels = [train.classes.index(name) for name in classes or train.classes]
        return (np.repeat(np.array(labels, np.int32), number),)

    def known(self, train: Biflows) -> list[str]:
        """Names of the classes that `train` has biflows of."""
        return [name for name, count in zip(train.classes, train.class_counts(), strict=True) if count]

    def checked_request(self, request: Request, train: Biflows, known: Sequence[str]) -> Request:
        """The labels as int32. A label that is not a class is refused, and a class that the system has not seen."""
        labels = np.array(request[0], np.int32)
        refuse((labels < 0) | (labels >= len(train.classes)), "a label is an index into the classes")
        unseen = {train.classes[label] for label in np.unique(labels)} - set(known)
        if unseen:
            raise PluginError(f"fitted without biflows of {', '.join(sorted(unseen))}")
        return (labels,)

    def check(self, made: Any, request: Request, train: Biflows) -> Biflows:
        """Integers (N, packets) that obey the rules of `Biflows`, one row for each label."""
        labels = np.asarray(request[0], np.int32)
        if not isinstance(made, np.ndarray):
            raise PluginError(f"returned {type(made).__name__}, not a numpy array")
        shape = (len(labels), train.packets)
        if made.shape != shape:
            raise PluginError(f"returned an array of shape {made.shape}; {shape} was asked for")
        if not np.issubdtype(made.dtype, np.integer):
            raise PluginError(f"returned {made.dtype} values; signed payload lengths are integers")
        try:
            return Biflows(made, labels, train.classes, pl_max=train.pl_max)
        except TrafficError as error:
            raise PluginError(f"returned invalid biflows: {error}") from error

    def matched(self, real: Biflows, synthetic: Biflows) -> tuple[Biflows, Biflows, Notes]:
        """Both with the classes of either, matched by name.

        As in a run, a class without synthetic biflows counts as missed, and one without real biflows is compared with
        nothing, but classifiers learn it.
        """
        classes = tuple(sorted({*real.classes, *synthetic.classes}))
        sides = [
            replace(side, label=_codes(side.classes, classes)[side.label], classes=classes)
            for side in (real, synthetic)
        ]
        has_real, has_synthetic = (side.class_counts() > 0 for side in sides)
        if not (has_real & has_synthetic).any():
            raise DatasetError(f"no class has both real and synthetic biflows; there are {', '.join(classes[:4])}")
        names = np.array(classes, object)
        return (
            sides[0],
            sides[1],
            (
                *listed("{} [class has|classes have] no synthetic biflow", names[has_real & ~has_synthetic].tolist()),
                *listed("{} [class has|classes have] no real biflow", names[has_synthetic & ~has_real].tolist()),
            ),
        )

    def outline(self, train: Biflows) -> Biflows:
        """Layout and classes, without a biflow."""
        return train.select([])

    def kept(self, train: Biflows) -> Biflows:
        """Without ports and times of starts: the surface says what captures need of them."""
        return replace(train, transport=None)

    def surface(self, train: Biflows) -> Any:
        """Transports, ports, times and rates by class, see `ntgbench.tracks.biflows.surface`."""
        from ntgbench.tracks.biflows.surface import surface_of

        return surface_of(train)

    def dressed(
        self, traffic: Biflows, surface: Any, rate: float | None, span: float | None, seed: int
    ) -> tuple[Biflows, Notes]:
        """With transport, ports and times."""
        from ntgbench.tracks.biflows.surface import checked_surface, dressed

        known = None if surface is None else checked_surface(surface, "the surface of the model")
        return dressed(traffic, known, rate, span, seed)

    def empty_request(self, train: Biflows) -> Request:  # noqa: ARG002
        """No biflow."""
        return (np.zeros(0, np.int32),)

    def likelihood_shape(self, traffic: Biflows) -> tuple[int, ...]:
        """A number for each packet, and for the end."""
        return (len(traffic), traffic.packets + 1)

    def describe(self, traffic: Biflows) -> dict[str, Any]:
        """Counts, classes, lengths; see `ntgbench.datasets.describe`."""
        from ntgbench.datasets.describe import describe

        return dataclasses.asdict(describe(traffic))

    def profile(self, real: Biflows, synthetic: Biflows) -> Profile:
        """Packets, lengths and transitions by class; see `ntgbench.tracks.biflows.profile`."""
        from ntgbench.tracks.biflows.profile import profile

        return profile(real, synthetic)

    def examples(self, real: Biflows, synthetic: Biflows, shown: Biflows, hidden: Sequence[Biflows] = ()) -> str:
        """Some biflows of each class."""
        from ntgbench.tracks.biflows.profile import examples

        return examples(real, synthetic, shown, hidden)

    def size(self, traffic: Biflows) -> str:
        """Biflows, and classes that have any."""
        classes = int(np.count_nonzero(traffic.class_counts()))
        return f"{super().size(traffic)}, {pluralised(classes, 'class')}"

    def example(self, seed: int = 1) -> Biflows:
        """Four classes of 60, 40, 6 and 1 biflows."""
        return example_traffic(seed=seed)

    def checks(self, fit: Fit) -> list[Check]:
        """Labels, layouts, tiny training sets, held-out rows."""
        return checks.biflow_checks(fit)

    def metric_checks(self, measure: Callable[[Biflows, Biflows], float | None]) -> list[Check]:
        """A class without synthetic biflows."""
        return checks.metric_checks(measure)

    def noise(self, real: Biflows) -> Biflows:
        """Random lengths, all of them downstream, with the classes exchanged at random."""
        rng = np.random.default_rng(13)
        size = rng.integers(1, real.pl_max + 1, real.signed_pl.shape).astype(np.int16)
        return Biflows(np.where(real.signed_pl != 0, -size, 0), rng.permutation(real.label), real.classes)

    def calibration(self, full: bool) -> Calibration:
        """Checks on traffic of known truth, drawn from the model of the dataset `simulated`."""
        from ntgbench.tracks.biflows.calibration.checks import calibration

        return calibration(full)


def _codes(names: Sequence[str], classes: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Where each name is in `classes`."""
    return np.array([classes.index(name) for name in names], np.int32)


def _thinned(kept: int, whole: int) -> Notes:
    return (f"thinned to {kept:,} of {whole:,} biflows, the same share of each class",) if kept < whole else ()


def _untestable(biflows: Biflows) -> Notes:
    """A note about the classes that no split can test: their only session, or biflow, is needed for training."""
    if biflows.session is None:
        what, counts = "biflow", biflows.class_counts()
    else:
        what, pairs = "session", np.unique(np.stack([biflows.label, biflows.session]), axis=1)
        counts = np.bincount(pairs[0], minlength=len(biflows.classes))
    single = [name for name, count in zip(biflows.classes, counts, strict=True) if count == 1]
    return listed(f"{{}} of {len(counts):,} classes train but are never tested, having one {what} only", single)


def _without_empty_classes(biflows: Biflows) -> Biflows:
    used = biflows.class_counts() > 0
    code = np.cumsum(used, dtype=np.int32) - 1
    classes = tuple(name for name, kept in zip(biflows.classes, used, strict=True) if kept)
    return biflows if used.all() else replace(biflows, label=code[biflows.label], classes=classes)
