"""An attack on a link of a live network: alarmed of, left by the session, healed; the pairs stay equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.operation.office import Office
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.events import AlarmRaised, BlockDistilled, BlockPlaced, SessionAdmitted
from keytwin.vocabulary.identity import ElementName, LinkId, NodeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Instant
from tests.marks import invariant
from tests.operation.live import heard, network, on_uvloop, settings, up
from tests.operation.saes import connected

RING = """
format: 1
name: ring
defaults: {link: {device: generic-decoy-bb84, length: 20 km, loss: 0.2 dB/km}}
nodes: {a: , b: , c: }
links: [a -- b, b -- c, c -- a]
slas: {rich: {priority: 0, rate: 100 kbit/s, burst: 400 kbit}}
users: {eve: {sla: rich}}
apps: {near: {user: eve, saes: {one: a, two: b}}}
control: {placement: PLACE}
"""
LINK = LinkId("a--b")


@pytest.mark.slow
@invariant("Q1")
@pytest.mark.parametrize("placement", ["central", "per-node"])
def test_an_attack_moves_the_session_and_healing_brings_the_link_back(tmp_path: Path, placement: str) -> None:
    path = tmp_path / "ring.yaml"
    path.write_text(RING.replace("PLACE", placement))
    seen: list[Event] = []

    def watch(at: Instant, element: ElementName, event: Event) -> None:
        del at, element
        seen.append(event)

    async def body() -> None:
        async with up(settings(network(str(path)), tmp_path / "state", speed=20.0)) as office:
            office.network.live.listeners.append(watch)
            await heard(office, lambda _, event: isinstance(event, BlockPlaced) and event.link == LINK)
            with pytest.raises(Mistake, match="no link 'a--d'"):
                office.attack(LinkId("a--d"), 0.2)
            office.attack(LINK, 0.2)
            await heard(office, lambda _, event: isinstance(event, SessionAdmitted) and LINK not in event.route.links)
            await pair(office)
            office.trust(NodeId("c"), trusted=True)
            office.heal(LINK)
            await heard(office, lambda _, event: isinstance(event, AlarmRaised) and not event.is_on)
            await heard(office, lambda _, event: isinstance(event, BlockPlaced) and event.link == LINK)

    on_uvloop(body())
    blocks = [event for event in seen if isinstance(event, BlockDistilled) and event.link == LINK]
    empty = {block.number for block in blocks if not block.size}
    assert empty
    assert empty.isdisjoint(event.number for event in seen if isinstance(event, BlockPlaced) and event.link == LINK)


async def pair(office: Office) -> None:
    async with connected(office, "one") as one, connected(office, "two") as two:
        keys = await one.take()
        assert await two.fetch(keys) == keys
