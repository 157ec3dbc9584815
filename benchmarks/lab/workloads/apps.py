"""Applications that ask over HTTP/1.1 for small and large answers, in two pairs that differ by what asks for which.

The programs of a pair send long requests of the same lengths and short ones, and get answers of the same two sizes. In
`gallery` it is the long request, a signed link, that brings the large answer; in `game` the long one names the player
and brings what is that player's, which is small, while everybody's content needs no more than its name. Answers of both
fill more packets than three, so what asked for them lies far back. `search` and `routing` are the same with short
answers: more filters leave fewer results, and more places to pass make longer directions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.lab.contents import token, word
from benchmarks.lab.nginx import PLAIN, nginx
from benchmarks.lab.requests import User
from benchmarks.lab.workload import Site, Visit, Workload

_ITEMS = 24
"""Answers of each of the two sizes."""

_SENT = ("Host", "User-Agent", "Accept", "Accept-Encoding")
"""Header fields of an application, which are fewer than a browser's."""

Question = Callable[[random.Random, int], str]
"""The query of a long request, from its length."""


def _serve(small: tuple[int, int], large: tuple[int, int]) -> Callable[[Site], AbstractContextManager[None]]:
    """Answers of sizes between these, in bytes; larger by a twelfth on day 2."""

    @contextmanager
    def serve(site: Site) -> Iterator[None]:
        rng, root = site.rng, site.folder / "root"
        root.mkdir()
        for number, bounds in enumerate((*[small] * _ITEMS, *[large] * _ITEMS)):
            length = rng.randint(*bounds)
            (root / f"{number:02d}").write_bytes(rng.randbytes(length + (site.day - 1) * length // 12))
        with nginx(site, root, plain=True):
            yield

    return serve


def _use(question: Question, brief: Question, *, long_asks_large: bool) -> Callable[[Visit], None]:
    """A session of an application: some connections, a few requests on each; some are curl's."""

    def use(visit: Visit) -> None:
        rng = visit.rng
        user = User(visit, None)
        user.fields = {name: value for name, value in user.fields.items() if name in _SENT}
        length = rng.randint(280, 480)
        long, head = rng.uniform(0.4, 0.6), rng.choice((0.0, 0.0, 0.1))
        most, think = rng.choice((1, 2, 5)), rng.choice((0.01, 0.04))
        curl = rng.random() < 0.2
        while not user.done:
            paths = []
            for _ in range(rng.randint(1, most)):
                asks_long = rng.random() < long
                number = rng.randrange(_ITEMS) + _ITEMS * (asks_long == long_asks_large)
                paths.append(f"/{number:02d}{question(rng, length) if asks_long else brief(rng, 0)}")
            if curl:
                user.connections += 1
                urls = [part for path in paths for part in ("-o", "/dev/null", f"http://{user.name}{path}")]
                visit.run(["curl", "-s", "--max-time", "8", "-A", user.fields["User-Agent"], *urls])
            else:
                connection = user.connect()
                for path in paths:
                    user.get(connection, path, method="HEAD" if rng.random() < head else "GET")
                connection.close()
            visit.think(think)

    return use


def _nothing(_rng: random.Random, _length: int) -> str:
    return ""


def signature(rng: random.Random, length: int) -> str:
    """What makes a link a signed one."""
    return f"?expires={rng.randint(10**9, 2 * 10**9)}&signature={rng.randbytes((length - 29) // 2).hex()}"


def player(rng: random.Random, length: int) -> str:
    """Who plays."""
    return f"?player={token(rng, 10)}&session={token(rng, length - 27)}"


def terms(rng: random.Random, length: int) -> str:
    """Words that are looked for, and as many filters as the length allows."""
    query = f"?q={word(rng)}+{word(rng)}"
    while len(query) < length:
        query += f"&{word(rng)}={word(rng)}"
    return query


def places(rng: random.Random, length: int) -> str:
    """Where from and where to, and as many places between as the length allows."""
    query = f"?from={_place(rng)}"
    while len(query) < length:
        query += f"&via={_place(rng)}"
    return f"{query}&to={_place(rng)}"


def _place(rng: random.Random) -> str:
    return f"{rng.uniform(-60, 70):.3f},{rng.uniform(-180, 180):.3f}"


_LONG = ((4600, 6200), (9300, 12_500))
_SHORT = ((800, 1400), (2900, 3700))


def _application(
    name: str,
    summary: str,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    question: Question,
    brief: Question = _nothing,
    *,
    long_asks_large: bool,
) -> Workload:
    return Workload(
        name=name,
        summary=f"{summary}; over HTTP/1.1 from nginx, by an application and curl",
        serve=_serve(*sizes),
        visit=_use(question, brief, long_asks_large=long_asks_large),
        ports=(PLAIN,),
        biflows=(10, 28),
        changed="larger answers, other programs",
        packages=("nginx-light", "curl"),
        modules=("benchmarks.lab.requests",),
        visitors=2,
        weight=0.8,
    )


WORKLOADS = (
    _application("gallery", "previews, and pictures by signed links", _LONG, signature, long_asks_large=True),
    _application("game", "content that all players share, and each player's own", _LONG, player, long_asks_large=False),
    _application("search", "results, the fewer the more filters", _SHORT, terms, terms, long_asks_large=False),
    _application("routing", "directions, the longer the more places", _SHORT, places, places, long_asks_large=True),
)
