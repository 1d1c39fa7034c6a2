"""Playing a timeline: with key managers made up here, so that a run can go wrong in chosen ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pytest

from keytwin.runtime.simulation import Simulation
from keytwin.scenario.run import play
from keytwin.service.application import Application
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.events import SessionAdmitted
from keytwin.vocabulary.evidence import Evidence, KeyAccount, LinkAccount
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered
from keytwin.vocabulary.identity import (
    AppId,
    DeviceId,
    ElementName,
    KeyId,
    Ksid,
    LinkId,
    NodeId,
    SaeId,
    UserId,
    km_of,
    sae_element,
)
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Event, Message, Publish, Record, Send
from keytwin.vocabulary.session_messages import CloseSession, OpenSession, Reason, SessionEnded, SessionOpened
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    CloseApp,
    Expectations,
    MessageFaults,
    OpenApp,
    RestartElement,
    Scenario,
    Step,
    StopElement,
)
from keytwin.vocabulary.topology import Node, QLink, Route, Topology
from keytwin.vocabulary.units import Bits, BitsPerSecond, Instant, milliseconds, seconds

APP: Final = AppId("app01")
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
ENDS: Final = (Endpoint(SaeId("a"), NodeId("km0")), Endpoint(SaeId("b"), NodeId("km1")))
NETWORK: Final = Blueprint(
    name="pair",
    topology=Topology((Node(NodeId("km0")), Node(NodeId("km1"))), (QLink(LinkId("km0--km1"), DeviceId("any")),)),
    apps=(App(APP, UserId("alice"), ENDS),),
)


@dataclass(slots=True)
class PretendKm:
    """Opens every session at once and finds its keys in a drawer that it shares with the other one."""

    node: NodeId
    drawer: dict[KeyId, bytes]
    spoil: Callable[[bytes], bytes] = bytes  # what becomes of a key on its way to the slave
    missing: int = 0  # octets that its books lack
    make: Callable[[int], bytes] = lambda number: bytes([number]) * 32

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case OpenSession():
                opened = SessionOpened(message.request_id, KSID, Bits(256), BitsPerSecond(1), Bits(256), 1)
                admitted = SessionAdmitted(KSID, APP, 1, Route((), ()), BitsPerSecond(1))
                return [Send(message.reply_to, opened), Publish(admitted)]
            case GetKey():
                made = {
                    KeyId(f"{self.node}-{len(self.drawer) + n}"): self.make(len(self.drawer) + n)
                    for n in range(message.number)
                }
                self.drawer |= made
                return [Send(message.reply_to, KeyDelivered(message.request_id, keys(made)))]
            case GetKeyById():
                found = {key_id: self.spoil(self.drawer[key_id]) for key_id in message.key_ids}
                return [Send(message.reply_to, KeyDelivered(message.request_id, keys(found)))]
            case CloseSession():
                return [Send(sae_element(end.sae), SessionEnded(KSID, Reason.CLOSED)) for end in ENDS]
            case _:
                return []

    def link_accounts(self) -> tuple[LinkAccount, ...]:
        return (LinkAccount(self.node, LinkId("km0--km1"), self.node, ingested=self.missing),)

    def key_account(self) -> KeyAccount:
        return KeyAccount(self.node)


def keys(found: dict[KeyId, bytes]) -> tuple[Key, ...]:
    adjacent = Provenance(Method.ADJACENT, 1)
    return tuple(Key(key_id, KeyMaterial(bytearray(octets)), adjacent) for key_id, octets in found.items())


@dataclass(slots=True)
class Stage:
    """A simulation of the two applications and two pretended key managers."""

    spoil: Callable[[bytes], bytes] = bytes
    missing: int = 0
    make: Callable[[int], bytes] = lambda number: bytes([number]) * 32
    heard: list[Event] = field(default_factory=list)

    def play(self, *steps: tuple[float, Action], expect: Expectations | None = None) -> Evidence:
        simulation = Simulation(7, lambda _source, _target: milliseconds(1), keep_records=True)
        drawer: dict[KeyId, bytes] = {}
        for own, other in (ENDS, ENDS[::-1]):
            make = partial(PretendKm, own.node, drawer, self.spoil, self.missing, self.make)
            simulation.add(km_of(own.node), make)
            application = partial(Application, own.sae, own.node, {APP: other.sae}, bytes(32))
            simulation.add(sae_element(own.sae), application)
        timeline = tuple(Step(Instant(seconds(at)), action) for at, action in steps)
        scenario = Scenario("play", NETWORK, seconds(10), steps=timeline, expect=expect or Expectations())
        return play(scenario, simulation, [lambda _at, _element, event: self.heard.append(event)])


def test_gives_evidence_of_what_both_ends_got() -> None:
    stage = Stage()
    evidence = stage.play((0, OpenApp(APP)), (1, AskKeys(APP, number=2, times=3, masters="both")), (5, CloseApp(APP)))
    (app,) = evidence.apps
    assert (app.asked, app.pairs, app.equal, app.refused, app.ended) == (12, 12, 12, 0, "closed")
    assert (evidence.seed, evidence.duration, evidence.failures) == (7, seconds(10), ())
    assert app.wait_median is not None
    assert milliseconds(2) <= app.wait_median < milliseconds(3)
    assert app.last_answer is not None
    assert app.last_answer < Instant(seconds(2))
    assert len(evidence.links) == len(evidence.keys) == 2
    assert evidence.messages > 12
    assert any(isinstance(event, SessionAdmitted) for event in stage.heard)


def test_a_key_that_differs_at_the_slave_is_a_failure() -> None:
    evidence = Stage(spoil=lambda octets: octets[::-1][:-1] + b"x").play((0, OpenApp(APP)), (1, AskKeys(APP)))
    assert (evidence.pairs, evidence.equal) == (1, 0)
    assert evidence.failures == ("expected equal keys at both ends: 0 of 1 are",)


def test_one_key_for_all_is_a_failure_although_both_ends_agree() -> None:
    stage = Stage(make=lambda _number: bytes(32))
    evidence = stage.play((0, OpenApp(APP)), (1, AskKeys(APP, number=3)))
    assert "app01: 2 keys were delivered under two identifiers" in evidence.failures


def test_books_that_do_not_close_are_a_failure() -> None:
    evidence = Stage(missing=5).play((0, OpenApp(APP)))
    assert evidence.failures == (
        "the books of km0 on km0--km1, out of km0, lack 5 octets",
        "the books of km1 on km0--km1, out of km1, lack 5 octets",
    )


def test_expectations_are_checked() -> None:
    evidence = Stage().play((0, OpenApp(APP)), expect=Expectations(keys=4, sessions_end=True))
    assert evidence.failures == (
        "expected 4 keys at both ends: there are 0",
        f"expected every session to end: session {KSID} still has its reservation at admission control",
    )


def test_a_stopped_key_manager_answers_nobody_until_it_is_restarted() -> None:
    km = ElementName("km/km0")
    stopped = (0.5, StopElement(km))
    asking = (1, AskKeys(APP))
    assert Stage().play((0, OpenApp(APP)), stopped, asking).pairs == 0
    late = (3, AskKeys(APP))
    assert Stage().play((0, OpenApp(APP)), stopped, (2, RestartElement(km)), late).pairs == 1


def test_a_key_manager_that_is_stopped_at_the_end_has_no_books() -> None:
    evidence = Stage().play((0, OpenApp(APP)), (1, StopElement(ElementName("km/km0"))))
    assert [account.node for account in evidence.keys] == ["km1"]


def test_faults_spare_the_applications() -> None:
    evidence = Stage().play((0, MessageFaults(drop=1.0)), (1, OpenApp(APP)), (2, AskKeys(APP)))
    assert evidence.pairs == 1


@pytest.mark.parametrize("action", [StopElement, RestartElement])
def test_an_application_cannot_be_stopped(action: type[StopElement | RestartElement]) -> None:
    with pytest.raises(Mistake, match="sae/a is a customer of the network"):
        Stage().play((0, action(ElementName("sae/a"))))


def test_equal_seeds_give_equal_evidence() -> None:
    steps = ((0, OpenApp(APP)), (1, AskKeys(APP, number=2, masters="both")))
    assert Stage().play(*steps) == Stage().play(*steps)


def test_the_run_ends_when_the_scenario_says() -> None:
    assert Stage().play((0, OpenApp(APP)), (10, AskKeys(APP))).pairs == 0
