"""A virtual private network: OpenVPN, carrying pages."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.servers import start
from benchmarks.lab.serving import running
from benchmarks.lab.users import each
from benchmarks.lab.workload import LabError, Site, Visit, Workload

UDP, TCP = 1194, 1195
INSIDE = "192.168.{}.1"
WEB = 8080
PAGES = 12
_COPIES = {UDP: 101, TCP: 102}


@contextmanager
def serve_openvpn(site: Site) -> Iterator[None]:
    """OpenVPN over UDP and over TCP, and inside of it a server of pages; users need a password and no certificate."""
    folder, rng = site.folder, site.rng
    _write_identity(folder, rng, 0.25 if site.day == 1 else 0.75)
    pages = folder / "pages"
    pages.mkdir()
    for number in range(PAGES):
        (pages / f"page{number}").write_text(text(rng, size(rng, 3000, 1.2, largest=60_000)))
    (folder / "check").write_text("#!/bin/sh\nexit 0\n")
    (folder / "check").chmod(0o755)
    first = "AES-128-GCM:AES-256-GCM" if site.day == 2 else "AES-256-GCM:AES-128-GCM"
    common = f"openvpn --mode server --tls-server --topology subnet --dev-type tun --local {site.host.address}".split()
    common += [w for name in ("ca", "cert", "key") for w in (f"--{name}", str(folder / f"{name}.pem"))]
    common += ["--verify-client-cert", "none", "--username-as-common-name", "--duplicate-cn", "--script-security", "2"]
    common += ["--auth-user-pass-verify", str(folder / "check"), "via-file", "--tmp-dir", str(folder)]
    common += ["--data-ciphers", f"{first}:CHACHA20-POLY1305", "--keepalive", "5", "20", "--dh", "none"]
    with contextlib.ExitStack() as stack:
        for port, copy in _COPIES.items():
            net = INSIDE.format(copy)
            own = ["--port", str(port), "--dev", f"vpn{copy}", "--ifconfig", net, "255.255.255.0"]
            own += ["--ifconfig-pool", net[:-1] + "10", net[:-1] + "250", "255.255.255.0", "--push", "topology subnet"]
            own += ["--proto", "udp4" if port == UDP else "tcp4-server"]
            stack.enter_context(running(site, [*common, *own], port, udp=port == UDP, user=None))
        start(site, "pages", {"port": WEB, "root": str(pages)})
        site.host.wait_for(WEB)
        yield


def _authority() -> tuple[Any, Any]:
    """Key and certificate of the authority that both sides know: always the same key, as nothing depends on it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(b"authority of the laboratory only")
    return key, _signed("Lab Authority", key.public_key(), key, authority=True)


def _signed(name: str, public_key: Any, authority_key: Any, *, authority: bool) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, "Lab Authority")]
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(names[1], names[0], public_key, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=90))
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH]
    if not authority:
        uses = {"digital_signature", "key_agreement"}
        known = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
        every = {f"{use}": use in uses for use in [*known.split(), "crl_sign", "encipher_only", "decipher_only"]}
        builder = builder.add_extension(x509.KeyUsage(**every), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(authority_key, None)


def _write_identity(folder: Path, rng: random.Random, elliptic: float) -> None:
    """The files `ca.pem`, `cert.pem` and `key.pem` of a server; `elliptic` is the probability of an ECDSA key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    authority_key, authority = _authority()
    curve = rng.random() < elliptic
    key: Any = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
    name = " ".join(word(rng) for _ in range(rng.randint(1, 8)))[:60]
    own = _signed(name, key.public_key(), authority_key, authority=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "cert.pem").write_bytes(own.public_bytes(pem))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, none))


_names = threading.Lock()


def visit_openvpn(visit: Visit) -> None:
    """Tunnels one after the other and side by side, each for a few pages."""
    rng = visit.rng
    port = rng.choices((UDP, TCP), (7, 3) if visit.day == 1 else (5, 5))[0]
    options = ["--proto", "udp4" if port == UDP else "tcp4-client"]
    if rng.random() < 0.5:
        options += ["--data-ciphers", rng.choice(("AES-128-GCM", "CHACHA20-POLY1305", "AES-256-GCM"))]
    if rng.random() < 0.3:
        options += ["--push-peer-info", "--setenv", f"UV_{word(rng).upper()}", text(rng, rng.randint(10, 80))]
    if rng.random() < (0.4 if visit.day == 1 else 0.15):
        options += ["--tls-version-max", "1.2"]
    if rng.random() < 0.3:
        options += ["--tls-cipher", "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256:TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"]
    options += ["--mssfix", str(rng.choice((1300, 1400, 1450)))]
    password = visit.folder / "password"
    password.write_text(f"{word(rng)}\n{text(rng, rng.randint(8, 24)).replace(' ', '')}\n")
    _write_authority(visit.folder)
    free = [f"vpn{number}" for number in range(40)]

    def work(its: random.Random) -> None:
        with _names:
            device = free.pop()
        try:
            _tunnel(visit, its, port, device, [*options, "--auth-user-pass", str(password)])
        finally:
            with _names:
                free.append(device)

    each(visit, work, at_once=5)


def _write_authority(folder: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    (folder / "ca.pem").write_bytes(_authority()[1].public_bytes(Encoding.PEM))


def _tunnel(visit: Visit, rng: random.Random, port: int, device: str, options: list[str]) -> None:
    log = visit.folder / f"{device}.{rng.random()}.log"
    command = f"openvpn --client --nobind --dev {device} --dev-type tun --remote {visit.server} {port}".split()
    command += ["--ca", str(visit.folder / "ca.pem"), "--remote-cert-tls", "server", "--verb", "1", "--route-nopull"]
    command += ["--connect-retry", "1", "1", "--connect-timeout", "6", "--hand-window", "8", "--tls-exit"]
    command += ["--explicit-exit-notify", "1"] if port == UDP else []
    with log.open("wb") as output:
        program = subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        until = min(time.monotonic() + 8, visit.deadline)
        while b"Initialization Sequence Completed" not in log.read_bytes():
            if program.poll() is not None or time.monotonic() > until:
                raise LabError(f"no tunnel: {log.read_text().strip().splitlines()[-2:]}")
            time.sleep(0.02)
        for _ in range(rng.choice((0, 1, 2, 4))):
            _page(rng, device, INSIDE.format(_COPIES[port]))
            time.sleep(min(rng.expovariate(20), 0.2))
    finally:
        program.terminate()
        try:
            program.wait(4)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _page(rng: random.Random, device: str, server: str) -> None:
    """A page or a few over one connection, from the device, as several have the same network."""
    client = http.client.HTTPConnection(server, WEB, timeout=4)
    client.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.sock.settimeout(4)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    client.sock.connect((server, WEB))
    with contextlib.closing(client):
        for _ in range(rng.choice((1, 1, 2, 4))):
            client.request(
                "GET", f"/page{rng.randrange(PAGES)}", headers={"User-Agent": text(rng, rng.randint(10, 120))}
            )
            client.getresponse().read()


WORKLOADS = (
    Workload(
        "openvpn",
        "OpenVPN over UDP and TCP, each tunnel carrying a few pages over HTTP",
        serve_openvpn,
        visit_openvpn,
        (UDP, TCP),
        (12, 24),
        "more TCP, another preferred cipher, fewer clients of TLS 1.2, more ECDSA certificates",
        ("openvpn", "pypi:cryptography"),
        ("cryptography.x509",),
        visitors=4,
        weight=0.75,
    ),
)
