"""The schema of a row. Rows come from anywhere and name files, so the type and the size of every value are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NotRequired, TypedDict

from msgspec import Meta

from ntgbench.values import problem
from ntgbench.words import shown

SCHEMA: Final = 1
"""Version of `Row`; rows of another version are refused, never guessed at."""

LONGEST_NAME = 150
"""Characters of the name of a dataset or protocol: it is part of file names."""

LONGEST_TEXT = 2_000
"""Characters of a note or a reason."""

MOST_NOTES = 500
"""Notes of a row."""

MOST_CAUTIONS = 20
"""Cautions of a row."""

LARGEST = 1e15
"""Largest absolute value of a number: squares and sums of such numbers can still be computed with."""

SafeName = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9][a-z0-9._-]*\Z",
        max_length=LONGEST_NAME,
        description=f"at most {LONGEST_NAME} lower-case letters, digits, '.', '_' and '-'",
    ),
]
"""Name of a dataset or protocol."""

_ONE_LINE = r"\A[\S ]*\Z"
_Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
_Line = Annotated[str, Meta(max_length=300, pattern=_ONE_LINE, description="one line of at most 300 characters")]
_Name = Annotated[str, Meta(max_length=100, pattern=r"\A[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")]
_System = Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=r"\A[a-z0-9]+(-[a-z0-9]+)*(\[([^\[\]`\s]| )*\])?\Z")]
_Digest = Annotated[str, Meta(max_length=100, pattern=r"\A[0-9A-Za-z]+\Z")]
_Hex = Annotated[str, Meta(max_length=64, pattern=r"\A[0-9a-f]*\Z")]
_PackageVersion = Annotated[str, Meta(max_length=100, pattern=r"\A[A-Za-z0-9.+!_-]+\Z")]
_Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
_Amount = Annotated[float, Meta(ge=0, le=LARGEST)]
_Count = Annotated[int, Meta(ge=0, le=int(LARGEST))]
_Version = Annotated[int, Meta(ge=0, le=1_000_000)]
_SUITE = r"(?!(tradeoff|front)/)[a-z0-9]+(-[a-z0-9]+)*"  # `PAGES`, which are no suites
_Suite = Annotated[str, Meta(max_length=100, pattern=rf"\A{_SUITE}\Z")]
_Key = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=rf"\A{_SUITE}/[a-z0-9_]+(@[a-z0-9_.%,-]{{1,40}})?\Z",
        description="written like suite/metric or suite/metric@test",
    ),
]
_Code = Annotated[str, Meta(max_length=200, pattern=rf"\A{_SUITE}/[A-Za-z0-9_.]+\Z")]


if TYPE_CHECKING:
    _Machine = dict[str, Any]
else:
    _Fact = bool | _Number | _Line | Annotated[list[_Count], Meta(max_length=10_000)] | None
    _Machine = Annotated[dict[_Name, _Fact], Meta(max_length=100)]


MOST_SHOWN_CLASSES = 300
"""Classes of a confusion matrix that a row holds: beyond, it would be most of the file."""

_MOST_SHOWN = Meta(max_length=MOST_SHOWN_CLASSES)


class Confusion(TypedDict):
    """What a classifier took each class for.

    Keys:
        classes: names.
        counts: items of each true class, by row, that it takes for each class, by column.
    """

    classes: Annotated[list[_Line], _MOST_SHOWN]
    counts: Annotated[list[Annotated[list[_Count], _MOST_SHOWN]], _MOST_SHOWN]


class MetricValue(TypedDict):
    """One number of a row, with what a leaderboard needs to print and rank it without the plugin.

    Keys:
        value: the number, None when there is none.
        version: version of the metric.
        goal: "min", "max" or "near".
        best: for the goal "near", the number that is best; left out otherwise.
        digits: decimals to print.
        primary: true for the metric that ranks its suite; left out otherwise.
        reason: why there is no number; left out otherwise.
        undefined: true when the metric has no number for such traffic, which is no failure; left out otherwise.
        inapplicable: true when it is undefined because the system makes no such traffic; left out otherwise.
        low, high: interval of the number within this row; left out when it is not known.
        count, outliers: measurements that the number was made of, and of a median those far from the others; left out
            otherwise.
        confusion: of a classifier, see `Confusion`; left out otherwise.
    """

    value: _Number | None
    version: _Version
    goal: Annotated[str, Meta(pattern=r"\A(min|max|near)\Z", description="min, max or near")]
    best: NotRequired[_Number]
    digits: Annotated[int, Meta(ge=0, le=12)]
    primary: NotRequired[bool]
    reason: NotRequired[_Text]
    undefined: NotRequired[bool]
    inapplicable: NotRequired[bool]
    low: NotRequired[_Number]
    high: NotRequired[_Number]
    count: NotRequired[_Count]
    outliers: NotRequired[_Count]
    confusion: NotRequired[Confusion]


MOST_PARTS = 20
"""Parts of a side of a profile."""

_Part = Annotated[str, Meta(max_length=50_000, pattern=r"\A[0-9A-Za-z!#$%()*+,./:;=?@[\]^_{|} -]*\Z")]
_Parts = Annotated[dict[_Name, _Part], Meta(max_length=MOST_PARTS)]


class Profile(TypedDict):
    """What the traffic of a row looks like, synthetic beside real; which parts there are is the track's business.

    A part is counts as text, see `ntgbench.profiles.packed`: of all traffic, then of each class, with spaces between.

    Keys:
        classes: names of the largest classes.
        scale: what bins are made of, such as the largest payload length.
        real, synthetic: parts by name.
    """

    classes: Annotated[list[_Line], Meta(max_length=99)]
    scale: Annotated[dict[_Name, _Amount], Meta(max_length=MOST_PARTS)]
    real: _Parts
    synthetic: _Parts


class Split(TypedDict):
    """How the real traffic was split.

    Keys:
        train, test: items of each side.
        again: whether other seeds split the same traffic otherwise, so that their sides overlap.
    """

    train: Annotated[int, Meta(ge=1, le=int(LARGEST))]
    test: _Count
    again: bool


class Caution(TypedDict):
    """Why a test set is too small to rank systems well.

    Keys:
        text: in words.
        unranked: true when no rank makes sense at all; left out otherwise.
    """

    text: _Text
    unranked: NotRequired[bool]


Metrics = Annotated[dict[_Key, MetricValue], Meta(max_length=5_000)]


class Row(TypedDict):
    """The result of one cell: one line of rows.jsonl.

    Keys:
        schema: `SCHEMA`.
        track: kind of traffic; left out for "biflows".
        protocol, protocol_version, protocol_digest: what was measured, and how.
        keys: digest of all that a suite depends on, by suite; left out of older rows.
        dataset, dataset_digest: on what.
        source: what a user writes after -d: a name of the catalogue, or the file or folder with its parent folder.
        system: display name of the system.
        kind: "generator" or "augmenter", in older rows only.
        reference: whether it is a reference, which is not ranked.
        distribution, distribution_version: the installed plugin.
        params: every parameter of the system.
        seed: repetition, from 0.
        status: "ok" or "failed".
        reason: why it failed, None when it did not.
        metrics: numbers by key "suite/metric[@compared with]".
        phases: wall-clock seconds of each phase of the cell.
        peak_memory_mib: largest resident memory of the cell's process.
        notes: what was changed or left out of the data, and what was logged as a warning while the cell ran.
        machine: hardware and system; for the efficiency suite also `hardware`, one line: rows
            compare where it is equal.
        versions: library versions by distribution name.
        base: name of the system whose fitted model this one started from, left out when there is none.
        code: digest of the code that measured, by "suite/package of the metrics", and of a suite that failed by
            "suite/ntgbench" as well; left out when it is not known.
        log: path of the log of a failed cell below the folder of all runs; left out of other rows.
        split: sizes of the two sides of the real traffic, see `Split`; left out of older rows, of those that failed
            before it was split, and where it is not split.
        cautions: what keeps the test set from ranking systems, empty when nothing does; left out likewise.
        profile: what the real and the synthetic traffic look like, see `Profile`; in rows of the first seed only.
        merged_from: name of the file that the row was taken from by `report --merge`; left out of one's own rows.
    """

    schema: Literal[1]
    track: NotRequired[SafeName]
    protocol: SafeName
    protocol_version: _Version
    protocol_digest: _Digest
    keys: NotRequired[Annotated[dict[_Suite, _Hex], Meta(max_length=100)]]
    dataset: SafeName
    dataset_digest: _Digest
    source: _Line
    system: _System
    kind: NotRequired[Literal["generator", "augmenter"]]
    reference: bool
    distribution: _Name
    distribution_version: _PackageVersion
    params: Annotated[
        dict[_Name, bool | float | Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=_ONE_LINE)] | None],
        Meta(max_length=200),
    ]
    seed: Annotated[int, Meta(ge=0, le=999_999)]
    status: Literal["ok", "failed"]
    reason: _Text | None
    metrics: Metrics
    phases: Annotated[dict[_Name, _Amount], Meta(max_length=100)]
    peak_memory_mib: _Amount | None
    notes: Annotated[list[_Text], Meta(max_length=MOST_NOTES)]
    machine: _Machine
    versions: Annotated[dict[_Name, Annotated[str, Meta(max_length=100, pattern=_ONE_LINE)]], Meta(max_length=200)]
    base: NotRequired[_System]
    code: NotRequired[Annotated[dict[_Code, _Hex], Meta(max_length=200)]]
    log: NotRequired[Annotated[str, Meta(max_length=1_000, pattern=_ONE_LINE)]]
    split: NotRequired[Split]
    cautions: NotRequired[Annotated[list[Caution], Meta(max_length=MOST_CAUTIONS)]]
    profile: NotRequired[Profile]
    merged_from: NotRequired[_Line]


def check_row(row: Any) -> str | None:
    """What keeps `row` from being a row of this schema, or None."""
    if not isinstance(row, dict):
        return f"it must be a JSON object, not {shown(row)}"
    version = row.get("schema")
    if type(version) is not int or version != SCHEMA:
        return f"schema {shown(version)}; this version reads {SCHEMA}"
    wrong = problem(row, Row)
    if wrong is not None:
        return wrong
    machine = row["machine"]
    texts = all(isinstance(machine.get(key, ""), str) for key in ("cpu", "hardware", "device", "clock"))
    if not texts or not {"cpu", "cores"} <= machine.keys() or problem(machine["cores"], _Count | None) is not None:
        return "machine must have a text as cpu, hardware, device and clock, and a number or none as cores"
    return _inconsistent(row["metrics"]) or ("profile" in row and uneven(row["profile"])) or None


def uneven(profile: Profile) -> str | None:
    """Which part of a profile has not one text for all traffic and one for each class, or None."""
    for side in (profile["real"], profile["synthetic"]):
        for name, part in side.items():
            if part.count(" ") != len(profile["classes"]):
                return f"profile: {shown(name)} has not one text for all traffic and one for each class"
    return None


def is_metric(key: Any, metric: Any) -> bool:
    """Whether this is a metric of a row."""
    return problem({key: metric}, Metrics) is None and _inconsistent({key: metric}) is None


def _inconsistent(metrics: dict[str, MetricValue]) -> str | None:
    for key, metric in metrics.items():
        if ("low" in metric) != ("high" in metric) or metric.get("low", 0) > metric.get("high", 0):
            return f"metrics[{shown(key)}]: low and high are not an interval"
        confusion = metric.get("confusion")
        if confusion is not None:
            size = len(confusion["classes"])
            if [len(row) for row in confusion["counts"]] != [size] * size:
                return f"metrics[{shown(key)}]: confusion is not a square of its classes"
    return None


def clean(text: str, most: int = LONGEST_TEXT) -> str:
    """`text` as a row may hold it: on one line, with escapes for what cannot be printed, and not too long."""
    return escaped(" ".join(text[: 2 * most].split()), most)


def escaped(text: str, most: int = LONGEST_TEXT) -> str:
    """`text` with escapes for what cannot be printed, not too long; its blanks stay, so that names stay different."""
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
