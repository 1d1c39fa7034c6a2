"""Keys in shares over a ring: equal at both ends, unknown to either relay, off a cut way, refused where no two are."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import pytest

from keytwin.keymanagement import carriage
from keytwin.keymanagement.carriage import Passing
from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected
from keytwin.vocabulary.evidence import Evidence
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import ElementName, KeyId, LinkId, NodeId
from keytwin.vocabulary.key import Provenance
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    HealLink,
    OpenApp,
    Scenario,
    Step,
)
from keytwin.vocabulary.units import Bits, Instant, milliseconds, seconds
from tests.files.reading import mistakes, network

RING = """
format: 1
name: ring
defaults: {{link: {{device: generic-decoy-bb84, length: 20 km, loss: 0.2 dB/km}}}}
nodes: {{a: , b: , c: , d: }}
links: [{links}]
slas: {{careful: {{priority: 0, rate: 2 kbit/s, burst: 64 kbit, routes: {routes}}}}}
users: {{eve: {{sla: careful}}}}
apps: {{across: {{user: eve, saes: {{one: a, two: c}}}}}}
"""
SQUARE = "a -- b, b -- c, c -- d, d -- a"
KEYS = 120


def ring(links: str = SQUARE, routes: int = 2) -> Blueprint:
    return network(RING.format(links=links, routes=routes)).value


@dataclass
class Seen:
    """What a run showed: its events, the keys that SAEs got, and what each relay held in plain."""

    evidence: Evidence | None = None
    events: list[Event] = field(default_factory=list)
    keys: dict[KeyId, set[bytes]] = field(default_factory=dict)
    origins: set[Provenance] = field(default_factory=set)
    shares: dict[KeyId, dict[NodeId, bytes]] = field(default_factory=dict)


def ran(blueprint: Blueprint, *extra: tuple[float, Action], seed: int = 3, masters: str = "both") -> Seen:
    """Let the app ask for 60 s with what else happens, and close it; see even what no one may."""
    seen = Seen()
    app = blueprint.apps[0].id
    asks = AskKeys(app, times=KEYS, every=milliseconds(500), masters=masters)
    steps = [Step(Instant(seconds(at)), action) for at, action in extra]
    steps += [Step(Instant(0), OpenApp(app)), Step(Instant(0), asks), Step(Instant(seconds(80)), CloseApp(app))]
    simulation = simulate(blueprint, seed)

    def tap(at: Instant, source: ElementName, to: ElementName, message: Message) -> None:
        del at, source, to
        if isinstance(message, KeyDelivered):
            for key in message.keys:
                with key.material.exposed() as octets:
                    seen.keys.setdefault(key.key_id, set()).add(bytes(octets))
                seen.origins.add(key.provenance)

    def passing(*given: object) -> Passing:
        made = Passing(*given)  # type: ignore[arg-type]  # as it is called
        size = made.message.key_size // 8
        for index, key_id in enumerate(made.message.key_ids):
            share = bytes(made.plain[index * size : (index + 1) * size])
            seen.shares.setdefault(key_id, {})[made.node] = share
        return made

    simulation.wires.tap(tap)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carriage, "Passing", passing)
        scenario = Scenario("shares", blueprint, seconds(100), steps=tuple(steps))
        seen.evidence = play(scenario, simulation, [lambda _, __, event: seen.events.append(event)])
    return seen


def admitted(seen: Seen) -> list[SessionAdmitted]:
    return [event for event in seen.events if isinstance(event, SessionAdmitted)]


def xor(*parts: bytes) -> bytes:
    total = 0
    for part in parts:
        total ^= int.from_bytes(part, "big")
    return total.to_bytes(len(parts[0]), "big")


@pytest.mark.parametrize("seed", range(3))
def test_the_key_is_the_sum_of_what_the_relays_held_and_no_single_one_knows_anything(seed: int) -> None:
    seen = ran(ring(), seed=seed)
    assert seen.evidence is not None
    assert not seen.evidence.failures
    assert all(len(values) == 1 for values in seen.keys.values())
    assert len(seen.keys) == 2 * KEYS
    assert seen.origins == {Provenance(seen.origins.copy().pop().method, 2, shares=2)}
    differing = {NodeId("b"): 0, NodeId("d"): 0}
    for key_id, (key,) in seen.keys.items():
        held = seen.shares[key_id]
        assert held.keys() == differing.keys()
        assert xor(*held.values()) == key
        for node, share in held.items():
            differing[node] += int.from_bytes(xor(share, key), "big").bit_count()
    bits = 256 * len(seen.keys)
    # Were the transcript of one relay of any use, its bits would agree with the key's more, or less, than by chance.
    assert all(abs(count - bits / 2) < 4 * sqrt(bits) / 2 for count in differing.values())


def test_the_books_close_and_both_ways_carry_the_same() -> None:
    seen = ran(ring())
    assert seen.evidence is not None
    pads = {account.link: account.pad for account in seen.evidence.links if account.sender == "a" == account.node}
    assert set(pads) == {"a--b", "a--d"} or set(pads) == {"a--b", "d--a"}
    assert len(set(pads.values())) == 1
    assert all(account.balance == 0 for account in seen.evidence.links)


@pytest.mark.parametrize("change", [CutLink(LinkId("b--c")), AttackLink(LinkId("b--c"), 0.2)])
def test_without_its_second_way_the_session_ends_rather_than_go_on_by_one(change: Action) -> None:
    seen = ran(ring(), (20, change))
    assert seen.evidence is not None
    assert not seen.evidence.failures
    (route,) = {event.route for event in admitted(seen)}
    assert len(route.ways) == 2
    rejected = [event for event in seen.events if isinstance(event, SessionRejected)]
    assert rejected
    assert rejected[-1].explanation.startswith("only 1 of 2 routes from ")
    assert "that have no node in common: every route with room passes d" in rejected[-1].explanation
    (app,) = seen.evidence.apps
    assert 0 < app.pairs == app.equal < 2 * KEYS


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_way_is_replaced_by_another(seed: int) -> None:
    links = f"{SQUARE}, a -- c"  # the third way is the link between the ends
    seen = ran(ring(links), (20, CutLink(LinkId("b--c"))), (50, HealLink(LinkId("b--c"))), seed=seed)
    assert seen.evidence is not None
    assert not seen.evidence.failures
    moved = admitted(seen)[-1]
    assert "b--c" not in moved.route.all_links
    assert len(moved.route.ways) == 2
    (app,) = seen.evidence.apps
    assert app.pairs == app.equal == 2 * KEYS


def test_a_share_may_go_by_the_link_between_the_ends() -> None:
    seen = ran(ring("a -- b, b -- c, a -- c, c -- d"))
    assert seen.evidence is not None
    assert not seen.evidence.failures
    (route,) = {event.route for event in admitted(seen)}
    assert sorted(len(way.links) for way in route.ways) == [1, 2]
    assert all(share.keys() == {"b"} for share in seen.shares.values())
    assert all(seen.shares[key_id][NodeId("b")] not in values for key_id, values in seen.keys.items())
    assert all(len(values) == 1 for values in seen.keys.values())
    assert {origin.shares for origin in seen.origins} == {2}


def test_three_shares_over_three_ways_and_keys_of_another_size() -> None:
    blueprint = ring(f"{SQUARE}, a -- c", routes=3)
    seen = ran(blueprint, (40, AskKeys(blueprint.apps[0].id, size=Bits(512), times=3)))
    assert seen.evidence is not None
    assert not seen.evidence.failures
    assert {origin.shares for origin in seen.origins} == {3}
    assert {len(key) for values in seen.keys.values() for key in values} == {32, 64}
    assert all(len(values) == 1 for values in seen.keys.values())


def test_a_network_that_can_never_have_the_routes_is_a_mistake_of_its_file() -> None:
    (told,) = mistakes(RING.format(links="a -- b, b -- c, c -- d", routes=2))
    assert "service level 'careful' wants 2 routes without a common node for app 'across'" in told
    assert "from 'a' to 'c' there can be no more than 1" in told
    assert "add links, or lower 'routes'" in told
    (told,) = mistakes(RING.format(links=SQUARE, routes=3))
    assert "no more than 2" in told
    assert "1 to 8" in mistakes(RING.format(links=SQUARE, routes=0))[0]


def test_one_route_is_the_default() -> None:
    assert ring().slas[0].routes == 2
    plain = RING.replace(", routes: {routes}", "").format(links=SQUARE)
    assert network(plain).value.slas[0].routes == 1
