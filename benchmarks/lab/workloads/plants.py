"""Industry: meters and controllers polled over Modbus.

Both classes are a small identification, then tables of registers of one size, then a status, and so on. They have the
same sizes: what tells them apart is that the meter with the longer identification has more tables to read, and the
controller with the longer one has fewer, which is known several equal packets later only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.lab import servers
from benchmarks.lab.contents import token, word
from benchmarks.lab.users import each
from benchmarks.lab.workload import LabError, Site, Visit, Workload

MODBUS = 502

_UNITS = 8
"""Devices behind a gateway; the first half have few tables, the others many."""

_FEW, _MANY = 2, 4
_BLOCKS = {1: (20, 40, 60, 100, 120, 125), 2: (24, 40, 60, 96, 110, 125)}
"""Registers of a table, by day; a device answers for 125 at most."""


def _serve(*, longer_has_more: bool) -> Callable[[Site], AbstractContextManager[None]]:
    @contextmanager
    def serve(site: Site) -> Iterator[None]:
        rng = site.rng
        maker, product = word(rng).title(), word(rng).upper()
        devices = {}
        for unit in range(1, _UNITS + 1):
            identity = [maker, f"{product[:4]}{rng.randint(1, 99)}", f"{rng.randint(1, 9)}.{rng.randint(0, 30)}"]
            if (unit > _UNITS // 2) == longer_has_more:
                identity[0] += f" {word(rng).title()} {rng.choice(('GmbH', 'Inc.', 'S.p.A.'))}"
                identity[1] += f"-{token(rng, rng.randint(10, 24)).upper()}"
                identity[2] += f" build {rng.randint(1000, 99_999)}"
            devices[str(unit)] = identity
        servers.start(site, "modbus", {"address": site.host.address, "port": MODBUS, "devices": devices})
        site.host.wait_for(MODBUS)
        yield

    return serve


def _poll(visit: Visit) -> None:
    """A collector of readings: one device a connection, a few rounds of its tables and its status."""
    from pymodbus.client import ModbusTcpClient

    rng = visit.rng
    block, status = rng.choice(_BLOCKS[visit.day]), rng.choice((2, 10, 16))
    many = rng.uniform(0.4, 0.6)
    rounds = rng.choice((1, 2, 4))
    writes = rng.choice((0.0, 0.0, 0.1)) * visit.day

    def work(its: random.Random) -> None:
        large = its.random() < many
        unit = its.randint(1, _UNITS // 2) + large * _UNITS // 2
        client = ModbusTcpClient(visit.server, port=MODBUS, timeout=5)
        if not client.connect():
            raise LabError("no connection")
        try:
            if its.random() < 0.97:
                client.read_device_information(read_code=1, object_id=0, device_id=unit)
            for _ in range(its.randint(1, rounds)):
                for table in range(_MANY if large else _FEW):
                    client.read_holding_registers(table * 125, count=block, device_id=unit)
                client.read_holding_registers(0, count=status, device_id=unit)
                if its.random() < writes:
                    client.write_register(1, its.randrange(1000), device_id=unit)
        finally:
            client.close()

    each(visit, work, at_once=2)


_CHANGED = "other sizes of tables, more set points written"

WORKLOADS = (
    Workload(
        name="meter",
        summary="energy meters polled over Modbus/TCP by pymodbus, those of three phases with longer names",
        serve=_serve(longer_has_more=True),
        visit=_poll,
        ports=(MODBUS,),
        biflows=(15, 35),
        changed=_CHANGED,
        packages=("pypi:pymodbus",),
        modules=("pymodbus.client",),
        visitors=3,
    ),
    Workload(
        name="plc",
        summary="controllers polled over Modbus/TCP by pymodbus, those of one piece with longer names",
        serve=_serve(longer_has_more=False),
        visit=_poll,
        ports=(MODBUS,),
        biflows=(15, 35),
        changed=_CHANGED,
        packages=("pypi:pymodbus",),
        modules=("pymodbus.client",),
        visitors=3,
    ),
)
