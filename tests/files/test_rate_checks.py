"""What a network promises against what its links give, with a physics of round numbers handed in."""

from __future__ import annotations

from keytwin.files.known import Known
from keytwin.files.library import Source
from keytwin.files.network import check_network
from keytwin.files.page import Checked
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.topology import QLink
from tests.files.reading import FILE, network, short

NETWORK = """format: 1
name: t
defaults: {link: {device: generic-decoy-bb84, length: 20 km}}
nodes: {a: , b: , c: }
links: [a -- b, b -- c: {length: 30 km}]
slas: {gold: {priority: 0, rate: 10 kbit/s, burst: 16 kbit}}
users: {alice: {sla: gold, quota: 64 kbit/s}}
apps: {one: {user: alice, saes: {x: a, y: b}}}
"""


def physics(link: QLink, device: Device) -> float:
    """A kilobit a second less for each kilometre, 50 at most."""
    if link.length >= 50:
        raise Mistake(f"link {link.id}: {device.name} reaches no further than 50 km")
    return 1_000.0 * (50 - link.length)


def checked(text: str) -> Checked[Blueprint]:
    return check_network(Source(FILE, text.encode()), Known(expected_rate=physics))


def warnings(text: str) -> list[str]:
    return [short(warning) for warning in checked(text).warnings]


def mistakes(text: str) -> list[str]:
    try:
        checked(text)
    except FileMistake as mistake:
        return [short(finding) for finding in mistake.findings]
    return []


def test_what_the_links_can_give_is_no_mistake_and_no_warning() -> None:
    assert warnings(NETWORK) == []


def test_a_link_that_gives_no_key_is_told_at_its_place_beside_all_else_that_is_wrong() -> None:
    text = NETWORK.replace("30 km", "50 km").replace("sla: gold", "sla: god")
    assert mistakes(text) == [
        "5:17: link b--c: generic-decoy-bb84 reaches no further than 50 km",
        "7:22: unknown SLA 'god' (did you mean 'gold'?)",
    ]


def test_without_physics_nothing_is_said_of_rates() -> None:
    far = network(NETWORK.replace("30 km", "500 km").replace("rate: 10 kbit/s", "rate: 60 kbit/s"))
    assert far.warnings == ()


def test_a_rate_above_what_any_link_can_be_granted_for_is_noted() -> None:
    # Of the 30 kbit/s of the better link, half goes each way, and 10 % of that is never granted.
    assert warnings(NETWORK.replace("rate: 10 kbit/s", "rate: 13500 bit/s")) == []
    assert warnings(NETWORK.replace("rate: 10 kbit/s", "rate: 13501 bit/s")) == [
        (
            "6:34: 13501 bit/s is more than any link has for a session: 13500 bit/s in each direction "
            "(every session that asks for it will be refused)"
        )
    ]


def test_a_rate_above_the_quota_of_the_user_is_noted() -> None:
    assert warnings(NETWORK.replace("quota: 64 kbit/s", "quota: 9 kbit/s")) == [
        (
            "7:35: quota 9 kbit/s is less than the 10 kbit/s of a session of SLA 'gold' "
            "(every session that asks for it will be refused)"
        )
    ]


def test_no_links_and_no_slas_are_nothing_to_reckon_with() -> None:
    head = NETWORK[: NETWORK.index("links")]
    assert [warning for warning in warnings(f"{head}links: []\n") if "session" in warning] == []
