"""All sessions of a node: each message finds its own, repeats change nothing, and what is over is forgotten (S1)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from keytwin.keymanagement import sessions as module
from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.forwarding import HopForgotten, LeaseOverdue
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.keymanagement.session import CONTROL_PATIENCE, SessionOverdue, State
from keytwin.keymanagement.sessions import SessionKept
from keytwin.runtime.journal_codec import fresh_copy
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import SessionConfigured, SessionOver, SessionRequested
from keytwin.vocabulary.exchange_messages import GetKey, KeyRefused
from keytwin.vocabulary.identity import AppId, SaeId, UserId, link_id, sae_element
from keytwin.vocabulary.machine import Effect, Message, Record, Save
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    CloseSession,
    ConfigureHop,
    ConfigureSession,
    DeleteSession,
    HopConfigured,
    Neighbour,
    OpenSession,
    Reason,
    SessionAccepted,
    SessionClosing,
    SessionDeleted,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
    UserAccepted,
)
from keytwin.vocabulary.units import Instant, seconds
from tests.keymanagement.parts import (
    AB,
    BC,
    KSID,
    PEER,
    SAE,
    START,
    A,
    B,
    C,
    chance,
    hop,
    later,
    published,
    saved,
    sent,
    started,
)
from tests.keymanagement.test_kmlink import Waiter
from tests.marks import invariant

OPEN = OpenSession("open", sae_element(SAE), AppId("app"), SAE, PEER)
CLOSE = CloseSession(KSID, SAE)
DELETE = DeleteSession(KSID, 1, Reason.INACTIVE)


class Node:
    """The key manager of A (or of B, between A and C), with its journal."""

    def __init__(self, name: str = "a") -> None:
        self.links = {"a": (AB,), "b": (AB, BC)}[name]
        self.node = {"a": A, "b": B}[name]
        self.journal: list[Record] = []
        self.km = self.fresh()
        self.first = self.restore([])

    def fresh(self) -> KeyManager:
        setup = KmSetup(self.node, self.links, KeyManagementSettings(), MonitoringSettings(), ALGORITHMS)
        return KeyManager(setup, chance("km"))

    def restore(self, records: Iterable[Record], now: Instant = START) -> list[Effect]:
        effects = self.km.restore([fresh_copy(record) for record in records], now)
        self.journal += [effect.record for effect in effects if isinstance(effect, Save)]
        return effects

    def tell(self, *messages: Message, now: Instant = START) -> list[Effect]:
        """Tell messages one after the other; return the effects of the last one."""
        effects: list[Effect] = []
        for message in messages:
            effects = self.km.receive(message, now)
            self.journal += [effect.record for effect in effects if isinstance(effect, Save)]
        return effects

    def restart(self, now: Instant = START) -> list[Effect]:
        self.km, records = self.fresh(), list(self.journal)
        return self.restore(records, now)

    @property
    def open_id(self) -> str:
        return next(iter(self.km.sessions.opening))

    def registered(self) -> Node:
        self.tell(OPEN)
        self.tell(UserAccepted(self.open_id, UserId("alice")), SessionAccepted(self.open_id, KSID))
        return self

    def operative(self) -> Node:
        self.registered()
        self.tell(self.configuration())
        return self

    def configuration(self, epoch: int = 1) -> ConfigureHop:
        wanted = hop(epoch=epoch)
        assert wanted.end
        return replace(wanted, end=replace(wanted.end, open_id=self.open_id))

    def is_empty(self) -> bool:
        km = self.km
        held = (km.sessions.opening, km.sessions.asked, km.sessions.known, km.forwarding.hops, km.workshop.orders)
        return not any(held)


def ask(sae: SaeId = SAE) -> GetKey:
    return GetKey("r", sae_element(sae), KSID, sae, 1, None, seconds(5))


# --- opening --------------------------------------------------------------------------------------------------------


def test_a_session_is_begun_once_however_often_it_is_asked_for() -> None:
    node = Node()
    assert sent(node.tell(OPEN), AuthenticateUser)
    assert node.tell(OPEN) == []
    node.tell(UserAccepted(node.open_id, UserId("alice")), SessionAccepted(node.open_id, KSID))
    assert sent(node.tell(OPEN), SessionRegistered)
    node.tell(node.configuration())
    assert sent(node.tell(OPEN), SessionOpened)
    assert len(node.km.sessions.opening) == 1


def test_two_saes_may_use_the_same_name_for_a_request() -> None:
    node = Node()
    node.tell(OPEN)
    assert published(node.tell(replace(OPEN, reply_to=sae_element(PEER))), SessionRequested)
    assert len(node.km.sessions.opening) == 2


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SESSIONS", 1)
    node = Node()
    node.tell(OPEN)
    (refusal,) = sent(node.tell(replace(OPEN, request_id="another")), SessionRefused)
    assert refusal.reason is Reason.UNAVAILABLE
    assert refusal.retry_after > 0


@invariant("S1")
def test_what_admission_holds_for_a_session_that_is_not_known_here_is_given_back() -> None:
    assert sent(Node().tell(SessionAccepted("forgotten", KSID)), SessionClosing)
    assert Node().tell(UserAccepted("forgotten", UserId("alice"))) == []


# --- routes ---------------------------------------------------------------------------------------------------------


def test_a_route_of_others_is_kept_and_told_without_their_names() -> None:
    node = Node("b")
    effects = node.tell(hop(B, (A, B, C)))
    assert published(effects, SessionConfigured) == [SessionConfigured(B, KSID, 1, None)]
    assert sent(effects, HopConfigured)


@invariant("S1")
def test_an_end_that_no_sae_opened_here_is_given_back() -> None:
    node = Node()
    effects = node.tell(hop())
    assert sent(effects, SessionClosing)
    assert not node.km.forwarding.hops
    assert sent(node.tell(hop()), SessionDeleted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"next": Neighbour(B, link_id(B, C))},
        {"next": Neighbour(C, link_id(A, C))},
        {"next": Neighbour(C, AB)},
        {"next": None},
        {"previous": Neighbour(B, AB)},
        {"previous": Neighbour(B, AB), "next": None},
        {"end": None},
        {"end": replace(hop().end, algorithm="unheard of")},  # type: ignore[type-var]  # it has an end
    ],
)
def test_what_makes_no_route_is_a_violation_and_changes_nothing(wrong: dict[str, object]) -> None:
    node = Node().registered()
    with pytest.raises(Violation):
        node.tell(replace(node.configuration(), **wrong))
    assert not node.km.forwarding.hops


def test_a_route_is_configured_once_and_a_newer_one_replaces_it() -> None:
    node = Node().operative()
    assert saved(node.tell(node.configuration()), SessionKept) == []
    node.tell(node.configuration(epoch=2))
    assert node.km.workshop.orders[KSID].epoch == 2
    assert node.km.sessions.known[KSID].state is State.OPERATIVE


def test_what_waits_on_an_old_route_is_dropped_on_every_link() -> None:
    node = Node("b")
    node.tell(hop(B, (A, B, C)))
    old, new, other = Waiter(), Waiter(epoch=2), Waiter(ksid=type(KSID)("other"))
    for waiter in (old, new, other):
        node.km.links.kmlinks[BC].enqueue(waiter, 0, START)
    node.tell(hop(B, (A, B, C), epoch=2))
    assert [waiter.fate for waiter in (old, new, other)] == [["dropped"], [], []]


# --- whose session --------------------------------------------------------------------------------------------------


def test_only_the_sae_that_opened_it_may_use_or_close_a_session() -> None:
    node = Node().operative()
    assert [told.reason for told in sent(node.tell(ask(PEER)), KeyRefused)] == [Reason.NOT_ALLOWED]
    assert node.tell(CloseSession(KSID, PEER)) == []
    assert node.tell(CloseSession(type(KSID)("unknown"), SAE)) == []
    assert node.km.sessions.desk(KSID)
    unknown = replace(ask(), ksid="unknown")
    assert [told.reason for told in sent(node.tell(unknown), KeyRefused)] == [Reason.SESSION_UNKNOWN]


# --- the end --------------------------------------------------------------------------------------------------------


@invariant("S1")
def test_a_closed_session_is_forgotten_at_admissions_word() -> None:
    node = Node().operative()
    node.tell(CLOSE)
    assert node.km.sessions.desk(KSID) is None
    effects = node.tell(DELETE)
    assert sent(effects, SessionEnded)
    assert sent(effects, SessionDeleted)
    assert node.is_empty()


@invariant("S1")
def test_a_closed_session_is_forgotten_though_admission_stays_silent() -> None:
    node = Node().operative()
    node.tell(CLOSE)
    effects = node.tell(SessionOverdue(node.open_id), now=later(CONTROL_PATIENCE))
    assert node.is_empty()
    assert saved(effects, HopForgotten)
    assert set(started(effects)) == {f"{KSID}/tombstone"}


@invariant("S1")
@pytest.mark.parametrize("name", ["a", "b"])
def test_a_session_that_admission_does_not_renew_is_over(name: str) -> None:
    node = Node("a").operative() if name == "a" else Node("b")
    if name == "b":
        node.tell(hop(B, (A, B, C)))
    effects = node.tell(LeaseOverdue(KSID), now=later(seconds(60)))
    assert node.is_empty()
    assert published(effects, SessionOver) == [SessionOver(node.node, KSID, "inactive")]


@invariant("S3")
def test_deletion_while_closing_and_deletion_again() -> None:
    node = Node().operative()
    node.tell(CLOSE, DELETE)
    for _ in range(2):
        effects = node.tell(DELETE)
        assert [type(effect).__name__ for effect in effects] == ["Send"]
        assert sent(effects, SessionDeleted)


@invariant("S3")
def test_deletion_of_an_older_route_leaves_the_session_on_its_newer_one() -> None:
    node = Node().operative()
    node.tell(node.configuration(epoch=2))
    assert sent(node.tell(DELETE), SessionDeleted)
    assert node.km.sessions.desk(KSID)


def test_a_route_that_comes_while_the_session_closes_does_not_open_it_again() -> None:
    node = Node().operative()
    node.tell(CLOSE, node.configuration(epoch=2))
    assert node.km.sessions.desk(KSID) is None
    assert saved(node.restart(), SessionKept) == []
    assert node.km.sessions.known[KSID].state is State.CLOSING
    node.tell(replace(DELETE, epoch=2))
    assert node.is_empty()


# --- restart --------------------------------------------------------------------------------------------------------


def test_an_operative_session_goes_on_after_a_restart_with_an_empty_bucket() -> None:
    node = Node().operative()
    effects = node.restart(later(seconds(9)))
    assert node.km.sessions.desk(KSID)
    assert sent(effects, SessionOpened) == []
    (refusal,) = sent(node.tell(ask(), now=later(seconds(9))), KeyRefused)
    assert refusal.reason is Reason.RATE_EXCEEDED
    assert sent(node.tell(OPEN), SessionOpened)


@invariant("S1")
def test_a_closing_session_goes_on_closing_after_a_restart() -> None:
    node = Node().operative()
    node.tell(CLOSE)
    effects = node.restart()
    assert node.km.sessions.desk(KSID) is None
    assert sent(effects, SessionClosing)
    node.tell(DELETE)
    assert node.is_empty()


@invariant("S1")
def test_a_session_that_was_being_opened_is_given_back_after_a_restart() -> None:
    node = Node().registered()
    name = node.open_id
    assert sent(node.restart(), ConfigureSession) == []
    assert sent(node.tell(SessionAccepted(name, KSID)), SessionClosing)
    assert node.is_empty()


@invariant("S1")
def test_a_route_without_its_session_is_given_back_after_a_restart() -> None:
    node = Node().operative()
    node.journal = [record for record in node.journal if not isinstance(record, SessionKept)]
    effects = node.restart()
    assert sent(effects, SessionClosing)
    assert node.is_empty()


def test_a_deleted_session_does_not_come_back_after_a_restart() -> None:
    node = Node().operative()
    node.tell(DELETE)
    node.restart()
    assert node.is_empty()
    assert node.km.forwarding.tombstones == {KSID: 1}
