"""What a network is brought up with, and which ports it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.files.network import read_network
from keytwin.operation.settings import FASTEST, FIRST_FREE_PORT, LARGEST_PORT, PortPlan, UpSettings, bracketed
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake

STATE = Path("state")


@pytest.fixture(scope="module")
def star6() -> Blueprint:
    return read_network("star6")


def test_the_ports_of_six_nodes() -> None:
    plan = PortPlan(10_140, 6)
    assert (plan.operator, plan.face(0), plan.link(0), plan.face(2), plan.link(5)) == (
        10140,
        10141,
        10142,
        10145,
        10152,
    )


@given(st.integers(1, 400), st.integers(FIRST_FREE_PORT, 60_000))
def test_no_port_is_planned_twice(nodes: int, base: int) -> None:
    plan = PortPlan(base, nodes)
    each = [plan.operator, *map(plan.face, range(nodes)), *map(plan.link, range(nodes))]
    assert sorted(each) == list(plan.all)
    assert plan.all[-1] <= LARGEST_PORT


@pytest.mark.parametrize("base", [0, 80, FIRST_FREE_PORT - 1, LARGEST_PORT - 11, LARGEST_PORT, 10**9])
def test_ports_that_cannot_be_are_a_mistake(star6: Blueprint, base: int) -> None:
    with pytest.raises(Mistake, match="take 13 ports, so the first is from 1024 to 65523"):
        UpSettings(star6, STATE, base_port=base)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf"), FASTEST * 1.01])
def test_a_speed_that_cannot_be_is_a_mistake(star6: Blueprint, speed: float) -> None:
    with pytest.raises(Mistake, match="twins run from above 0"):
        UpSettings(star6, STATE, speed=speed)


@pytest.mark.parametrize("host", ["", "a b", "https://a", "user@a", "[::1]"])
def test_a_host_is_a_name_or_an_address(star6: Blueprint, host: str) -> None:
    with pytest.raises(Mistake, match="give a name or an address"):
        UpSettings(star6, STATE, host=host)


@pytest.mark.parametrize(
    ("host", "url", "beside_loopback"),
    [
        ("127.0.0.1", "https://127.0.0.1:10140", ()),
        ("localhost", "https://localhost:10140", ()),
        ("::1", "https://[::1]:10140", ()),
        ("2001:db8::1", "https://[2001:db8::1]:10140", ("2001:db8::1",)),
        ("qkd.example", "https://qkd.example:10140", ("qkd.example",)),
    ],
)
def test_the_host_stands_in_urls_and_certificates(
    star6: Blueprint, host: str, url: str, beside_loopback: tuple[str, ...]
) -> None:
    settings = UpSettings(star6, STATE, host=host)
    assert settings.url(settings.ports.operator) == url
    assert settings.hosts == ("localhost", "127.0.0.1", "::1", *beside_loopback)


def test_brackets_are_for_addresses_of_ipv6_alone() -> None:
    assert list(map(bracketed, ("::1", "127.0.0.1", "a.b"))) == ["[::1]", "127.0.0.1", "a.b"]
