"""What keeps hosts going: time, logs, and the counters that they are watched by."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import logging.handlers
import random
import socket
import struct
import time
from collections.abc import Iterator

from benchmarks.lab.contents import size, text, token, word
from benchmarks.lab.hosts import SERVER
from benchmarks.lab.workload import Site, Visit, Workload

_NTP, _SYSLOG, _SNMP = 123, 514, 161

_KEYS = {1: ("MD5", b"0123456789abcdef"), 2: ("SHA1", b"0123456789abcdef0123")}
"""Keys of NTP by number; the secret of a network that is nobody's."""

_UNIX_EPOCH = 2_208_988_800
"""Seconds from NTP's epoch to that of Unix, RFC 5905."""


@contextlib.contextmanager
def _serve_time(site: Site) -> Iterator[None]:
    keys = "".join(f"{number} {kind} HEX:{key.hex()}\n" for number, (kind, key) in _KEYS.items())
    (site.folder / "keys").write_text(keys, encoding="ascii")
    path = site.folder / "chrony.conf"
    path.write_text(
        f"local stratum {site.rng.randint(1, 12)}\nallow 10.0.0.0/8\ncmdport 0\nbindcmdaddress /\n"
        f"bindaddress {site.host.address}\nkeyfile {site.folder}/keys\npidfile {site.folder}/chronyd.pid\n",
        encoding="ascii",
    )
    # -x: the clock of this machine is left alone.
    site.host.start(
        ["chronyd", "-d", "-x", "-U", "-u", "nobody", "-f", str(path)],
        folder=site.folder,
        log="chronyd.log",
        user="nobody",
    )
    site.host.wait_for(_NTP, udp=True)
    yield


def _ask_time(visit: Visit) -> None:
    """Exchanges from one port: one, as simple clients do, or some in a row, as daemons do at their start."""
    rng = visit.rng
    if rng.random() < 0.15:
        for _ in range(min(visit.biflows, 6)):
            visit.run(["ntpdig", "-t", "2", "-j", SERVER])
        return
    version = rng.choice((3, 4, 4, 4))
    key = rng.choice((1, 2)) if rng.random() < (0.15 if visit.day == 1 else 0.5) else 0
    burst = rng.choice((1, 1, 4, 8))
    for _ in range(visit.biflows):
        if visit.over:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(1.5)
            wire.connect((visit.server, _NTP))
            for _ in range(rng.randint(1, burst)):
                now = (
                    struct.pack(">d", 0)
                    if rng.random() < 0.3
                    else struct.pack(">Q", int((time.time() + _UNIX_EPOCH) * 2**32))
                )
                packet = (
                    struct.pack(">BBbb", version << 3 | 3, 0, rng.randint(3, 10), -rng.randint(6, 30)) + bytes(36) + now
                )
                if key:
                    kind, secret = _KEYS[key]
                    digest = hashlib.new(kind.lower(), secret + packet, usedforsecurity=False).digest()
                    packet += struct.pack(">I", key) + digest
                wire.send(packet)
                with contextlib.suppress(TimeoutError):
                    wire.recv(1024)
                visit.think(0.01)


@contextlib.contextmanager
def _serve_logs(site: Site) -> Iterator[None]:
    path = site.folder / "rsyslog.conf"
    path.write_text(
        f'global(workDirectory="{site.folder}" maxMessageSize="16k")\n'
        'module(load="imudp")\nmodule(load="imtcp")\n'
        f'input(type="imudp" port="{_SYSLOG}" address="{site.host.address}")\n'
        f'input(type="imtcp" port="{_SYSLOG}" address="{site.host.address}")\n'
        f'action(type="omfile" file="{site.folder}/messages")\n',
        encoding="ascii",
    )
    command = ["rsyslogd", "-n", "-f", str(path), "-i", f"{site.folder}/rsyslogd.pid"]
    site.host.start(command, folder=site.folder, log="rsyslogd.log", user="nobody")
    site.host.wait_for(_SYSLOG)
    site.host.wait_for(_SYSLOG, udp=True)
    yield


def _message(rng: random.Random, host: str, program: str, *, structured: bool) -> str:
    said = text(rng, size(rng, 60, 0.9, 5, 1800))
    if structured:
        data = "".join(f' {word(rng)}="{token(rng, rng.randint(2, 30))}"' for _ in range(rng.randint(1, 5)))
        head = f"1 2026-01-02T03:04:05.{rng.randint(0, 999999):06}Z {host} {program} {rng.randint(2, 99999)} -"
        return f"{head} [{word(rng)}@1{data}] {said}"
    return f"Jan  2 03:04:{rng.randint(10, 59)} {host} {program}[{rng.randint(2, 99999)}]: {said}"


def _send_logs(visit: Visit) -> None:
    """Bursts of messages over UDP or TCP, in the old form or the structured one."""
    rng = visit.rng
    stream = rng.random() < (0.4 if visit.day == 1 else 0.6)
    structured = rng.random() < (0.3 if visit.day == 1 else 0.7)
    if rng.random() < 0.25:
        options = ["-T" if stream else "-d", "--rfc5424" if structured else "--rfc3164"]
        for _ in range(min(visit.biflows, 25)):
            visit.run(
                [
                    "logger",
                    "-n",
                    SERVER,
                    "-P",
                    str(_SYSLOG),
                    *options,
                    "-t",
                    word(rng),
                    text(rng, size(rng, 60, 0.9, 5, 1000)),
                ]
            )
        return
    host, programs = word(rng), [word(rng) for _ in range(rng.randint(1, 6))]
    most = rng.choice((1, 4, 15))
    kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    for _ in range(visit.biflows):
        if visit.over:
            return
        handler = logging.handlers.SysLogHandler((visit.server, _SYSLOG), rng.randrange(24), kind)
        handler.append_nul = False
        end = "\n" if stream else ""
        for _ in range(rng.randint(1, most)):
            said = _message(rng, host, rng.choice(programs), structured=structured) + end
            handler.emit(logging.makeLogRecord({"msg": said, "levelname": rng.choice(("INFO", "ERROR", "WARNING"))}))
            visit.think(0.004)
        handler.close()


@contextlib.contextmanager
def _serve_counters(site: Site) -> Iterator[None]:
    rng = site.rng
    path = site.folder / "snmpd.conf"
    path.write_text(
        f"rocommunity {word(rng)}{token(rng, 4)} 10.0.0.0/8\nrocommunity public 10.0.0.0/8\n"
        "createUser watcher SHA watcherwatcher AES privateprivate\nrouser watcher auth\n"
        f"sysLocation {text(rng, rng.randint(5, 80))}\nsysContact {word(rng)}@{word(rng)}.test\n"
        f"sysDescr {text(rng, rng.randint(10, 200))}\n"
        + "".join(f"extend {word(rng)}{number} /bin/echo {text(rng, rng.randint(5, 120))}\n" for number in range(6)),
        encoding="ascii",
    )
    command = [
        "snmpd",
        "-f",
        "-Lo",
        "-C",
        "-c",
        str(path),
        "-p",
        f"{site.folder}/snmpd.pid",
        f"udp:{site.host.address}:{_SNMP}",
    ]
    env = {"SNMP_PERSISTENT_DIR": str(site.folder), "MIBS": ""}
    site.host.start(command, folder=site.folder, log="snmpd.log", env=env, user="nobody")
    site.host.wait_for(_SNMP, udp=True)
    yield


_TREES = (
    ".1.3.6.1.2.1.1",
    ".1.3.6.1.2.1.2.2.1.2",
    ".1.3.6.1.2.1.2.2.1.10",
    ".1.3.6.1.2.1.4",
    ".1.3.6.1.2.1.6",
    ".1.3.6.1.2.1.7",
    ".1.3.6.1.2.1.25.1",
    ".1.3.6.1.4.1.2021.4",
    ".1.3.6.1.4.1.2021.10",
    ".1.3.6.1.4.1.8072.1.3.2",
)

_OBJECTS = (
    *(f".1.3.6.1.2.1.1.{number}.0" for number in range(1, 8)),
    *(f".1.3.6.1.2.1.{end}.0" for end in ("2.1", "4.3", "6.5", "7.1", "11.1", "25.1.1", "25.1.6", "99.1")),
)


def _watch_counters(visit: Visit) -> None:
    """Single values and whole tables, as a monitor asks for them, in a version that the monitor keeps to."""
    rng = visit.rng
    version = rng.choices(("1", "2c", "3a", "3p"), (2, 6, 1, 1) if visit.day == 1 else (0, 4, 2, 3))[0]
    who = ["-v", version, "-c", "public"]
    if version.startswith("3"):
        who = ["-v", "3", "-u", "watcher", "-a", "SHA", "-A", "watcherwatcher"]
        who += ["-l", "authNoPriv"] if version == "3a" else ["-l", "authPriv", "-x", "AES", "-X", "privateprivate"]
    common = [*who, "-m", "", "-t", "1", "-r", "1", "-O", "n"]
    walks = rng.random()
    same = rng.sample(_OBJECTS, rng.randint(1, 8)) if rng.random() < 0.5 else None
    for _ in range(visit.biflows):
        if visit.over:
            return
        if rng.random() > walks:
            visit.run(["snmpget", *common, SERVER, *(same or rng.sample(_OBJECTS, rng.randint(1, 10)))])
        elif version == "1" or rng.random() < 0.4:
            visit.run(["snmpwalk", *common, SERVER, rng.choice(_TREES)])
        else:
            visit.run(["snmpbulkwalk", *common, "-C", f"r{rng.choice((5, 10, 25))}", SERVER, rng.choice(_TREES)])


WORKLOADS = (
    Workload(
        name="ntp",
        summary="time from chronyd, asked for once or in a row, with and without keys, by a simple client and ntpdig",
        serve=_serve_time,
        visit=_ask_time,
        ports=(_NTP,),
        biflows=(12, 45),
        changed="keys are more usual",
        packages=("chrony", "ntpsec-ntpdig"),
        visitors=4,
        weight=0.9,
    ),
    Workload(
        name="syslog",
        summary="messages to rsyslogd over UDP and TCP, in the old form and the structured one, by Python and logger",
        serve=_serve_logs,
        visit=_send_logs,
        ports=(_SYSLOG,),
        biflows=(12, 45),
        changed="the structured form and TCP are more usual",
        packages=("rsyslog", "bsdutils"),
        visitors=4,
        weight=0.8,
    ),
    Workload(
        name="snmp",
        summary="counters and tables of snmpd, versions 1, 2c and 3, by the programs of Net-SNMP",
        serve=_serve_counters,
        visit=_watch_counters,
        ports=(_SNMP,),
        biflows=(12, 40),
        changed="version 1 is gone, version 3 more usual",
        packages=("snmpd", "snmp"),
        visitors=4,
        weight=0.8,
    ),
)
