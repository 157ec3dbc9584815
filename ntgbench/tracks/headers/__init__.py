"""The track of header traces: the packets of one link, of which headers and times are learnt, and its suites."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.suites import Suite
from ntgbench.tracks import TrackSpec

TRACK = "headers"

_COMPARE = "ntgbench.tracks.headers.fidelity:measure"
_TABLES = "ntgbench.tracks.headers.tables:trace_tables"
_RANKS = "ntgbench.tracks.headers.tables:may_rank"


@hookimpl
def ntgbench_tracks() -> list[TrackSpec]:
    """This track."""
    return [
        TrackSpec(
            TRACK,
            "ntgbench.tracks.headers.track:HeaderTrack",
            unit="packet",
            summary="Packet headers of a link in the order of time: addresses, ports, times, lengths, TTL",
            aspects=("flows", "times"),
        )
    ]


def _suite(name: str, summary: str, reading: str, shown: tuple[str, ...] = ()) -> Suite:
    return Suite(
        name, _COMPARE, summary=summary, reading=reading, track=TRACK, tables=_TABLES, ranks=_RANKS, shown=shown
    )


@hookimpl
def ntgbench_suites() -> list[Suite]:
    """What CascadeNet's paper measures, and what it leaves out: copies, queues, scaling, sketches, validity."""
    return [
        _suite(
            "statistics",
            "how close the fields of packets and the sizes of flows are to the training trace",
            """\
Distances of distributions: Jensen-Shannon divergences (base 2, in 0..1) of addresses, ports and protocol, and earth
mover's distances of packet lengths, TTL, packets and bytes of a flow. Rows drawn at random have the same fields, so
most of these numbers do not tell good traces from bad ones: the calibration table says which do.""",
            shown=("pl", "npf"),
        ),
        _suite(
            "temporal",
            "how close times are to the training trace: gaps, durations, bursts and memory of flows",
            """\
Earth mover's distances of gaps between packets and inside flows, of durations, throughput, burstiness and Hurst
exponents of flows. `lfit` and `lfd` compare logarithms of gaps and durations: otherwise a few long ones decide.""",
        ),
        _suite(
            "bursts",
            "how close the bursts of the whole link are to the training trace",
            """\
A burst is a run of intervals, a thousandth of the trace each, in which the link carries more than half of its own
maximum. Earth mover's distances of durations, gaps, utilisation and bytes.""",
        ),
        _suite(
            "prediction",
            "how well models that learn from synthetic load predict real load",
            """\
Models learn packet rate or throughput of the first part of a synthetic trace and predict what follows in the real one;
the number is their error divided by that of the same model trained on the real trace. 1 is as good as real.""",
            shown=("throughput_rf", "packet_rate_rf"),
        ),
        _suite(
            "anomaly",
            "whether a detector trained on synthetic flows flags the same real flows",
            """\
A one-class SVM is trained on the flows of the synthetic trace, another on those of the real one; both judge the real
flows. F1 of the first with the second as truth. The detector calls half of its own training set normal, so always
answering "normal" scores 0.667.""",
        ),
        _suite(
            "detectors",
            "the same with other detectors",
            "As the suite anomaly, with isolation forests, PCA, kernel densities, Gaussian mixtures and auto-encoders.",
        ),
        _suite(
            "copies",
            "how much of the synthetic trace is a copy of the training trace",
            """\
Shares of records, of flow timelines and of whole flows that the training trace holds. Higher is worse for privacy,
except for `diversity`, the share of records that are new. Real traffic repeats itself too: compare with the floors.""",
        ),
        _suite(
            "queue",
            "how a router's queue sees the trace",
            """\
The trace is sent through a queue whose capacity is set by the real load. Distances of the quantiles of delay, relative
to the real mean delay, and differences of loss. Traces with the same statistics can fill a queue very differently.""",
        ),
        _suite(
            "scaling",
            "how close the variability of packet counts is, at every time scale",
            """\
Mean distance of the log-scale diagrams: log2 of the energy of Haar coefficients of packet counts, octave by octave. The
semi-experiments measure it again after destroying the starts of flows, or the gaps inside them, in both traces: what is
then near was wrong in that layer.""",
        ),
        _suite(
            "sketches",
            "how far what sketches count in the synthetic trace is from the real one",
            "Relative errors of heavy hitters that count-min sketch, count sketch and exact counting find in both.",
        ),
        _suite(
            "validity",
            "how much of the trace is valid traffic",
            "Shares of packets and of TCP flows that obey the rules of their protocols.",
        ),
    ]
