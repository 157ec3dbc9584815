"""Contents and habits: what servers hold and what users send, drawn from a generator of random numbers."""

from __future__ import annotations

import math
import random
import string

_SPELT = "ka lo mi ner ta vor sel qui dan ro bel tis um pra gen ost ven li mar cu ston er al in ed re con de pro ex"
_SYLLABLES = _SPELT.split()

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{v}.1 "
    "Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/{v}E148",
    "python-requests/2.{v}.0",
    "okhttp/4.{v}",
    "Java/17.0.{v}",
    "Go-http-client/1.1",
)

_LANGUAGES = (
    "en",
    "en-GB,en;q=0.9",
    "de-DE,de;q=0.8,en-US;q=0.5,en;q=0.3",
    "fr,fr-FR;q=0.8,en-US;q=0.5",
    "it-IT,it;q=0.9,en;q=0.8",
)


def word(rng: random.Random) -> str:
    """A word of one to four syllables."""
    return "".join(rng.choices(_SYLLABLES, k=rng.choices((1, 2, 3, 4), (2, 5, 4, 1))[0]))


_VOCABULARY = [word(random.Random(number)) for number in range(3000)]


def text(rng: random.Random, size: int) -> str:
    """About `size` characters of words, few or many different ones, which compress as text does."""
    words = rng.sample(_VOCABULARY, min(size // 4 + 1, rng.choice((100, 400, 1600))))
    return " ".join(rng.choices(words, k=size // 7 + 1))


def token(rng: random.Random, size: int) -> str:
    """`size` random letters and digits."""
    return "".join(rng.choices(string.ascii_letters + string.digits, k=size))


def size(rng: random.Random, median: float, spread: float = 1.0, smallest: int = 1, largest: int = 10**9) -> int:
    """A size in bytes, log-normal with that median and that standard deviation of its natural logarithm."""
    return int(min(max(median * math.exp(rng.gauss(0, spread)), smallest), largest))


def habits(rng: random.Random, day: int) -> dict[str, str]:
    """The header fields that a user's program sends with each request, some programs many, some few; more on day 2."""
    agent = rng.choice(_AGENTS).format(v=rng.randint(8, 131))
    fields = {"User-Agent": agent, "Accept": "*/*"}
    if agent.startswith("Mozilla"):
        fields["Accept"] = rng.choice(
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html,*/*;q=0.8", "*/*")
        )
        fields["Accept-Language"] = rng.choice(_LANGUAGES)
        fields["Accept-Encoding"] = rng.choice(("gzip, deflate", "gzip, deflate, br", "gzip"))
        if rng.random() < 0.5:
            fields["Sec-Fetch-Mode"] = "navigate"
            fields["Sec-Fetch-Site"] = "same-origin"
            fields["Upgrade-Insecure-Requests"] = "1"
        if rng.random() < (0.1 if day == 1 else 0.8):
            fields["Sec-CH-UA"] = f'"Chromium";v="{rng.randint(90, 131)}", "Not=A?Brand";v="24", "{word(rng)}";v="131"'
            fields["Sec-CH-UA-Platform"] = '"Linux"'
            fields["Priority"] = "u=0, i"
    elif rng.random() < 0.5:
        fields["Accept-Encoding"] = "gzip"
    if rng.random() < 0.55:
        fields["Cookie"] = "; ".join(
            f"{word(rng)}={token(rng, size(rng, 24 * day, 0.8, 4, 300))}" for _ in range(rng.randint(day, 6))
        )
    if rng.random() < 0.2:
        fields["Authorization"] = f"Bearer {token(rng, rng.choice((40, 180, 420, 800)))}"
    if rng.random() < (0.05 if day == 1 else 0.5):
        fields["Traceparent"] = f"00-{rng.randbytes(16).hex()}-{rng.randbytes(8).hex()}-01"
    return fields
