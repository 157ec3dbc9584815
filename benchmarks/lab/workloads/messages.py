"""Messages and directories: MQTT, LDAP and SIP."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.lab.contents import size, text, token, word
from benchmarks.lab.scenarios import answers, calls
from benchmarks.lab.serving import newer, prepare, running
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.users import accounts, each, succeed
from benchmarks.lab.workload import Site, Visit, Workload

MQTT, MQTTS, LDAP, LDAPS = 1883, 8883, 389, 636
SIP = {"OPTIONS": 5060, "REGISTER": 5061, "MESSAGE": 5062, "INVITE": 5063}
BASE = "dc=lab,dc=test"
PEOPLE = {1: f"ou=people,{BASE}", 2: f"ou=staff,ou=people,{BASE}"}
"""Where they are in the directory on each day."""


@contextmanager
def serve_mqtt(site: Site) -> Iterator[None]:
    """Mosquitto, in the clear and over TLS, for everybody."""
    made = certificate(site.folder, site.rng, 0.25 if site.day == 1 else 0.75)
    (site.folder / "mosquitto.conf").write_text(
        f"allow_anonymous true\npersistence false\nlog_type error\nmax_queued_messages 200\n"
        f"listener {MQTT} {site.host.address}\n"
        f"listener {MQTTS} {site.host.address}\ncertfile {made.chain}\nkeyfile {made.key}\n"
    )
    with running(site, ["mosquitto", "-c", str(site.folder / "mosquitto.conf")], MQTT, MQTTS):
        yield


def visit_mqtt(visit: Visit) -> None:
    """Sensors that report, and those that listen to them; some sessions are of mosquitto_pub."""
    rng = visit.rng
    tls, five = (rng.random() < share for share in ((0.2, 0.3) if visit.day == 1 else (0.35, 0.6)))
    topic = "/".join(word(rng) for _ in range(rng.randint(1, 5)))
    quality, median = rng.choice((0, 0, 1, 2)), rng.choice((12, 60, 300, 1500))
    who = rng.choice(accounts()) if rng.random() < 0.5 else None
    if rng.random() < 0.2:
        command = ["mosquitto_pub", "-h", visit.server, "-q", str(quality), "-V", "mqttv5" if five else "mqttv311"]
        command += ["-u", who.name, "-P", who.password] if who else []
        each(visit, lambda its: succeed(visit, [*command, "-t", topic, "-m", _report(its, median)]))
        return
    prefix, keeps, listens = rng.choice(("", word(rng), f"{word(rng)}-")), rng.random() < 0.3, rng.random()
    context = client_context(rng, old=0.4 if visit.day == 1 else 0.15) if tls else None
    mean = rng.choice((1, 3, 8))

    def work(its: random.Random) -> None:
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{prefix}{token(its, its.choice((6, 6, 12, 22)))}",
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
        )
        if who:
            client.username_pw_set(who.name, who.password)
        if keeps:
            client.will_set(f"{topic}/gone", "gone", quality)
        if context:
            client.tls_set_context(context)
            client.tls_insecure_set(True)
        client.connect(visit.server, MQTTS if tls else MQTT, keepalive=its.choice((30, 60, 60, 120)))
        client.loop_start()
        try:
            if its.random() < listens:
                client.subscribe(its.choice((f"{topic}/#", "#", f"+/{word(its)}", topic)), quality)
            pending = [
                client.publish(f"{topic}/{its.randrange(20)}", _report(its, median), quality, retain=its.random() < 0.1)
                for _ in range(min(20, int(its.expovariate(1 / mean))))
            ]
            for sent in pending:
                sent.wait_for_publish(2)
            time.sleep(min(its.expovariate(20), 0.2))
        finally:
            client.disconnect()
            client.loop_stop()

    each(visit, work, at_once=3)


def _report(rng: random.Random, median: float) -> str:
    if median < 20:
        return f"{rng.uniform(-20, 120):.{rng.randint(0, 4)}f}"
    fields = ", ".join(f'"{word(rng)}": {rng.uniform(0, 100):.2f}' for _ in range(rng.randint(1, 5)))
    return f'{{{fields}, "note": "{text(rng, size(rng, median, 0.7, largest=20_000))}"}}'


@contextmanager
def serve_ldap(site: Site) -> Iterator[None]:
    """A directory of the accounts and of people without one, in the clear and over TLS."""
    folder, rng = site.folder, site.rng
    made = certificate(folder, rng, 0.25 if site.day == 1 else 0.75)
    (folder / "data").mkdir()
    schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
    limits = "sizelimit 50\n" if newer(site) else "sizelimit 500\n"
    (folder / "slapd.conf").write_text(
        f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {folder}/pid\n{limits}"
        f"TLSCertificateFile {made.chain}\nTLSCertificateKeyFile {made.key}\n"
        f'database mdb\nsuffix "{BASE}"\ndirectory {folder}/data\nmaxsize 33554432\ndbnosync\n'
        "index uid,cn,mail eq,sub\naccess to * by * write\n"
    )
    prepare(site, ["slapadd", "-q", "-f", str(folder / "slapd.conf")], "".join(_people(rng, site.day)))
    urls = f"ldap://{site.host.address}:{LDAP}/ ldaps://{site.host.address}:{LDAPS}/"
    with running(site, ["slapd", "-d", "0", "-f", str(folder / "slapd.conf"), "-h", urls], LDAP, LDAPS):
        yield


def _people(rng: random.Random, day: int) -> Iterator[str]:
    """The directory as LDIF."""
    yield f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: lab\no: Lab\n\n"
    yield f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n"
    if day == 2:
        yield f"dn: {PEOPLE[day]}\nobjectClass: organizationalUnit\nou: staff\n\n"
    for who in accounts():
        first, last = word(rng).title(), word(rng).title()
        yield (
            f"dn: uid={who.name},{PEOPLE[day]}\nobjectClass: inetOrgPerson\nuid: {who.name}\n"
            f"cn: {first} {last}\nsn: {last}\ngivenName: {first}\nmail: {who.mail}\nuserPassword: {who.password}\n"
            f"telephoneNumber: +1 555 {rng.randrange(10**7):07}\ntitle: {text(rng, rng.randint(8, 40)).strip()}\n"
            f"description: {text(rng, size(rng, 60, largest=1500)).strip()}\n\n"
        )


def visit_ldap(visit: Visit) -> None:
    """An application that lets people in and looks them up; some sessions are of ldapsearch."""
    rng = visit.rng
    kind = rng.choices(("clear", "starttls", "tls"), (5, 2, 3) if visit.day == 1 else (2, 4, 4))[0]
    binds = rng.choice(("anonymous", "fixed", "each"))
    fixed = rng.choice(accounts())
    attributes = rng.choice((["*"], ["cn", "mail"], ["uid"], ["*", "+"], ["mail", "telephoneNumber", "title", "cn"]))
    form = rng.choice(
        ("(uid={})", "(&(objectClass=inetOrgPerson)(uid={}))", "(|(uid={0})(mail={0}*)(cn=*{0}*))", "(cn=*{}*)")
    )
    if rng.random() < 0.2:
        url = f"ldaps://{visit.server}" if kind == "tls" else f"ldap://{visit.server}"
        command = ["env", "LDAPTLS_REQCERT=never", "ldapsearch", "-x", "-LLL", "-H", url, "-b", PEOPLE[visit.day]]
        command += ["-ZZ"] if kind == "starttls" else []
        command += [] if binds == "anonymous" else ["-D", f"uid={fixed.name},{PEOPLE[visit.day]}", "-w", fixed.password]
        each(visit, lambda its: succeed(visit, [*command, form.format(_someone(its)), *attributes], allowed=(4,)))
        return
    version = rng.random() < (0.4 if visit.day == 1 else 0.15)
    information, pages = rng.random() < 0.3, rng.random() < (0.2 if visit.day == 1 else 0.6)

    def work(its: random.Random) -> None:
        import ssl

        import ldap3  # type: ignore[import-untyped]

        wanted = ssl.PROTOCOL_TLSv1_2 if version else ssl.PROTOCOL_TLS_CLIENT
        tls = ldap3.Tls(validate=ssl.CERT_NONE, version=wanted) if kind != "clear" else None
        server = ldap3.Server(
            visit.server, LDAPS if kind == "tls" else LDAP, use_ssl=kind == "tls", tls=tls, connect_timeout=8,
            get_info=ldap3.ALL if information else ldap3.NONE,
        )  # fmt: skip
        who = its.choice(accounts()) if binds == "each" else fixed
        login: dict[str, Any] = {"user": f"uid={who.name},{PEOPLE[visit.day]}", "password": who.password}
        client = ldap3.Connection(server, receive_timeout=8, **({} if binds == "anonymous" else login))
        client.open()
        try:
            if kind == "starttls":
                client.start_tls()
            client.bind()
            for _ in range(its.choice((0, 1, 1, 2, 4))):
                paged = {"paged_size": its.choice((5, 20, 100))} if pages else {}
                client.search(PEOPLE[visit.day], form.format(_someone(its)), attributes=attributes, **paged)
            if its.random() < 0.2:
                client.compare(f"uid={who.name},{PEOPLE[visit.day]}", "mail", who.mail)
            if its.random() < 0.15:
                change = {"description": [(ldap3.MODIFY_REPLACE, [text(its, size(its, 60, largest=800)).strip()])]}
                client.modify(f"uid={who.name},{PEOPLE[visit.day]}", change)
        finally:
            client.unbind()

    each(visit, work)


def _someone(rng: random.Random) -> str:
    return rng.choice(accounts()).name if rng.random() < 0.85 else word(rng)


@contextmanager
def serve_sip(site: Site) -> Iterator[None]:
    """A sipp for each kind of request, over UDP and TCP: they answer as a registrar, a proxy and a telephone do."""
    with contextlib.ExitStack() as stack:
        for method, port in SIP.items():
            scenario = site.folder / f"{method}.xml"
            scenario.write_text(answers(method, site.rng, site.day))
            for transport, udp in (("u1", True), ("t1", False)):
                command = ["sipp", "-sf", str(scenario), "-i", site.host.address, "-p", str(port), "-t", transport]
                command += ["-nostdin", "-skip_rlimit", "-cp", str(port + 3000 + udp * 100)]
                stack.enter_context(running(site, command, port, udp=udp))
        yield


def visit_sip(visit: Visit) -> None:
    """Telephones of one make: they register, ask, write and call, each from a port of its own."""
    rng = visit.rng
    transport = rng.choices(("un", "tn"), (7, 3) if visit.day == 1 else (4, 6))[0]
    agent = rng.choice(("", f"User-Agent: {word(rng).title()} {word(rng)}/{rng.randint(1, 9)}.{rng.randint(0, 40)}"))
    left = visit.biflows
    address = _own_address(visit.server)
    while left > 0 and not visit.over:
        method = rng.choices(tuple(SIP), (2, 4, 2, 4))[0]
        count = min(left, rng.randint(2, 10))
        left -= count
        scenario, people = visit.folder / f"{left}.xml", visit.folder / f"{left}.csv"
        scenario.write_text(calls(method, rng, agent))
        rows = []
        for _ in range(count):
            one, other = rng.sample(accounts(), 2)
            note = text(rng, size(rng, 60, largest=900)).replace(";", ",").strip()
            rows.append(f"{one.name};{other.name};{note};{token(rng, rng.randint(6, 30))}")
        people.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
        command = ["sipp", f"{visit.server}:{SIP[method]}", "-sf", str(scenario), "-inf", str(people), "-i", address]
        command += ["-t", transport, "-m", str(count), "-l", "4", "-r", "25", "-nostdin", "-skip_rlimit"]
        command += ["-max_socket", "500", "-timeout", "6", "-recv_timeout", "3000"]
        status = visit.run(command, seconds=8)
        if status not in (0, 1, 97):
            raise RuntimeError(f"sipp ended with status {status}")


def _own_address(server: str) -> str:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((server, 9))
        return str(probe.getsockname()[0])


WORKLOADS = (
    Workload(
        "mqtt",
        "Mosquitto: paho-mqtt and mosquitto_pub, some over TLS",
        serve_mqtt,
        visit_mqtt,
        (MQTT, MQTTS),
        (20, 40),
        "more TLS, MQTT 5, more ECDSA certificates",
        ("mosquitto", "mosquitto-clients", "openssl", "pypi:paho-mqtt"),
        ("paho.mqtt.client",),
        visitors=2,
    ),
    Workload(
        "ldap",
        "OpenLDAP: ldap3 and ldapsearch, in the clear, after StartTLS and over TLS",
        serve_ldap,
        visit_ldap,
        (LDAP, LDAPS),
        (20, 40),
        "people elsewhere in the tree, more TLS, paged searches, a smaller limit, more ECDSA certificates",
        ("slapd", "ldap-utils", "openssl", "pypi:ldap3"),
        ("ldap3",),
        visitors=3,
    ),
    Workload(
        "sip",
        "sipp on both sides: OPTIONS, REGISTER, MESSAGE and calls over UDP and TCP",
        serve_sip,
        visit_sip,
        tuple(SIP.values()),
        (20, 40),
        "more TCP, longer answers",
        ("sip-tester",),
        visitors=3,
        weight=0.9,
    ),
)
