"""Look-ups of names: DNS over UDP and TCP, over TLS, and over HTTPS, all from unbound."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import random
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.lab.contents import text, token, word
from benchmarks.lab.hosts import SERVER
from benchmarks.lab.requests import PATIENCE
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.workload import Site, Visit, Workload

if TYPE_CHECKING:
    import dns.message

_PLAIN, _TLS, _HTTPS = 53, 853, 443


def _known() -> tuple[str, ...]:
    rng = random.Random(53)
    ends = ("test", "test", "example", "internal")
    return tuple(
        f"{'.'.join(word(rng) for _ in range(rng.choices((1, 2, 3, 5), (5, 5, 3, 1))[0]))}{number}.{rng.choice(ends)}"
        for number in range(150)
    )


_NAMES = _known()
"""Names that every site knows; what it says of them differs."""

_CONFIGURATION = """\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-ip6: no
  do-daemonize: no
  num-threads: 1
  interface: {address}@53
  interface: {address}@853
  interface: {address}@443
  tls-service-pem: "{chain}"
  tls-service-key: "{key}"
  access-control: 10.0.0.0/8 allow
  module-config: "iterator"
  minimal-responses: {minimal}
  max-udp-size: {largest}
  edns-buffer-size: {largest}
  pad-responses-block-size: {padding}
  rrset-roundrobin: yes
remote-control:
  control-enable: no
"""


def _records(rng: random.Random, name: str, targets: list[str]) -> list[str]:
    """What a site says of a name."""
    if rng.random() < 0.25 and targets:
        return [f"{name} 300 IN CNAME {rng.choice(targets)}."]
    lines = [
        f"{name} {rng.choice((60, 300, 3600))} IN A 10.9.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
        for _ in range(rng.choice((1, 1, 1, 2, 4, 8)))
    ]
    lines += [
        f"{name} 300 IN AAAA {ipaddress.IPv6Address(rng.getrandbits(128))}" for _ in range(rng.choice((0, 1, 1, 4)))
    ]
    lines += [f"{name} 300 IN MX {10 * (order + 1)} mx{order}.{name}" for order in range(rng.choice((0, 1, 2, 5)))]
    for _ in range(rng.choice((0, 1, 2, 6))):
        lines.append(f'{name} 300 IN TXT "{text(rng, rng.randint(20, 200))[:250]}"')
    if rng.random() < 0.5:
        lines.append(f"{name} 300 IN HTTPS 1 . alpn=h2,h3 ipv4hint=10.9.0.1")
    return lines


@contextlib.contextmanager
def _serve(site: Site) -> Iterator[None]:
    rng = site.rng
    files = certificate(site.folder, rng, elliptic=0.3 if site.day == 1 else 0.8)
    zones: dict[str, list[str]] = {}
    targets: list[str] = []
    for name in _NAMES:
        zones.setdefault(name.rpartition(".")[2], []).extend(_records(rng, f"{name}.", targets))
        targets.append(name)
    configuration = _CONFIGURATION.format(
        folder=site.folder,
        address=site.host.address,
        chain=files.chain,
        key=files.key,
        minimal=rng.choice(("yes", "no")),
        largest=4096 if site.day == 1 else 1232,
        padding=rng.choice((128, 468)) if site.day == 1 else 468,
    )
    for zone, lines in zones.items():
        head = f"{zone}. 900 IN SOA ns.{zone}. {word(rng)}.{zone}. {rng.randint(1, 10**9)} 7200 900 86400 900\n"
        servers = "".join(f"{zone}. 900 IN NS ns{number}.{word(rng)}.{zone}.\n" for number in range(rng.randint(1, 4)))
        (site.folder / f"{zone}.zone").write_text(head + servers + "\n".join(lines) + "\n", encoding="ascii")
        configuration += (
            f'auth-zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n  for-downstream: yes\n  for-upstream: no\n'
        )
    path = site.folder / "unbound.conf"
    path.write_text(configuration, encoding="utf-8")
    site.host.start(["unbound", "-d", "-p", "-c", str(path)], folder=site.folder, log="unbound.log", user="nobody")
    site.host.wait_for(_PLAIN, udp=True)
    site.host.wait_for(_TLS)
    yield


class _Stub:
    """One user's resolver: what it asks for, and how."""

    def __init__(self, visit: Visit, padding: float = 0.0) -> None:
        rng = visit.rng
        self.rng = rng
        self._favourites = rng.sample(_NAMES, rng.randint(6, 60))
        self._payload = rng.choice((None, 512, 4096, 1232) if visit.day == 1 else (None, 1232, 1232, 1400))
        self._signed = rng.random() < (0.15 if visit.day == 1 else 0.4)
        self._cookie = rng.random() < (0.2 if visit.day == 1 else 0.5)
        self._pad = 128 if rng.random() < padding else 0
        self._kinds = ("A", "AAAA", "MX", "TXT", "HTTPS")
        self._weights = (10, 6, 1, 2, 0) if visit.day == 1 else (10, 6, 1, 2, 6)

    def question(self) -> tuple[str, str]:
        """A name, sometimes one that nobody has, and a type."""
        name = self.rng.choice(self._favourites)
        if self.rng.random() < 0.12:
            name = f"{token(self.rng, self.rng.randint(3, 30)).lower()}.{name}"
        return name, self.rng.choices(self._kinds, self._weights)[0]

    def query(self, question: tuple[str, str]) -> dns.message.QueryMessage:
        """The message that asks it."""
        import dns.edns
        import dns.message

        if self._payload is None and not self._pad:
            return dns.message.make_query(*question)
        options: list[dns.edns.Option] = [dns.edns.CookieOption(self.rng.randbytes(8), b"")] if self._cookie else []
        return dns.message.make_query(
            *question,
            use_edns=0,
            payload=self._payload or 1232,
            want_dnssec=self._signed,
            options=options,
            pad=self._pad,
        )

    def program(self, question: tuple[str, str]) -> list[str]:
        """Options of dig and kdig that ask it."""
        edns = ["+noedns"] if self._payload is None else [f"+bufsize={self._payload}"]
        return [*question, *edns, *(["+dnssec"] * self._signed)]


def _dns(visit: Visit) -> None:
    """A question or two from a port of its own each time, again over TCP where the answer does not fit."""
    import dns.flags
    import dns.query

    rng, stub = visit.rng, _Stub(visit)
    if rng.random() < 0.2:
        for _ in range(min(visit.biflows, 25)):
            visit.run(["dig", f"@{SERVER}", "+tries=1", "+time=2", *stub.program(stub.question())])
        return
    pairs = rng.random() < 0.5
    think = rng.choice((0.005, 0.03))
    for _ in range(visit.biflows):
        if visit.over:
            return
        name, kind = stub.question()
        asked = [(name, "A"), (name, "AAAA")] if pairs and kind in ("A", "AAAA") else [(name, kind)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.connect((visit.server, _PLAIN))
            wire.settimeout(2)
            queries = [stub.query(question) for question in asked]
            for query in queries:
                wire.send(query.to_wire())
            with contextlib.suppress(TimeoutError):
                for query in queries:
                    cut = wire.recv(65535)[2] & 0x02
                    if cut:
                        dns.query.tcp(query, visit.server, timeout=2)
        visit.think(think)


def _over_tls(visit: Visit) -> None:
    """Some questions on a connection, one after the other or all at once."""
    import dns.query

    rng, stub = visit.rng, _Stub(visit, 0.4 if visit.day == 1 else 0.8)
    context = client_context(rng, ["dot"], 0.2 if visit.day == 1 else 0.05)
    if rng.random() < 0.25:
        for _ in range(min(visit.biflows, 20)):
            questions = [word for _ in range(rng.randint(1, 4)) for word in stub.question()]
            options = ["+tls", "+keepopen", *(["+padding"] * (rng.random() < 0.5))]
            visit.run(["kdig", f"@{SERVER}", *options, *questions])
        return
    most = rng.choice((1, 3, 10))
    at_once = rng.random() < 0.4
    for _ in range(visit.biflows):
        if visit.over:
            return
        with socket.create_connection((visit.server, _TLS), timeout=PATIENCE) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(
                wire, server_hostname=rng.choice((None, "dns.test", "resolver.example"))
            ) as secure:
                waiting = 0
                for _ in range(rng.randint(1, most)):
                    dns.query.send_tcp(secure, stub.query(stub.question()))
                    waiting += 1
                    while waiting and not at_once:
                        dns.query.receive_tcp(secure)
                        waiting -= 1
                        visit.think(0.01)
                for _ in range(waiting):
                    dns.query.receive_tcp(secure)


def _over_https(visit: Visit) -> None:
    """Some questions on a connection, as bodies or in the path."""
    import httpx

    rng, stub = visit.rng, _Stub(visit, 0.4 if visit.day == 1 else 0.8)
    if rng.random() < 0.25:
        for _ in range(min(visit.biflows, 20)):
            options = ["+https", *(["+https-get"] * (rng.random() < 0.3)), *(["+padding"] * (rng.random() < 0.5))]
            visit.run(["kdig", f"@{SERVER}", *options, *stub.question()])
        return
    context = client_context(rng, ["h2"], 0.1)
    context.set_alpn_protocols(["h2"])
    most = rng.choice((1, 3, 10))
    body = rng.random() < 0.6
    fields = {"accept": "application/dns-message", "user-agent": f"{word(rng)}/{rng.randint(1, 99)}"}
    for _ in range(visit.biflows):
        if visit.over:
            return
        with httpx.Client(http2=True, verify=context, timeout=PATIENCE, headers=fields) as client:
            for _ in range(rng.randint(1, most)):
                message = stub.query(stub.question()).to_wire()
                url = f"https://{SERVER}/dns-query"
                if body:
                    client.post(url, content=message, headers={"content-type": "application/dns-message"})
                else:
                    client.get(url, params={"dns": base64.urlsafe_b64encode(message).decode().rstrip("=")})
                visit.think(0.01)


_CHANGED = "questions for HTTPS records, EDNS buffers of 1232 bytes, more padding, cookies and DNSSEC"

WORKLOADS = (
    Workload(
        name="dns",
        summary="DNS over UDP, and over TCP where an answer is cut, from unbound, by a stub resolver and dig",
        serve=_serve,
        visit=_dns,
        ports=(_PLAIN,),
        biflows=(20, 100),
        changed=_CHANGED,
        packages=("unbound", "bind9-dnsutils", "openssl", "pypi:dnspython"),
        modules=("dns.query", "dns.message"),
        visitors=2,
        weight=2.0,
    ),
    Workload(
        name="dns-over-tls",
        summary="DNS over TLS from unbound, by a stub resolver and kdig",
        serve=_serve,
        visit=_over_tls,
        ports=(_TLS,),
        biflows=(12, 45),
        changed=_CHANGED,
        packages=("unbound", "knot-dnsutils", "openssl", "pypi:dnspython"),
        modules=("dns.query", "dns.message", "benchmarks.lab.requests"),
        visitors=2,
        weight=1.0,
    ),
    Workload(
        name="dns-over-https",
        summary="DNS over HTTPS from unbound, by httpx and kdig",
        serve=_serve,
        visit=_over_https,
        ports=(_HTTPS,),
        biflows=(12, 40),
        changed=_CHANGED,
        packages=("unbound", "knot-dnsutils", "openssl", "pypi:dnspython", "pypi:httpx", "pypi:h2"),
        modules=("dns.message", "httpx", "h2.connection", "benchmarks.lab.requests"),
        visitors=2,
        weight=0.8,
    ),
)
