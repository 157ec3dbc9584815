"""Industry: devices polled over Modbus/TCP, in classes that differ by what a device's name says about its tables.

Everywhere a device says its name, then its settings, then tables of registers of one size, then its status, and so on.
The sizes are the same for all classes, and so is how often each occurs. What differs is which devices have the longer
names: those with more or with fewer settings, which shows at once, and those with more or with fewer tables, which
shows several equal packets later only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.lab import servers
from benchmarks.lab.contents import token, word
from benchmarks.lab.users import each
from benchmarks.lab.workload import LabError, Site, Visit, Workload

MODBUS = 502

_UNITS = 8
"""Devices behind a gateway; the second half of them have longer names."""

_FEW, _MANY = 2, 4
_TABLES = {1: (40, 60, 80, 100, 120, 125), 2: (36, 64, 80, 96, 110, 125)}
"""Registers of a table, by day; a device answers for 125 at most."""

_SETTINGS = ((5, 6, 8, 10, 12), (18, 20, 24, 30, 32))
"""Registers of the settings of small and of large devices."""


@contextmanager
def _serve(site: Site) -> Iterator[None]:
    rng = site.rng
    maker, product = word(rng).title(), word(rng).upper()
    devices = {}
    for unit in range(1, _UNITS + 1):
        name = [maker, f"{product[:4]}{rng.randint(1, 99)}", f"{rng.randint(1, 9)}.{rng.randint(0, 30)}"]
        if unit > _UNITS // 2:
            name[0] += f" {word(rng).title()} {rng.choice(('GmbH', 'Inc.', 'S.p.A.'))}"
            name[1] += f"-{token(rng, rng.randint(10, 24)).upper()}"
            name[2] += f" build {rng.randint(1000, 99_999)}"
        devices[str(unit)] = name
    servers.start(site, "modbus", {"address": site.host.address, "port": MODBUS, "devices": devices})
    site.host.wait_for(MODBUS)
    yield


def _poll(*, longer_has_more: bool, longer_sets_more: bool) -> Callable[[Visit], None]:
    """A collector of readings: one device a connection, a few rounds of its tables and its status."""

    def poll(visit: Visit) -> None:
        from pymodbus.client import ModbusTcpClient

        rng = visit.rng
        registers, status = rng.choice(_TABLES[visit.day]), rng.choice((1, 2, 3))
        settings = [rng.choice(sizes) for sizes in _SETTINGS]
        share = rng.uniform(0.4, 0.6)
        rounds = rng.choice((1, 2, 4))
        writes = rng.choice((0.0, 0.0, 0.1)) * visit.day

        def work(its: random.Random) -> None:
            longer = its.random() < share
            unit = its.randint(1, _UNITS // 2) + longer * _UNITS // 2
            tables = _MANY if longer == longer_has_more else _FEW
            client: Any = ModbusTcpClient(visit.server, port=MODBUS, timeout=5)
            if not client.connect():
                raise LabError("no connection")
            try:
                if its.random() < 0.97:
                    client.read_device_information(read_code=1, object_id=0, device_id=unit)
                client.read_holding_registers(0, count=settings[longer == longer_sets_more], device_id=unit)
                for _ in range(its.randint(1, rounds)):
                    for table in range(tables):
                        client.read_holding_registers(table * 125, count=registers, device_id=unit)
                    client.read_holding_registers(0, count=status, device_id=unit)
                    if its.random() < writes:
                        client.write_register(1, its.randrange(1000), device_id=unit)
            finally:
                client.close()

        each(visit, work, at_once=2)

    return poll


def _polled(name: str, summary: str, *, more: bool, settings: bool) -> Workload:
    return Workload(
        name=name,
        summary=f"{summary}, polled over Modbus/TCP by pymodbus",
        serve=_serve,
        visit=_poll(longer_has_more=more, longer_sets_more=settings),
        ports=(MODBUS,),
        biflows=(10, 26),
        changed="other sizes of tables, more set points written",
        packages=("pypi:pymodbus",),
        modules=("pymodbus.client",),
        visitors=4,
        weight=0.8,
    )


WORKLOADS = (
    _polled(
        "charger",
        "chargers of cars, of which those with longer names have few settings and few tables",
        more=False,
        settings=False,
    ),
    _polled(
        "inverter",
        "solar inverters, of which those with longer names have few settings and many tables",
        more=True,
        settings=False,
    ),
    _polled(
        "meter",
        "energy meters, of which those with longer names have many settings and many tables",
        more=True,
        settings=True,
    ),
    _polled(
        "plc",
        "controllers, of which those with longer names have many settings and few tables",
        more=False,
        settings=True,
    ),
)
