from dataclasses import dataclass
from typing import Literal

import pytest

from ntgbench.errors import ProtocolError
from ntgbench.parameters import Request, build_parameters, display_name, parse_request


@dataclass(frozen=True)
class Parameters:
    order: int = 1
    rate: float = 0.5
    fast: bool = False
    kind: str = "plain"
    mode: Literal["a", "b"] = "a"
    epochs: int | None = None

    def __post_init__(self) -> None:
        if self.order < 1:
            raise ValueError("order starts at 1")


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("markov", Request("markov")),
        ("markov[]", Request("markov")),
        (" markov[order=2] ", Request("markov", (("order", "2"),))),
        ("llama-int8[a=1, b = x]", Request("llama-int8", (("a", "1"), ("b", "x")))),
    ],
)
def test_requests_are_read(text: str, request_: Request) -> None:
    assert parse_request(text) == request_


@pytest.mark.parametrize(
    "text", ["", "[order=2]", "Markov", "markov[order]", "markov[=2]", "markov[a=1,a=2]", "markov[order=2", "a b"]
)
def test_unreadable_requests_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_request(text)


def test_text_is_read_as_the_type_of_its_field() -> None:
    read = build_parameters(
        Parameters, {"order": "3", "rate": "1", "fast": "true", "kind": "5", "mode": "b", "epochs": "none"}, "x"
    )
    assert read == Parameters(order=3, rate=1.0, fast=True, kind="5", mode="b", epochs=None)
    assert build_parameters(Parameters, {"epochs": "7"}, "x").epochs == 7
    assert str(build_parameters(Parameters, {"rate": "-0.0"}, "x").rate) == "0.0"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": "1.5"}, "order must be a whole number, not 1.5"),
        ({"order": "true"}, "order must be a whole number, not True"),
        ({"order": "0"}, "order starts at 1"),
        ({"order": '{"a":' * 100_000}, "order must be a whole number"),
        ({"order": "[" * 100_000}, "order must be a whole number"),
        ({"order": "9" * 5000}, "order must be a whole number"),
        ({"order": "9" * 400}, r"order must be below 2\*\*63"),
        ({"rate": "9" * 400}, r"rate must be below 2\*\*63"),
        ({"rate": "NaN"}, "rate must be finite"),
        ({"rate": "-Infinity"}, "rate must be finite"),
        ({"rate": "1e400"}, "rate must be finite"),
        ({"fast": "1"}, "fast must be true or false, not 1"),
        ({"mode": "c"}, "mode must be 'a' or 'b', not 'c'"),
        ({"epochs": "x"}, "epochs must be a whole number or none, not 'x'"),
        ({"ordr": "2"}, "unknown key 'ordr'; did you mean order"),
        ({"zzz": "2"}, "known: epochs, fast, kind, mode, order, rate"),
    ],
)
def test_wrong_settings_say_what_is_allowed(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ProtocolError, match=f"^x: .*{message}"):
        build_parameters(Parameters, settings, "x")


def test_display_names_show_what_is_not_at_its_default() -> None:
    assert display_name("x", Parameters()) == "x"
    made = Parameters(order=2, fast=True, mode="b", epochs=3)
    assert display_name("x", made) == "x[order=2,fast=true,mode=b,epochs=3]"
    request = parse_request(display_name("x", made))
    assert build_parameters(Parameters, dict(request.settings), "x") == made
