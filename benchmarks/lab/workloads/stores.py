"""Stores of keys and values: Redis and memcached."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.lab.contents import size, token, word
from benchmarks.lab.serving import running
from benchmarks.lab.tls import certificate
from benchmarks.lab.users import accounts, each, succeed
from benchmarks.lab.workload import Site, Visit, Workload

if TYPE_CHECKING:
    import redis

REDIS, REDIS_TLS, MEMCACHED = 6379, 6380, 11211


@contextmanager
def serve_redis(site: Site) -> Iterator[None]:
    """Redis with every account as a user, in the clear and over TLS."""
    made = certificate(site.folder, site.rng, 0.25 if site.day == 1 else 0.75)
    users = "".join(f"user {who.name} on >{who.password} ~* &* +@all\n" for who in accounts())
    (site.folder / "redis.conf").write_text(
        f"port {REDIS}\ntls-port {REDIS_TLS}\nbind {site.host.address}\nprotected-mode no\nsave ''\ndir {site.folder}\n"
        f"tls-cert-file {made.chain}\ntls-key-file {made.key}\ntls-auth-clients no\n"
        f"user default on nopass ~* &* +@all\n{users}"
    )
    with running(site, ["redis-server", str(site.folder / "redis.conf")], REDIS, REDIS_TLS):
        yield


def visit_redis(visit: Visit) -> None:
    """An application with one way of naming keys and of asking for them; some sessions are of redis-cli."""
    import redis

    rng = visit.rng
    who = rng.choice(accounts()) if rng.random() < 0.6 else None
    tls = rng.random() < (0.2 if visit.day == 1 else 0.35)
    ask = _key_names(rng)
    if rng.random() < 0.2:
        login = ["--user", who.name, "--pass", who.password, "--no-auth-warning"] if who else []
        port = ["-p", str(REDIS_TLS), "--tls", "--insecure"] if tls else ["-p", str(REDIS)]
        resp3 = ["-3"] if visit.day == 2 else []
        command = ["redis-cli", "-h", visit.server, *port, *login, *resp3]
        each(visit, lambda its: succeed(visit, command, "\n".join(_redis_lines(its, ask)) + "\n"))
        return
    options: dict[str, Any] = {"host": visit.server, "port": REDIS_TLS if tls else REDIS, "socket_timeout": 5}
    options |= {"username": who.name, "password": who.password} if who else {}
    options |= {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False} if tls else {}
    options |= {"db": rng.choice((0, 0, 1, 3)), "protocol": 3 if visit.day == 2 and rng.random() < 0.75 else 2}
    options |= {"client_name": f"{word(rng)}-{rng.randint(1, 99)}"} if rng.random() < 0.4 else {}
    if rng.random() < 0.5:  # libraries of other languages and older ones do not introduce themselves
        options |= {"lib_name": None, "lib_version": None}
    pipelined, median = rng.random() < 0.4, rng.choice((30, 120, 600, 2500))

    def work(its: random.Random) -> None:
        with redis.Redis(**options) as client:
            _redis_operations(client, its, ask, pipelined, median)

    each(visit, work)


def _key_names(rng: random.Random) -> Callable[[random.Random], str]:
    """How an application names its keys; a few of them are what it mostly asks for."""
    prefix, digits, separator = word(rng), rng.randint(0, 12), rng.choice((":", ".", "/", "_"))
    return lambda its: f"{prefix}{separator}{min(int(its.paretovariate(0.6)), 10**12):0{digits}d}"


def _redis_lines(rng: random.Random, ask: Callable[[random.Random], str]) -> list[str]:
    key = ask(rng)
    lines = [
        f"SET {key} {token(rng, size(rng, 60, largest=2000))}",
        f"GET {key}",
        f"GET {ask(rng)}",
        f"INCR {ask(rng)}",
    ]
    lines += [f"LPUSH {key}s a b c", f"LRANGE {key}s 0 -1", "DBSIZE", f"EXPIRE {key} {rng.randint(9, 9999)}", "INFO"]
    return rng.sample(lines, rng.randint(1, 6))


def _redis_operations(
    client: redis.Redis, rng: random.Random, ask: Callable[[random.Random], str], pipelined: bool, median: int
) -> None:
    to: Any = client.pipeline(transaction=rng.random() < 0.5) if pipelined else client
    for _ in range(min(40, 1 + int(rng.expovariate(1 / 6)))):
        choice, key = rng.random(), ask(rng)
        if choice < 0.35:
            to.set(key, rng.randbytes(size(rng, median, largest=100_000)), ex=rng.choice((None, 60, 3600)))
        elif choice < 0.65:
            to.get(key)
        elif choice < 0.75:
            to.hset(f"h{key}", mapping={word(rng): rng.randint(0, 10**6) for _ in range(rng.randint(1, 8))})
        elif choice < 0.85:
            to.mget([ask(rng) for _ in range(rng.randint(2, 12))])
        elif choice < 0.95:
            to.incr(f"n{key}")
        else:
            to.lrange(f"l{key}", 0, -1)
    if pipelined:
        to.execute()


@contextmanager
def serve_memcached(site: Site) -> Iterator[None]:
    """The server with its defaults; on day 2 with fewer threads and larger items."""
    options = [] if site.day == 1 else ["-t", "2", "-I", "4m", "-R", "200"]
    command = ["memcached", "-u", "nobody", "-l", site.host.address, "-p", str(MEMCACHED), "-U", "0", "-m", "32"]
    with running(site, [*command, *options], MEMCACHED):
        yield


def visit_memcached(visit: Visit) -> None:
    """A cache's client: reads first, writes what it missed; day 2's reads many keys at once and asks for versions."""
    from pymemcache.client.base import Client  # type: ignore[import-untyped]

    rng = visit.rng
    ask, median, quiet = _key_names(rng), rng.choice((40, 200, 900, 3000)), rng.random() < 0.3
    many, cas, meta = (rng.random() < share for share in ((0.2, 0.1, 0.05) if visit.day == 1 else (0.6, 0.4, 0.2)))

    def work(its: random.Random) -> None:
        client = Client((visit.server, MEMCACHED), timeout=5, no_delay=its.random() < 0.8)
        try:
            if its.random() < 0.1:
                client.version()
            for _ in range(min(40, 1 + int(its.expovariate(1 / 6)))):
                key = ask(its)
                if many and its.random() < 0.5:
                    keys = [ask(its) for _ in range(its.randint(2, 20))]
                    client.set_many(
                        {key: its.randbytes(size(its, median, largest=100_000)) for key in keys[:4]}, noreply=quiet
                    )
                    client.get_many(keys)
                elif cas:
                    found, version = client.gets(key)
                    if version:
                        client.cas(key, b"x" + found[:200], version)
                elif meta:
                    client.raw_command(f"mg {key} t f")
                elif client.get(key) is None:
                    client.set(
                        key,
                        its.randbytes(size(its, median, largest=100_000)),
                        expire=its.choice((0, 60)),
                        noreply=quiet,
                    )
                elif its.random() < 0.2:
                    client.touch(key, 300)
            if its.random() < 0.05:
                client.stats()
        finally:
            client.close()

    each(visit, work)


WORKLOADS = (
    Workload(
        "redis",
        "Redis 7: redis-py and redis-cli, pipelined or not, some over TLS",
        serve_redis,
        visit_redis,
        (REDIS, REDIS_TLS),
        (20, 40),
        "RESP3, more TLS, ECDSA certificates",
        ("redis-server", "redis-tools", "openssl", "pypi:redis"),
        ("redis",),
        visitors=2,
    ),
    Workload(
        "memcached",
        "memcached: pymemcache, text protocol",
        serve_memcached,
        visit_memcached,
        (MEMCACHED,),
        (20, 40),
        "more multi-gets, compare-and-swap and meta commands",
        ("memcached", "pypi:pymemcache"),
        ("pymemcache.client.base",),
        visitors=2,
    ),
)
