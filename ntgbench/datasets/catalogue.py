"""The datasets that ntgbench knows by name, as the plugin `datasets`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import DatasetSpec


@hookimpl
def ntgbench_datasets() -> list[DatasetSpec]:
    """What everyone has at once, and the two public collections of the paper."""
    lab = DatasetSpec(
        "lab",
        "ntgbench.datasets.lab:load",
        summary="52,234 biflows of 39 applications: real programs over a real network stack, on two days",
        licence="MIT",
        citation="part of ntgbench",
        how="Nothing: it comes with ntgbench. `make lab` of the source tree builds it anew.",
        datasheet=str(Path(__file__).with_name("lab") / "datasheet.md"),
    )
    return [
        lab,
        replace(lab, name="lab-day1", target=f"{lab.target}_day1", summary="the first day of lab"),
        replace(
            lab,
            name="lab-day2",
            target=f"{lab.target}_day2",
            summary="the second day of lab: most programs set up and used otherwise",
        ),
        replace(
            lab,
            name="lab-pcap",
            target=f"{lab.target}_captures",
            summary="a few sessions of each class of lab, as captures of packet headers",
        ),
        replace(
            lab,
            name="lab-trace",
            target=f"{lab.target}_trace",
            summary="100,245 packets on one link in 15 seconds: sessions of the programs of lab, at drawn times",
            datasheet=str(Path(__file__).with_name("lab") / "trace.md"),
            track="headers",
        ),
        DatasetSpec(
            "simulated",
            "ntgbench.datasets.simulated:load",
            summary="6,150 biflows of 12 made-up applications with a known distribution",
            licence="MIT",
            citation="part of ntgbench",
            how="Nothing: it is made when it is used.",
        ),
        DatasetSpec(
            "mirage-2019",
            "ntgbench.datasets.cache:mirage_2019",
            summary="20 Android apps used by volunteers, University of Naples Federico II",
            licence="CC BY-NC-ND",
            citation="https://traffic.comics.unina.it/mirage/mirage-2019.html (Aceto et al., MIRAGE, ICCCS 2019)",
            how="Run `ntgbench datasets fetch mirage-2019`.",
        ),
        DatasetSpec(
            "cesnet-tls22",
            "ntgbench.datasets.cache:cesnet_tls22",
            summary="TLS services on the Czech academic network, October 2021",
            licence="CC BY 4.0",
            citation="https://zenodo.org/records/7965515 (Luxemburk and Cejka, CESNET-TLS22)",
            how="Save the flows you want with CESNET DataZoo as Parquet or CSV with the columns APP and PPI. `-d FILE` "
            "reads them; `ntgbench datasets import FILE --out $NTGBENCH_DATA/cesnet-tls22.parquet` names them.",
        ),
    ]
