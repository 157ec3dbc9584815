"""The biflow track: bidirectional flows as signed payload lengths, and the suites that measure them."""

from __future__ import annotations

from ntgbench.efficiency.settings import EFFICIENCY_VERSION, READING, Efficiency, rounds
from ntgbench.hookspecs import hookimpl
from ntgbench.suites import Suite
from ntgbench.tracks import TrackSpec
from ntgbench.tracks.biflows.settings import Augmentation, BiflowLayout, Drift, Fidelity, Mixing

_QUOTED = """\
## Figures of the paper

Quoted from arXiv 2603.25507, Table III: its authors' code on their GPU. They were not measured here and are not
comparable with the tables above.

| system                         |   ms/biflow |   MB |
|:-------------------------------|------------:|-----:|
| LLaMA                          |          31 |  7.9 |
| LLaMA, int8 weight-only        |          45 |  3.5 |
| LLaMA, int8 dynamic activation |         990 |  3.4 |
| Mamba                          |         148 | 15.5 |
| NetDiffus-NR                   |      860.67 |  4.2 |
| CVAE                           |           - |  3.9 |"""


@hookimpl
def ntgbench_tracks() -> list[TrackSpec]:
    """This track."""
    return [
        TrackSpec(
            "biflows",
            "ntgbench.tracks.biflows.track:BiflowTrack",
            unit="biflow",
            summary="The first packets of each bidirectional flow as signed payload lengths, by class",
            layout=BiflowLayout,
        )
    ]


@hookimpl
def ntgbench_suites() -> list[Suite]:
    """The suites of arXiv 2603.25507: fidelity (RQ1), utility (RQ2), augmentation (RQ3) and efficiency (RQ4)."""
    return [
        Suite(
            "fidelity",
            "ntgbench.tracks.biflows.fidelity:measure",
            summary="how close synthetic traffic is to held-out traffic",
            reading="""\
How close synthetic traffic comes to real traffic. Jensen-Shannon divergences (base 2, in 0..1) compare it with
held-out traffic, class by class with equal counts; `leakage`, `train_share` and `uniqalign` compare it with the
training traffic. Lower is better, but no honest generator goes below the **real-vs-real floor**, what two halves of
real traffic score: leakage far below the floor means traffic that is unlike the real one, not privacy. `copy`, a
bootstrap of the training set, shows that copying alone gives fidelity.

Divergences of one or two packets hardly tell a first-order chain from real traffic. What does: `detection_auc`, how
well a classifier tells synthetic biflows from held-out ones (0.5: not at all); `heldout_bits`, what the system's own
likelihood makes of held-out biflows (undefined for a system that tells none); the divergences of three packets and
more, `kmarginal` and `coverage`. `class_agreement` is the share of synthetic biflows in which a classifier of real
traffic sees the class that was asked for. `ntgbench calibrate` tests what each metric can tell.""",
            settings=Fidelity,
            sides="ntgbench.tracks.biflows.splits:equal_counts",
        ),
        Suite(
            "utility",
            "ntgbench.tracks.biflows.utility:measure",
            summary="how well a classifier that learns from synthetic traffic does on held-out traffic",
            reading="""\
How useful synthetic traffic is instead of real traffic: a random forest learns from synthetic biflows alone, as
many of each class as the training set has, and is tested on held-out real ones. `real`, trained on the real training
set, is the ceiling; `marginals`, which does not know the order of packets, is the floor.""",
            tables="ntgbench.tracks.biflows.confusions:utility_tables",
        ),
        Suite(
            "classifiers",
            "ntgbench.tracks.biflows.classifiers:measure",
            summary="how other classifiers do that learn from synthetic traffic, and whether they rank as on real",
            reading="""\
What the suite utility measures with a forest, with gradient boosting, a small neural network, nearest neighbours and,
on the same sample, a forest. `rank_consistency` answers whether somebody who has synthetic traffic alone chooses the
right classifier: Kendall's tau between the order of the four when trained and tested on synthetic traffic and their
order when trained and tested on real traffic. 1 is the same order, 0 no relation, -1 the reverse; two classifiers that
differ by less than the noise of the test biflows are tied.""",
            exposes=True,
            on_request=True,
        ),
        Suite(
            "mixing",
            "ntgbench.tracks.biflows.mixing:measure",
            summary="how much of the real traffic synthetic traffic can replace",
            reading="""\
How much real traffic synthetic traffic can replace: the training set of a random forest keeps its size, the given share
of each class is real and the rest synthetic, and it is tested on held-out real biflows. 0% is what the suite utility
measures, and at 100% all systems are equal. `real part alone` is the real biflows of that share by themselves: a system
below it does harm. Rank and bold follow the mean over the shares below 100%.""",
            settings=Mixing,
            metrics_of="utility",
            on_request=True,
            tables="ntgbench.tracks.biflows.tables:mixing_tables",
        ),
        Suite(
            "drift",
            "ntgbench.tracks.biflows.drift:measure",
            summary="how a classifier that learns from synthetic traffic does on traffic of another time or place",
            reading="""\
What is left of the utility when traffic changes: a random forest learns from synthetic biflows and is tested on another
dataset, such as a later day, and beside it on the held-out part of the same one. Ranks follow the other dataset. The
loss is the difference, and what scores low has little to lose. `real`, which learns from the real training set, shows
how far the traffic itself has drifted. Only classes that both datasets have count.""",
            settings=Drift,
            metrics_of="utility",
            beside="on",
            on_request=True,
            tables="ntgbench.tracks.biflows.tables:drift_tables",
        ),
        Suite(
            "privacy",
            "ntgbench.tracks.biflows.privacy:measure",
            summary="what synthetic traffic gives away about the training traffic",
            reading="""\
What somebody who sees the synthetic traffic learns about the training traffic. `membership_auc`: an attacker is shown
training biflows and as many held-out ones, and says by the synthetic traffic which is which. The number is the chance
that a training biflow looks more like one than a held-out biflow does: **0.5 is a guess, 1 is certainty**; below 0.5
training biflows are avoided, which tells them as well. Real traffic that nobody has learnt from has 0.5. Several
attacks are made and the worst is shown; a system that tells its likelihoods is attacked by these too, as somebody can
who has the model, so compare it with others by the table of attacks. `membership_tpr`: the share of training biflows
that the attacker is sure of, with 1% of false alarms; a guess finds 0.010. `session_auc`: the same question of whole
sessions, such as what one device sent.

`single_hit`: of the training biflows that occur once in the real traffic, the share that comes out again. Its **floor**
is that share of the held-out ones, which the system cannot have copied: above the floor, biflows are remembered; below
it, copies are suppressed. `exact_copies` and `near_copies` count the synthetic biflows that equal, or nearly equal, a
training biflow. Much traffic repeats itself, so the line of unseen real traffic is not 0.

A low number here and bad fidelity is no privacy: what resembles nothing tells nothing. Shares of synthetic traffic by
the distance to the closest training biflow are not shown, as they do not measure privacy (arXiv 2505.01524).""",
            exposes=True,
            tables="ntgbench.tracks.biflows.tables:privacy_tables",
        ),
        Suite(
            "augmentation",
            "ntgbench.tracks.biflows.augmentation:measure",
            summary="how much synthetic traffic helps a classifier where real traffic is scarce",
            reading="""\
How much synthetic traffic helps where real traffic is scarce: of each class the given share of the training biflows is
available, synthetic ones raise every class to the largest class of the whole training set, and a random forest is
tested on held-out real biflows. Rank and bold follow the mean over the shares.

**Generators have an advantage here:** they have learnt from the whole training set, as in the paper, while augmenters
see the available biflows only. Columns marked `subset` are generators that have learnt from the available biflows
alone. `no augmentation` is the available biflows by themselves.""",
            settings=Augmentation,
            metrics_of="utility",
            tables="ntgbench.tracks.biflows.tables:augmentation_tables",
        ),
        Suite(
            "efficiency",
            "ntgbench.tracks.biflows.efficiency:measure",
            summary="what a system costs in time, memory, energy and size",
            reading=READING,
            settings=Efficiency,
            version=EFFICIENCY_VERSION,
            alone=True,
            rounds=rounds,
            tables="ntgbench.report.efficiency:tables",
            shown=("sample_shortest_ms", "size_mb"),
            closing=_QUOTED,
        ),
    ]
