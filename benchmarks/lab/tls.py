"""TLS for servers and clients: certificates of several sizes, and settings that differ from program to program."""

from __future__ import annotations

import random
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab.contents import word
from benchmarks.lab.hosts import NAMES
from benchmarks.lab.workload import LabError

_CIPHERS = (
    "DEFAULT",
    "ECDHE+AESGCM:ECDHE+CHACHA20",
    "ECDHE+CHACHA20:ECDHE+AESGCM:ECDHE+AES:RSA+AESGCM",
    "HIGH:!aNULL:!MD5",
)


@dataclass(frozen=True)
class Certificate:
    """Files of a server: the chain it sends, leaf first, and its key."""

    chain: Path
    key: Path


def certificate(folder: Path, rng: random.Random, elliptic: float = 0.4) -> Certificate:
    """A certificate in a chain of one to three, for one to dozens of names, by a root that nobody knows.

    `elliptic` is the probability of ECDSA keys in place of RSA ones.
    """
    length = rng.choices((1, 2, 3), (2, 5, 2))[0]
    names = [*NAMES, *(f"{word(rng)}.{word(rng)}.test" for _ in range(rng.choice((0, 0, 2, 6, 20, 45))))]
    # One key for all levels, as making keys takes longest and only their kind shows in what is sent.
    key = folder / "key.pem"
    kind = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if rng.random() < elliptic else ["RSA"]
    _openssl(["genpkey", "-algorithm", *kind, "-out", str(key)])
    issuer: list[str] = []
    chain: list[str] = []
    for level in reversed(range(length + 1)):  # the root first, which is not sent
        subject = f"/C=XX/O={word(rng).title()} {word(rng).title()}/CN={NAMES[1] if level == 0 else word(rng).title()}"
        extension = ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)] if level == 0 else []
        own = folder / f"certificate{level}.pem"
        files = ["-key", str(key), "-out", str(own)]
        _openssl(["req", "-x509", "-days", "90", "-subj", subject, *extension, *issuer, *files])
        issuer = ["-CA", str(own), "-CAkey", str(key)]
        if level < length:
            chain.insert(0, own.read_text(encoding="ascii"))
    whole = folder / "chain.pem"
    whole.write_text("".join(chain), encoding="ascii")
    return Certificate(whole, key)


def client_context(rng: random.Random, alpn: Sequence[str] = (), old: float = 0.3) -> ssl.SSLContext:
    """How one client program speaks TLS; `old` is the probability that it knows TLS 1.2 at most."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(rng.choice(_CIPHERS))
    if rng.random() < old:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if rng.random() < 0.2:
        context.options |= ssl.OP_NO_TICKET
    if rng.random() < 0.3:  # not another curve: in TLS 1.2 it would rule out the servers' ECDSA keys
        context.set_ecdh_curve("prime256v1")
    if alpn and rng.random() < 0.8:
        context.set_alpn_protocols(list(alpn))
    return context


def server_context(files: Certificate) -> ssl.SSLContext:
    """For servers that are written in Python."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    return context


def _openssl(arguments: Sequence[str]) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"openssl {' '.join(arguments)} failed: {done.stderr.strip()}")
