"""The emulated SAE under any sequence of messages: it keeps its limits, forgets no request and keeps no key."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.app_session import OpenAgain
from keytwin.service.application import Application
from keytwin.service.encoding import SALT_OCTETS
from keytwin.service.key_requests import MOST_WAITING, AskAgain, KeysAnnounced, NextRequest, WaitedTooLong
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Message, Send, StartTimer, StopTimer
from keytwin.vocabulary.operator_messages import AskForKeys, StartSession, StopSession
from keytwin.vocabulary.session_messages import (
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, seconds

APP: Final = AppId("app01")
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
ADJACENT: Final = Provenance(Method.ADJACENT, 1)

DOINGS: Final = (
    *("start", "stop", "ask one by one", "ask in step", "announce", "timer", "deliver", "refuse", "refuse for good"),
    *("open", "register", "turn away", "send away", "end"),
)


class World:
    """The other side of one application: answers what it asks, sooner, later or never, and counts."""

    def __init__(self) -> None:
        self.machine = Application(SaeId("a"), NodeId("km0"), {APP: SaeId("b")}, bytes(SALT_OCTETS))
        self.machine.restore([], Instant(0))
        self.now = 0
        self.timers: dict[str, Message] = {}
        self.openings: list[OpenSession] = []
        self.requests: list[GetKey | GetKeyById] = []
        self.handed: list[Key] = []
        self.announced = 0

    def tell(self, message: Message) -> None:
        self.now += 1
        self.perform(self.machine.receive(message, Instant(self.now)))

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(message=OpenSession() as opening):
                    self.openings.append(opening)
                case Send(message=GetKey() | GetKeyById() as request):
                    self.requests.append(request)
                case StartTimer():
                    self.timers[effect.name] = effect.message
                case StopTimer():
                    self.timers.pop(effect.name, None)
                case _:
                    pass

    def do(self, doing: str, which: int) -> None:
        match doing:
            case "start":
                self.tell(StartSession(APP))
            case "stop":
                self.tell(StopSession(APP))
            case "ask one by one":
                self.tell(AskForKeys(APP, 2, None, 3, Duration(0)))
            case "ask in step":
                self.tell(AskForKeys(APP, 1, Bits(512), 4, seconds(1)))
            case "announce":
                self.announced += 1
                self.tell(KeysAnnounced(APP, (KeyId(f"told-{self.announced}"),)))
            case "timer" if self.timers:
                name = sorted(self.timers)[which % len(self.timers)]
                self.tell(self.timers.pop(name))
            case "deliver" | "refuse" | "refuse for good" if self.requests:
                self.answer(self.requests[which % len(self.requests)], doing)
            case "open" | "register" | "turn away" | "send away" if self.openings:
                self.admit(self.openings[which % len(self.openings)], doing)
            case "end":
                self.tell(SessionEnded(KSID, Reason.UNAVAILABLE))
            case _:
                pass  # there is nothing to answer yet

    def answer(self, request: GetKey | GetKeyById, doing: str) -> None:
        if doing == "deliver":
            self.tell(KeyDelivered(request.request_id, self.keys(request)))
        else:
            wait = seconds(1) if doing == "refuse" else Duration(0)
            self.tell(KeyRefused(request.request_id, Reason.KEY_UNAVAILABLE, wait))

    def keys(self, request: GetKey | GetKeyById) -> tuple[Key, ...]:
        ids = request.key_ids if isinstance(request, GetKeyById) else range(request.number)
        made = tuple(
            Key(KeyId(f"{request.request_id}/{each}"), KeyMaterial(bytearray(b"k" * 32)), ADJACENT) for each in ids
        )
        self.handed += made
        return made

    def admit(self, opening: OpenSession, doing: str) -> None:
        match doing:
            case "open":
                self.tell(SessionOpened(opening.request_id, KSID, Bits(256), BitsPerSecond(1), Bits(256), 1))
            case "register":
                self.tell(SessionRegistered(opening.request_id, KSID))
            case _:
                wait = seconds(1) if doing == "turn away" else Duration(0)
                self.tell(SessionRefused(opening.request_id, Reason.NO_ROUTE, wait))


@given(st.lists(st.tuples(st.sampled_from(DOINGS), st.integers(0, 7)), max_size=60))
def test_keeps_its_limits_forgets_nothing_and_keeps_no_key(doings: list[tuple[str, int]]) -> None:
    world = World()
    for doing, which in doings:
        world.do(doing, which)
        requests = world.machine.requests[APP]
        assert all(key.material.is_wiped for key in world.handed)
        assert {f"answer/{request_id}" for request_id in requests.asking} <= world.timers.keys()
        assert all(0 <= errand.waiting <= MOST_WAITING for errand in requests.errands.values())
        assert (requests.ksid is not None) == world.machine.sessions[APP].is_open


@given(st.lists(st.tuples(st.sampled_from(DOINGS), st.integers(0, 7)), max_size=60))
def test_comes_to_rest_when_nobody_answers_any_more(doings: list[tuple[str, int]]) -> None:
    world = World()
    for doing, which in doings:
        world.do(doing, which)
    world.tell(StopSession(APP))
    ticking = (OpenAgain, NextRequest, AskAgain, WaitedTooLong)
    for _ in range(1_000):
        if not world.timers:
            break
        name, message = world.timers.popitem()
        assert isinstance(message, ticking), name
        world.tell(message)
    assert world.timers == {}
    assert world.machine.requests[APP].asking == {}
    assert not world.machine.requests[APP].turns.is_anyone_before


@given(st.lists(st.tuples(st.sampled_from(DOINGS), st.integers(0, 7)), max_size=60))
def test_every_identifier_is_used_once(doings: list[tuple[str, int]]) -> None:
    world = World()
    for doing, which in doings:
        world.do(doing, which)
    asked = [request.request_id for request in world.requests]
    opened = {opening.request_id for opening in world.openings}
    assert len(asked) == len(set(asked))
    assert opened.isdisjoint(asked)
