"""C2: with any one element of control dead, sessions go on; new ones are refused at once, and told to come again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pytest
from msgspec.structs import replace

from keytwin.files.network import read_network
from keytwin.service.etsi014_errors import refused
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.exchange_messages import GetKeyById, GetSharedKey, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, NodeId, SaeId, UserId, km_of, sae_element
from keytwin.vocabulary.stream_messages import StreamAnswered, StreamQos
from keytwin.vocabulary.units import milliseconds, seconds
from tests.fakes.stream_ends import FACE, JSON_METADATA, World
from tests.keymanagement.bench import octets_of
from tests.marks import invariant

CONTROL: Final = ("access", "admission", "controller", "monitoring", "routing")
OLD: Final = (SaeId("app01-a"), SaeId("app01-b"), NodeId("km0"), NodeId("km1"))
NEW: Final = (SaeId("new-a"), SaeId("new-b"), NodeId("km2"), NodeId("km3"))
AT_ONCE: Final = milliseconds(50)  # a face and a key manager are in one place, and a disk takes its time
LONG: Final = 60  # seconds without the element
STALE: Final = seconds(300)  # and more: so old a topology admits nothing
OPENED_AGAIN: Final = seconds(30)  # by then a session is there once all is well: pauses are ten seconds at most


@dataclass
class Dead:
    """A network with an old session, and SAEs that come when an element of control has died."""

    world: World = field(init=False)
    asked: int = 0

    def __post_init__(self) -> None:
        star = read_network("star6")
        ends = Endpoint(NEW[0], NEW[2]), Endpoint(NEW[1], NEW[3])
        self.world = World(replace(star, apps=(*star.apps, App(AppId("new"), UserId("alice"), ends))))
        # The new ones have spoken already: their key managers do not hear it.
        self.stop(*map(sae_element, NEW[:2]), *map(km_of, NEW[2:]))
        self.world.wait(seconds(1))
        self.restart(*map(km_of, NEW[2:]))
        self.world.wait(seconds(60))
        assert self.served(OLD)

    def stop(self, *names: ElementName) -> None:
        for name in names:
            self.world.simulation.stop(name)

    def restart(self, *names: ElementName) -> None:
        for name in names:
            self.world.simulation.restart(name)

    def ask(self, ends: tuple[SaeId, SaeId, NodeId, NodeId]) -> KeyDelivered | KeyRefused:
        """Ask for a key as a master does by ETSI GS QKD 014; the answer comes at once, whatever it is."""
        self.asked += 1
        name = f"key-{self.asked}"
        self.world.tell(ends[0], GetSharedKey(name, FACE, ends[0], ends[1], 1, None, seconds(0)))
        self.world.wait(AT_ONCE)
        answer = self.world.answer(name)
        assert isinstance(answer, KeyDelivered | KeyRefused), answer
        return answer

    def served(self, ends: tuple[SaeId, SaeId, NodeId, NodeId]) -> bool:
        """Whether a key comes at one end and is the same at the other."""
        given = self.ask(ends)
        if isinstance(given, KeyRefused):
            return False
        (key,) = given.keys
        fetch = GetKeyById(f"{given.request_id} fetched", FACE, ends[1], (key.key_id,), ends[0])
        self.world.simulation.inject(self.world.simulation.now, km_of(ends[3]), fetch)
        self.world.wait(AT_ONCE)
        fetched = self.world.answer(fetch.request_id)
        assert isinstance(fetched, KeyDelivered), fetched
        return octets_of(fetched.keys[0]) == octets_of(key)


@invariant("C2")
@pytest.mark.parametrize("name", CONTROL)
def test_c2_sessions_go_on_and_new_ones_are_told_at_once_to_come_again(name: str) -> None:
    network = Dead()
    dead = ElementName(name)
    network.stop(dead)
    network.world.wait(STALE if name == "controller" else seconds(0))
    assert network.served(OLD)
    network.restart(*map(sae_element, NEW[:2]))
    refusals: list[int] = []
    for _ in range(LONG):
        assert network.served(OLD)
        answer = network.ask(NEW)
        if isinstance(answer, KeyRefused):
            response = refused(answer, 1)
            assert response.status == 503
            assert 1 <= int(dict(response.headers)["Retry-After"]) <= 10
            refusals.append(answer.retry_after)
        network.world.wait(seconds(1))
    # Monitoring's figures are good for a quarter of an hour, in which sessions open without it.
    assert len(refusals) == (0 if name == "monitoring" else LONG)
    network.restart(dead)
    network.world.wait(OPENED_AGAIN)
    assert network.served(OLD)
    assert network.served(NEW), "what was refused may come again, and gets its key"


@invariant("C2")
@pytest.mark.parametrize("name", CONTROL)
def test_c2_a_stream_that_cannot_be_opened_is_answered_in_its_own_time(name: str) -> None:
    network = Dead()
    network.stop(ElementName(name))
    network.restart(*map(sae_element, NEW[:2]))
    qos = StreamQos(max_bps=8_000, metadata_mimetype=JSON_METADATA, timeout=2_000)
    asked = network.world.open(*NEW[:2], qos=qos)
    network.world.wait(milliseconds(2_500))
    (answer,) = network.world.answers(asked)
    assert isinstance(answer, StreamAnswered)
    assert network.served(OLD)
