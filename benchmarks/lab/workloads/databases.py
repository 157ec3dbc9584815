"""Databases: PostgreSQL and MariaDB, asked the same questions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.serving import prepare, running
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.users import accounts, each, succeed
from benchmarks.lab.workload import Site, Visit, Workload

if TYPE_CHECKING:
    import pymysql  # type: ignore[import-untyped]

POSTGRESQL, MARIADB = 5432, 3306
POSTGRESQL_PROGRAMS = "/usr/lib/postgresql/15/bin"
TABLES = ("customers", "orders", "articles", "events", "log")
ROWS = 300


def _rows(rng: random.Random) -> Iterator[str]:
    """Statements of SQL that make the tables and fill them."""
    for table in TABLES:
        yield f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR(200), amount INTEGER, body TEXT);"
        for first in range(0, ROWS, 4):  # MariaDB takes no longer statement than 20,000 bytes when it starts
            rows = (
                f"({key}, '{word(rng)} {word(rng)}', {rng.randrange(10**6)}, '{_line(rng, 120)}')"
                for key in range(first, first + 4)
            )
            yield f"INSERT INTO {table} VALUES {', '.join(rows)};"


def _line(rng: random.Random, median: int) -> str:
    return text(rng, size(rng, median, largest=3000))


def _question(rng: random.Random) -> str:
    """One statement of an application."""
    table, key, columns = rng.choice(TABLES), rng.randrange(ROWS), rng.choice(("*", "id, name", "name, amount", "body"))
    return rng.choice(
        (
            f"SELECT {columns} FROM {table} WHERE id = {key}",
            f"SELECT {columns} FROM {table} WHERE amount > {rng.randrange(10**6)} ORDER BY name LIMIT {rng.choice((5, 20, 80))}",  # noqa: E501
            f"SELECT count(*), avg(amount) FROM {table} WHERE name LIKE '{word(rng)}%'",
            f"UPDATE {table} SET amount = {rng.randrange(10**6)} WHERE id = {key}",
            f"UPDATE {table} SET body = '{_line(rng, 150)}' WHERE id = {key}",
            f"SELECT a.name, b.amount FROM {table} a JOIN {rng.choice(TABLES)} b ON a.id = b.id WHERE a.id < {key}",
        )
    )


def _questions(rng: random.Random, mean: float) -> list[str]:
    return [_question(rng) for _ in range(min(30, 1 + int(rng.expovariate(1 / mean))))]


@contextmanager
def serve_postgresql(site: Site) -> Iterator[None]:
    """A cluster with every account as a role, with and without TLS; day 2's passwords are SCRAM, day 1's also MD5."""
    data, rng = site.folder / "data", site.rng
    made = certificate(site.folder, site.rng, 0.25 if site.day == 1 else 0.75)
    initdb = [
        f"{POSTGRESQL_PROGRAMS}/initdb",
        "-D",
        str(data),
        "-U",
        "postgres",
        "--no-sync",
        "--no-locale",
        "-E",
        "UTF8",
    ]
    prepare(site, initdb)
    made.key.chmod(0o600)  # it refuses a key that others may read
    start = []
    for number, who in enumerate(accounts()):
        method = "md5" if site.day == 1 and number % 2 else "scram-sha-256"
        start.append(f"SET password_encryption = '{method}';\n\n")
        start.append(f"CREATE ROLE {who.name} SUPERUSER LOGIN PASSWORD '{who.password}';\n\n")
    tables = "".join(f"{statement}\n\n" for statement in _rows(rng))
    single = [f"{POSTGRESQL_PROGRAMS}/postgres", "--single", "-j", "-D", str(data), "-c", "fsync=off", "postgres"]
    prepare(site, single, "".join([*start, tables]))
    (data / "pg_hba.conf").write_text(
        "local all all trust\n"
        f"host all {accounts()[0].name} all trust\n"
        f"host all all all {'md5' if site.day == 1 else 'scram-sha-256'}\n"
    )
    settings = {
        "listen_addresses": site.host.address,
        "port": POSTGRESQL,
        "unix_socket_directories": site.folder,
        "fsync": "off",
        "autovacuum": "off",
        "ssl": "on",
        "ssl_cert_file": made.chain,
        "ssl_key_file": made.key,
        "max_connections": 60,
        "shared_buffers": "16MB",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with running(site, [f"{POSTGRESQL_PROGRAMS}/postgres", "-D", str(data), *options], POSTGRESQL):
        yield


def visit_postgresql(visit: Visit) -> None:
    """An application with one way to connect; some sessions are of psql. Day 2's ask for TLS more often."""
    import psycopg

    rng = visit.rng
    who = rng.choice(accounts())
    modes = ("disable", "allow", "prefer", "require")
    mode = rng.choices(modes, (4, 2, 2, 1) if visit.day == 1 else (2, 1, 3, 3))[0]
    options: dict[str, Any] = {
        "host": visit.server,
        "dbname": "postgres",
        "user": who.name,
        "password": who.password,
        "sslmode": mode,
    }
    options |= {"application_name": word(rng)} if rng.random() < 0.5 else {}
    options |= {"options": "-c statement_timeout=5s -c jit=off"} if visit.day == 2 and rng.random() < 0.7 else {}
    options |= {"gssencmode": "disable"}
    mean = rng.choice((1.5, 4, 8))
    if rng.random() < 0.2:
        told = " ".join(f"{name}='{value}'" for name, value in options.items())
        each(visit, partial(_statements_of_program, visit, ["psql", "-qAt", told, "-f", "-"], mean))
        return
    autocommit, prepare = rng.random() < 0.6, rng.choice((None, 0, 5))

    def work(its: random.Random) -> None:
        with psycopg.connect(**options, autocommit=autocommit, prepare_threshold=prepare, connect_timeout=5) as to:
            for question in _questions(its, mean):
                key = its.randrange(ROWS)
                if its.random() < 0.4:
                    cursor = to.execute(f"SELECT * FROM {its.choice(TABLES)} WHERE id = %s OR amount = %s", (key, key))
                else:
                    cursor = to.execute(question)
                if cursor.description:
                    cursor.fetchall()

    each(visit, work)


@contextmanager
def serve_mariadb(site: Site) -> Iterator[None]:
    """A server with every account as a user, with and without TLS; on day 2 it demands ed25519 of half of them."""
    data, folder = site.folder / "data", site.folder
    made = certificate(folder, site.rng, 0.25 if site.day == 1 else 0.75)
    common = ["--no-defaults", f"--datadir={data}"]
    install = ["mariadb-install-db", *common, "--skip-test-db", "--auth-root-authentication-method=normal"]
    prepare(site, install)
    start = ["CREATE DATABASE shop;", "USE shop;", *_rows(site.rng), "USE mysql;", "FLUSH PRIVILEGES;"]
    if site.day == 2:
        start.append("INSTALL SONAME 'auth_ed25519';")
    for number, who in enumerate(accounts()):
        plugin = "ed25519" if site.day == 2 and number % 2 else "mysql_native_password"
        start.append(f"CREATE USER {who.name}@'%' IDENTIFIED VIA {plugin} USING PASSWORD('{who.password}');")
        start.append(f"GRANT ALL ON shop.* TO {who.name}@'%';")
    (folder / "init.sql").write_text("\n".join(start) + "\n")
    command = ["mariadbd", *common, f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--port={MARIADB}"]
    command += [f"--bind-address={site.host.address}", f"--init-file={folder}/init.sql", "--skip-name-resolve"]
    command += [f"--ssl-cert={made.chain}", f"--ssl-key={made.key}", "--innodb-flush-log-at-trx-commit=0"]
    command += ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--max-connections=60"]
    with running(site, command, MARIADB):
        yield


def visit_mariadb(visit: Visit) -> None:
    """An application with one way to connect; some sessions are of the client program, on day 2 with compression."""
    import pymysql

    rng = visit.rng
    who = rng.choice(accounts())
    tls = rng.random() < (0.3 if visit.day == 1 else 0.6)
    mean = rng.choice((1.5, 4, 8))
    if rng.random() < 0.2:
        command = ["mariadb", "--no-defaults", "-h", visit.server, f"-u{who.name}", f"-p{who.password}", "shop"]
        command += ["--ssl" if tls else "--skip-ssl", *(["--compress"] if visit.day == 2 else [])]
        each(visit, partial(_statements_of_program, visit, command, mean))
        return
    context = client_context(rng, old=0.4 if visit.day == 1 else 0.15) if tls else None
    autocommit, program = rng.random() < 0.6, word(rng)
    first = (
        "SET SESSION sql_mode = 'TRADITIONAL', SESSION wait_timeout = 600"
        if visit.day == 2 and rng.random() < 0.7
        else None
    )

    def work(its: random.Random) -> None:
        to: pymysql.Connection[Any] = pymysql.connect(
            host=visit.server, user=who.name, password=who.password, database="shop", ssl=context,
            autocommit=autocommit, program_name=program, init_command=first, connect_timeout=5, read_timeout=5,
        )  # fmt: skip
        with to, to.cursor() as cursor:
            for question in _questions(its, mean):
                cursor.execute(question)
                cursor.fetchall()
            if not autocommit:
                to.commit()

    each(visit, work)


def _statements_of_program(visit: Visit, command: list[str], mean: float, rng: random.Random) -> None:
    succeed(visit, command, ";\n".join(_questions(rng, mean)) + ";\n")


WORKLOADS = (
    Workload(
        "postgresql",
        "PostgreSQL 15: psycopg and psql, some over TLS",
        serve_postgresql,
        visit_postgresql,
        (POSTGRESQL,),
        (20, 40),
        "SCRAM for all, settings sent by the client, more TLS, ECDSA certificates",
        ("postgresql-15", "postgresql-client-15", "openssl", "pypi:psycopg[binary]"),
        ("psycopg",),
    ),
    Workload(
        "mariadb",
        "MariaDB: PyMySQL and its own client, some over TLS",
        serve_mariadb,
        visit_mariadb,
        (MARIADB,),
        (20, 40),
        "ed25519 log-in for half of the users, settings sent by the client, more TLS, compression, ECDSA certificates",
        ("mariadb-server", "mariadb-client", "openssl", "pypi:PyMySQL", "pypi:PyNaCl"),
        ("pymysql", "nacl.bindings"),
    ),
)
