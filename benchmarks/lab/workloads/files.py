"""Files over FTP."""

from __future__ import annotations

import ftplib
import io
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.servers import start
from benchmarks.lab.serving import give, newer
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.users import Account, accounts, each, lines, succeed
from benchmarks.lab.workload import Site, Visit, Workload

FTP = 21
PASSIVE = range(50_000, 50_200)
FOLDERS, FILES = 5, 12


@contextmanager
def serve_ftp(site: Site) -> Iterator[None]:
    """Folders `folder0` ... with files `file0` ..., of texts and of noise."""
    rng = site.rng
    made = certificate(site.folder, rng, 0.25 if site.day == 1 else 0.75)
    root = site.folder / "root"
    for number in range(FOLDERS):
        folder = root / f"folder{number}"
        folder.mkdir(parents=True)
        for file in range(FILES):
            length = size(rng, 3000, 1.5, largest=150_000)
            (folder / f"file{file}").write_bytes(
                rng.randbytes(length) if rng.random() < 0.5 else text(rng, length).encode()
            )
        for _ in range(rng.randint(0, 30)):
            (folder / f"{word(rng)}-{word(rng)}.{rng.choice(('txt', 'csv', 'jpeg', 'tar.gz'))}").touch()
    give(root)
    told = {
        "address": site.host.address,
        "root": str(root),
        "passive": [PASSIVE.start, PASSIVE.stop],
        "newer": newer(site),
    }
    start(site, "ftp", {**told, "chain": str(made.chain), "key": str(made.key)})
    site.host.wait_for(FTP)
    yield


def visit_ftp(visit: Visit) -> None:
    """A program that fetches, stores and lists files; some sessions are of curl, lftp or wget."""
    rng = visit.rng
    who = rng.choice(accounts()) if rng.random() < 0.6 else Account("anonymous", f"{word(rng)}@{word(rng)}.test")
    tls = who.name != "anonymous" and rng.random() < (0.3 if visit.day == 1 else 0.7)
    program = rng.random()
    # Each connection for commands brings one for data with it, or several.
    if program < 0.25:
        each(visit, lambda its: _by_curl(visit, its, who, tls), share=0.5)
    elif program < 0.35:
        each(visit, lambda its: _by_lftp(visit, its, who, tls), share=0.33)
    elif program < 0.45 and not tls:
        url = f"ftp://{visit.server}/"
        login = [f"--user={who.name}", f"--password={who.password}"]
        fetch = ["wget", "-q", "-O", "/dev/null", "--tries=1", *login]
        each(visit, lambda its: succeed(visit, [*fetch, url + _file(its)]), share=0.5)
    else:
        _by_ftplib(visit, who, tls)


def _file(rng: random.Random) -> str:
    return f"folder{rng.randrange(FOLDERS)}/file{rng.randrange(FILES)}"


def _by_ftplib(visit: Visit, who: Account, tls: bool) -> None:
    rng = visit.rng
    context = client_context(rng, old=0.4 if visit.day == 1 else 0.15)
    modern = rng.random() < (0.3 if visit.day == 1 else 0.7)
    system, stores, name = rng.random() < 0.5, rng.random() < 0.4, word(rng)

    def work(its: random.Random) -> None:
        with ftplib.FTP_TLS(context=context, timeout=8) if tls else ftplib.FTP(timeout=8) as client:
            client.connect(visit.server, FTP)
            client.login(who.name, who.password)
            if isinstance(client, ftplib.FTP_TLS) and its.random() < 0.8:
                client.prot_p()
            if system:
                client.sendcmd("SYST")
                client.sendcmd("FEAT")
            if its.random() < 0.6:
                client.cwd(f"/folder{its.randrange(FOLDERS)}")
            if its.random() < 0.5:
                if modern:
                    list(client.mlsd())
                else:
                    client.dir("", lambda _: None) if its.random() < 0.6 else client.nlst()
            for _ in range(its.choice((1, 1, 2))):
                if stores and who.name != "anonymous" and its.random() < 0.5:
                    content = lines(its, size(its, 3000, 1.3, largest=100_000)).encode()
                    client.storbinary(f"STOR /folder{its.randrange(FOLDERS)}/{name}", io.BytesIO(content))
                else:
                    file = _file(its)
                    if its.random() < 0.4:
                        client.voidcmd("TYPE I")
                        client.size(f"/{file}")
                    client.retrbinary(f"RETR /{file}", lambda _: None)
            if its.random() < 0.05:
                with suppress(ftplib.error_perm):
                    client.sendcmd(f"RETR {word(its)}.{word(its)}")

    each(visit, work, share=0.4)


def _by_curl(visit: Visit, rng: random.Random, who: Account, tls: bool) -> None:
    command = ["curl", "-sSk", "--max-time", "8", "--user", f"{who.name}:{who.password}", "-o", "/dev/null"]
    command += ["--ssl-reqd"] if tls else []
    command += ["--disable-epsv"] if visit.day == 1 else []
    url = f"ftp://{visit.server}/"
    if who.name != "anonymous" and rng.random() < 0.3:
        succeed(visit, [*command, "-T", "-", f"{url}folder1/{word(rng)}"], lines(rng, size(rng, 3000, 1.3)))
    else:
        folder = f"folder{rng.randrange(FOLDERS)}/"
        succeed(visit, [*command, url + (folder if rng.random() < 0.3 else _file(rng))])


def _by_lftp(visit: Visit, rng: random.Random, who: Account, tls: bool) -> None:
    settings = (
        f"set ssl:verify-certificate no; set ftp:ssl-force {str(tls).lower()}; set ftp:ssl-allow {str(tls).lower()};"
    )
    settings += "set net:max-retries 1; set net:timeout 5; set cmd:fail-exit yes;"
    commands = "; ".join(rng.sample(["ls", "cd folder2", f"cat /{_file(rng)}", f"cat /{_file(rng)}", "nlist"], 3))
    login = f"open -u {who.name},{who.password} {visit.server};"
    succeed(visit, ["lftp", "--norc", "-c", f"{settings} {login} {commands}; bye"])


WORKLOADS = (
    Workload(
        "ftp",
        "pyftpdlib: ftplib, curl, lftp and wget in passive mode, in the clear and over TLS, commands and data",
        serve_ftp,
        visit_ftp,
        (FTP, *PASSIVE),
        (24, 44),
        "more TLS, MLSD in place of LIST, EPSV in place of PASV, another banner, more ECDSA certificates",
        ("openssl", "curl", "lftp", "wget", "pypi:pyftpdlib", "pypi:pyOpenSSL"),
        ("ftplib",),
        visitors=3,
    ),
)
