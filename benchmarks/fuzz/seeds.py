"""Small inputs that every reader takes, from which mutants are made."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fuzz.mutations import to_folder
from benchmarks.fuzz.tables import kinds_of_lists, to_parquet
from ntgbench import Context
from ntgbench.interfaces import Budget, GeneratorSpec

ROOT = Path(__file__).parents[2]

SMALL = {
    "crossfit": "crossfit[hidden=8,intermediate=8,layers=1,heads=2]",
    "cvae": "cvae[outer=16,inner=8,latent=4]",
    "llama": "llama[hidden=8,intermediate=8,layers=2,heads=2]",
    "mamba": "mamba[hidden=8,layers=2,state=2]",
    "netdiffus-nr": "netdiffus-nr[channels=8,blocks=1,heads=1,noise_steps=4,steps=2]",
    "cascadenet": "cascadenet[hidden=8,noise=4,window=3,critic_steps=1,g1_steps=2,g2_steps=2,g3_steps=2,joint_steps=2]",
}
"""Systems that learn, as small as they can be."""

# Captures are built where the tests have them.
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))


def own_flows() -> list[bytes]:
    from ntgbench.datasets.reading import Reading, read_flows

    with tempfile.TemporaryDirectory() as folder:
        source, own = Path(folder) / "a.parquet", Path(folder) / "b.parquet"
        source.write_bytes(foreign_flows()[0])
        read_flows(source, Reading(upstream="0"))[0].to_parquet(own)
        return [own.read_bytes()]


def biflows() -> list[bytes]:
    from ntgbench.testing import example_traffic

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        few = example_traffic()
        few.select(range(20)).to_parquet(path)
        return [path.read_bytes()]


def foreign_flows() -> list[bytes]:
    import pyarrow as pa

    lengths = [[100, 200 + row, 7] for row in range(30)]
    common = {"label": pa.array([f"class {row % 3}" for row in range(30)]), "pkts_size": lengths}
    timed = {**common, "pkts_dir": [[0, 1, 0]] * 30, "timetofirst": [[0.0, 0.5, 1.5]] * 30, "session": ["s"] * 30}
    signed = {**common, "pkts_size": pa.array([[1, -2, 3]] * 30, kinds_of_lists()[-1](pa.int16()))}
    cesnet = {"APP": ["a", "b"] * 15, "PPI": [[[0, 5], [0, 1], [30, 40]]] * 30}
    tables = [pa.table(one) for one in (timed, signed, cesnet)]
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    return [to_parquet(one, **options) for one in tables for options in ({}, plain, {"data_page_version": "2.0"})]


def flow_csv() -> list[bytes]:
    rows = b"".join(b'a,"[100, 200]","[1, -1]","[0.0, 0.5]",s\nb,5,1,0,t\n' for _ in range(10))
    ppi = b'APP,PPI\n"multi\nline","[[0, 5], [1, -1], [300, 1400]]"\nb,"[[0], [1], [9]]"\n'
    return [b"app,pkts_len,pkts_dir,pkts_iat,session\n" + rows, ppi, b"app,signed_pl\na,1 -2 3\nb,(4;-5)\n"]


def trace_csv() -> list[bytes]:
    names = b"srcip,dstip,srcport,dstport,proto,time,pkt_len,version,ihl,tos,id,flag,off,ttl\n"
    rows = b"".join(
        b"167772161,167772162,1000,80,6,150000000000%d,100,4,5,0,7,DF,0,64\n10.0.0.1,::1,53,5,17,1.5e15,28.5,4,5,,,,0,1\n"
        % (1000 + row)
        for row in range(10)
    )
    ints = names + rows.replace(b"10.0.0.1,::1", b"1,2")
    texts = names + rows.replace(b"167772161,167772162", b"10.0.0.7,10.0.0.8")
    captures = b"timestamp,srcip,dstip,srcport,dstport,proto,pkt_len,ttl,device,capture\n"
    captures += b"1.5,1,2,3,4,6,40,64,a,b\n1.25,1,2,3,4,17,28,64,,c\n" * 10
    return [ints, texts, captures]


def traces() -> list[bytes]:
    """Our Parquet of a trace, and tables that others write."""
    import pyarrow.parquet as pq

    from ntgbench.tracks.headers.example import example_trace
    from ntgbench.traffic.trace_files import write_trace_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        write_trace_file(example_trace(flows=10), path)
        own = path.read_bytes()
        foreign = pq.read_table(path).replace_schema_metadata({})
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    captures = foreign.append_column("capture", [[f"c{row % 3}" for row in range(len(foreign))]])
    return [own, *(to_parquet(one, **options) for one in (foreign, captures) for options in ({}, plain))]


def mirage() -> list[bytes]:
    packets = {"packet_dir": [0, 1, 0], "L4_payload_bytes": [5, 0, 7], "iat": [0.0, 0.5, 0.25]}
    about = {"BF_label": "com.app", "BF_labeling_type": "exact"}
    file = {f"10.0.0.1,{port},1.2.3.4,443,6": {"packet_data": packets, "flow_metadata": about} for port in range(3)}
    return [json.dumps(file).encode(), json.dumps(file, indent=1).encode()]


def captures() -> list[bytes]:
    """Captures of every format and link layer."""
    from made_captures import files, link_files

    return [*files(), *link_files()]


def captures_to_compress() -> list[bytes]:
    """Those of them that are not compressed."""
    return [one for one in captures() if one[:2] != b"\x1f\x8b"]


def capture() -> bytes:
    """A capture of two biflows."""
    from ntgbench.testing import example_traffic
    from ntgbench.traffic.export import write_pcap

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pcap"
        write_pcap(example_traffic().select(range(2)), path)
        return path.read_bytes()


def packed(document: bytes, ending: str) -> bytes:
    """An archive of one MIRAGE file, with a name that ends so."""
    from benchmarks.fuzz.mutations import archive

    return archive([("1_com.app_x.json", document)], ending)


def labels() -> list[bytes]:
    return [b"file,app,session\na/1.pcap,x,1\n1.pcap,y,\n", b'"file","app"\n"a/1.pcap","multi\nline"\n']


def sidecars() -> list[bytes]:
    return [b"flow,app\n0,a\n1,\xc3\xbc\n", b'flow,app\n1,"a\nb"\n0,b\n']


def requests() -> list[bytes]:
    """Systems as a user writes them."""
    own = [
        b"markov[order=2]",
        b"llama[layers=2,learning_rate=0.1]",
        b"netdiffus-nr",
        b"smote[neighbours=5]",
        b"file[path=a.parquet]",
    ]
    return [*own, *(text.encode() for text in SMALL.values())]


def protocols() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "ntgbench" / "protocols").glob("*.toml"))]


def rows() -> list[dict[str, Any]]:
    """Rows of the leaderboards, and some of forms that are not there."""
    lines = (ROOT / "leaderboards" / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines[:: max(1, len(lines) // 3)]]
    failed = {**found[0], "status": "failed", "reason": "boom", "metrics": {}, "log": "a/b/log.txt"}
    tracked = {**found[1], "track": "headers", "keys": {"efficiency": "0a1b"}}
    return [*found, failed, tracked]


def row_files() -> list[bytes]:
    """Files of one to three rows."""
    known = rows()
    return ["\n".join(json.dumps(row) for row in known[at : at + 1 + at % 3]).encode() for at in range(len(known))]


def repairs() -> list[bytes]:
    """A rows.jsonl with a line that is cut, and the result that the line is of."""
    known = [json.dumps(row, sort_keys=True) for row in rows()]
    return [
        to_folder({"rows.jsonl": f"{one}\n{other[:-20]}\n".encode(), "result.json": other.encode()})
        for one, other in itertools.pairwise(known)
    ]


def cells() -> list[bytes]:
    """The files in the folder of a cell."""
    import dataclasses

    from ntgbench.protocol import find
    from ntgbench.running.cells import Cell

    protocol = dataclasses.replace(find("quick"), systems=("copy",), datasets=("made",))
    cell = Cell(protocol, "made", "0a", "made.parquet", ("a note",), "copy", {}, "ntgbench", "1", 0, "a/b/c/d/e")
    metric = {"value": 0.5, "version": 1, "goal": "max", "digits": 3}
    state = {"fitted": {"parameters": 3}, "kept": {"fidelity": [1]}, "metrics": {"fidelity/jsd": metric}}
    now = {"phase": "fit", "since": 1.5, "share": 0.25, "note": "epoch 1"}
    return [
        to_folder(
            {
                "cell.json": cell.to_json().encode(),
                "state.json": json.dumps({**state, "seconds": {"start": 0.5}, "now": now}).encode(),
                "result.json": json.dumps(row).encode(),
            }
        )
        for row in rows()
    ]


def models(systems: Sequence[str], track: str = "biflows") -> list[bytes]:
    """The folder of each system, fitted on a little traffic."""
    from ntgbench.systems import MODEL_FOLDER, choose
    from ntgbench.testing import example_traffic
    from ntgbench.tracks.headers.example import example_trace

    traffic: Any = example_traffic(pl_max=40) if track == "biflows" else example_trace(flows=10)

    def saved(text: str, folder: Path) -> None:
        system = choose(text, track)
        folder.mkdir()
        base = None
        if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
            saved(SMALL[system.spec.base], folder.parent / f"{folder.name}-base")
            base = folder.parent / f"{folder.name}-base" / MODEL_FOLDER
        system.fit(traffic, Context(seed=1, budget=Budget(epochs=1), base=base)).save(folder)

    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(number) for number in range(len(systems))]
        for text, folder in zip(systems, folders, strict=True):
            saved(text, folder)
        return [
            to_folder({str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()})
            for folder in folders
        ]
