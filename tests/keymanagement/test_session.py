"""The session machine at a key manager: paper B, Fig. 2a, with an exit from every state (S4)."""

from __future__ import annotations

import pytest

from keytwin.keymanagement.desk import RequestOverdue
from keytwin.keymanagement.pool import Batch
from keytwin.keymanagement.session import (
    ASK_AGAIN,
    CONTROL_PATIENCE,
    SESSION_TABLE,
    WAIT_AGAIN,
    LeaseLost,
    Session,
    SessionOverdue,
    State,
    begin,
    close_again,
    standing,
)
from keytwin.vocabulary.events import SessionConfigured, SessionOver, UserAuthenticated
from keytwin.vocabulary.exchange_messages import AssignKeys, GetKey, KeyRefused, KeysFailed, KeysStored
from keytwin.vocabulary.identity import AppId, KeyId, UserId, sae_element
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Message, StopTimer
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    CloseSession,
    ConfigurationRefused,
    ConfigureHop,
    ConfigureSession,
    DeleteSession,
    OpenSession,
    Reason,
    SessionAccepted,
    SessionClosing,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
    UserAccepted,
    UserRefused,
)
from keytwin.vocabulary.units import Duration, Instant, minutes, seconds
from tests.keymanagement.parts import KSID, PEER, SAE, START, A, B, hop, later, published, sent, started
from tests.keymanagement.test_workshop import workshop
from tests.machines import assert_every_state_has_exits, assert_table_is_total
from tests.marks import invariant

OPEN_ID = "open a"
OPEN = OpenSession("open", sae_element(SAE), AppId("app"), SAE, PEER)
ACCEPTED = UserAccepted(OPEN_ID, UserId("alice"))
REGISTERED = SessionAccepted(OPEN_ID, KSID)
CONFIGURE = hop()
OVERDUE = SessionOverdue(OPEN_ID)
CLOSE = CloseSession(KSID, SAE)
DELETE = DeleteSession(KSID, 1, Reason.INACTIVE)
LOST = LeaseLost(KSID)
ASK = GetKey("r", sae_element(SAE), KSID, SAE, 1, None, seconds(5))
STORED = KeysStored(B, KSID, 1, onward=False, batch_id="batch")
FAILED = KeysFailed(B, KSID, 1, onward=False, batch_id="batch", reason=Reason.KEY_UNAVAILABLE)
TIMER = f"session/{OPEN_ID}"

WAYS: dict[State, tuple[Message, ...]] = {
    State.AUTHENTICATING: (),
    State.ACCEPTED: (ACCEPTED, REGISTERED),
    State.OPERATIVE: (ACCEPTED, REGISTERED, CONFIGURE),
    State.EXCHANGING: (ACCEPTED, REGISTERED, CONFIGURE, ASK),
    State.CLOSING: (ACCEPTED, REGISTERED, CONFIGURE, CLOSE),
    State.TERMINATED: (ACCEPTED, REGISTERED, CONFIGURE, DELETE),
}


def session(*messages: Message) -> Session:
    """Return a session at A after some messages; what it asks for waits, as there is no key."""
    made = workshop(stock=0)
    made.forwarding.on_configure_hop(CONFIGURE, START)
    opened = Session(OPEN, OPEN_ID, A, made, START, minutes(1))
    begin(opened)
    for message in messages:
        opened.receive(message, START)
    return opened


def at(state: State) -> Session:
    opened = session(*WAYS[state])
    assert opened.state is state
    return opened


def outcome(state: State, message: Message, wait: Duration = Duration(0)) -> tuple[Session, list[Effect]]:
    opened = at(state)
    return opened, opened.receive(message, later(wait))


def is_over(opened: Session) -> bool:
    return opened.state is State.TERMINATED


@invariant("S4")
def test_every_state_has_a_time_out_and_an_error_exit() -> None:
    errors: list[type[Message]] = [UserRefused, ConfigurationRefused, DeleteSession]
    assert_every_state_has_exits(SESSION_TABLE, timeouts=[SessionOverdue, LeaseLost], errors=errors)


def test_every_message_is_answered_or_ignored_in_every_state() -> None:
    messages: list[type[Message]] = [
        UserAccepted,
        UserRefused,
        SessionAccepted,
        ConfigurationRefused,
        ConfigureHop,
        DeleteSession,
        SessionOverdue,
        CloseSession,
        GetKey,
        KeysStored,
        KeysFailed,
        RequestOverdue,
        LeaseLost,
    ]
    assert_table_is_total(SESSION_TABLE, messages, Session)


# --- opening --------------------------------------------------------------------------------------------------------


def test_a_session_begins_with_access_control() -> None:
    effects = begin(session())
    (asked,) = sent(effects, AuthenticateUser)
    assert (asked.node, asked.app, asked.sae, asked.peer) == (A, "app", SAE, PEER)
    assert started(effects) == {TIMER: ASK_AGAIN}


def test_an_accepted_user_is_configured_by_admission() -> None:
    opened, effects = outcome(State.AUTHENTICATING, ACCEPTED)
    assert opened.state is State.ACCEPTED
    (wanted,) = sent(effects, ConfigureSession)
    assert (wanted.user, wanted.open_id, wanted.node) == ("alice", OPEN_ID, A)
    assert published(effects, UserAuthenticated)


def test_a_refused_user_is_told() -> None:
    opened, effects = outcome(State.AUTHENTICATING, UserRefused(OPEN_ID, Reason.NOT_ALLOWED))
    assert opened.state is State.TERMINATED
    assert sent(effects, SessionRefused) == [SessionRefused("open", Reason.NOT_ALLOWED, Duration(0))]


def test_the_first_end_learns_its_ksid_once() -> None:
    opened = session(ACCEPTED)
    assert sent(opened.receive(REGISTERED, START), SessionRegistered) == [SessionRegistered("open", KSID)]
    again = opened.receive(REGISTERED, START)
    assert sent(again, SessionRegistered) == []
    assert started(again) == {TIMER: WAIT_AGAIN}


def test_a_configured_session_is_operative_and_fills_its_pool() -> None:
    opened, effects = outcome(State.ACCEPTED, CONFIGURE)
    assert opened.state is State.OPERATIVE
    (told,) = sent(effects, SessionOpened)
    assert (told.ksid, told.key_size, told.rate, told.burst, told.hops) == (KSID, 256, 10_000, 100_000, 1)
    assert published(effects, SessionConfigured) == [SessionConfigured(A, KSID, 1, AppId("app"))]
    assert opened.workshop.makings
    assert StopTimer(TIMER) in effects


def test_a_configuration_refused_is_told_with_when_to_try_again() -> None:
    refusal = ConfigurationRefused(OPEN_ID, Reason.NO_ROUTE, seconds(10))
    opened, effects = outcome(State.ACCEPTED, refusal)
    assert opened.state is State.TERMINATED
    assert sent(effects, SessionRefused) == [SessionRefused("open", Reason.NO_ROUTE, seconds(10))]


@pytest.mark.parametrize(
    ("state", "question", "patience"),
    [
        (State.AUTHENTICATING, AuthenticateUser, CONTROL_PATIENCE),
        (State.ACCEPTED, ConfigureSession, minutes(1)),
        (State.CLOSING, SessionClosing, CONTROL_PATIENCE),
    ],
)
def test_a_question_is_repeated_until_patience_ends(state: State, question: type[Message], patience: Duration) -> None:
    opened = at(state)
    asked, now = 0, START
    while opened.state is state:
        now = Instant(now + ASK_AGAIN)
        effects = opened.receive(OVERDUE, now)
        asked += len(sent(effects, question))
    assert opened.state is State.TERMINATED
    assert now == START + patience
    assert asked >= patience // ASK_AGAIN - 1


def test_an_sae_that_waited_in_vain_hears_so_and_admission_too() -> None:
    _, effects = outcome(State.ACCEPTED, OVERDUE, minutes(1))
    (told,) = sent(effects, SessionRefused)
    assert told.reason is Reason.TIMED_OUT
    assert told.retry_after > 0
    assert [closing.reason for closing in sent(effects, SessionClosing)] == [Reason.TIMED_OUT]


def test_who_opens_again_hears_how_far_it_has_come() -> None:
    told = {state: [type(each).__name__ for each in sent(standing(at(state)), Message)] for state in State}
    assert told == {
        State.AUTHENTICATING: [],
        State.ACCEPTED: ["SessionRegistered"],
        State.OPERATIVE: ["SessionOpened"],
        State.EXCHANGING: ["SessionOpened"],
        State.CLOSING: [],
        State.TERMINATED: [],
    }


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.AUTHENTICATING, Reason.PEER_NOT_CONNECTED),
        (State.ACCEPTED, Reason.PEER_NOT_CONNECTED),
        (State.CLOSING, Reason.SESSION_UNKNOWN),
        (State.TERMINATED, Reason.SESSION_UNKNOWN),
    ],
)
def test_keys_are_refused_while_the_session_is_not_operative(state: State, reason: Reason) -> None:
    opened, effects = outcome(state, ASK)
    assert [told.reason for told in sent(effects, KeyRefused)] == [reason]
    assert opened.state is state


def test_a_session_is_exchanging_while_a_request_waits() -> None:
    opened = at(State.EXCHANGING)
    opened.receive(RequestOverdue(KSID, "r"), later(seconds(5)))
    assert opened.state is State.OPERATIVE


@pytest.mark.parametrize("message", [STORED, FAILED])
def test_the_outcome_of_a_batch_leaves_a_waiting_request_waiting(message: Message) -> None:
    opened, _ = outcome(State.EXCHANGING, message)
    assert opened.state is State.EXCHANGING


def test_a_new_route_replaces_the_old_one_without_a_word_to_the_sae() -> None:
    opened = at(State.EXCHANGING)
    wanted = hop(epoch=2)
    opened.workshop.forwarding.on_configure_hop(wanted, START)
    effects = opened.receive(wanted, START)
    assert sent(effects, SessionOpened) == []
    assert opened.state is State.EXCHANGING
    assert opened.workshop.orders[KSID].epoch == 2
    assert sent(effects, AssignKeys) == []  # there is no key


# --- the end --------------------------------------------------------------------------------------------------------


def nothing_left(opened: Session) -> bool:
    made = opened.workshop
    return not (made.orders or made.makings or any(len(link.queue) for link in made.links.values()))


@invariant("S1")
@pytest.mark.parametrize("state", [State.OPERATIVE, State.EXCHANGING])
def test_a_closed_session_frees_everything_and_tells_admission_until_it_says_so(state: State) -> None:
    opened, effects = outcome(state, CLOSE)
    assert opened.state is State.CLOSING
    assert sent(effects, SessionClosing) == [SessionClosing(KSID, A, Reason.CLOSED)]
    assert nothing_left(opened)
    effects = opened.receive(DELETE, START)
    assert is_over(opened)
    assert sent(effects, SessionEnded) == [SessionEnded(KSID, Reason.CLOSED)]
    assert published(effects, SessionOver) == [SessionOver(A, KSID, "closed")]


@invariant("S1")
@pytest.mark.parametrize("state", [State.OPERATIVE, State.EXCHANGING, State.CLOSING])
@pytest.mark.parametrize("message", [DELETE, LOST])
def test_the_end_leaves_nothing(state: State, message: Message) -> None:
    opened, effects = outcome(state, message)
    assert opened.state is State.TERMINATED
    assert nothing_left(opened)
    assert sent(effects, SessionEnded)
    assert not any(name == TIMER or name.startswith("request/") for name in started(effects))


def test_a_lost_lease_is_told_to_admission() -> None:
    _, effects = outcome(State.OPERATIVE, LOST)
    assert sent(effects, SessionClosing) == [SessionClosing(KSID, A, Reason.INACTIVE)]
    assert sent(effects, SessionEnded) == [SessionEnded(KSID, Reason.INACTIVE)]


def test_a_session_that_waits_for_its_peer_can_be_closed() -> None:
    opened, effects = outcome(State.ACCEPTED, CLOSE)
    assert opened.state is State.CLOSING
    assert sent(effects, SessionClosing)
    opened.receive(ConfigurationRefused(OPEN_ID, Reason.CLOSED, Duration(0)), START)
    assert is_over(opened)


def test_one_that_admission_has_not_answered_yet_just_ends() -> None:
    opened = session(ACCEPTED)
    effects = opened.receive(CLOSE, START)
    assert opened.state is State.TERMINATED
    assert sent(effects, SessionRefused)


@invariant("S1")
@pytest.mark.parametrize("message", [DELETE, LOST, OVERDUE])
def test_keys_that_came_while_it_was_closing_are_wiped_at_the_end(message: Message) -> None:
    opened = at(State.CLOSING)
    material = KeyMaterial(bytearray(8))
    provenance = Provenance(Method.ADJACENT, 1)
    opened.workshop.shelf.add(Batch("late", KSID, SAE, {KeyId("k"): material}, provenance, later(minutes(10))))
    opened.receive(message, later(CONTROL_PATIENCE))
    assert opened.state is State.TERMINATED
    assert material.is_wiped


def test_closing_goes_on_after_a_restart() -> None:
    opened = session()
    opened.ksid = KSID
    effects = close_again(opened, START)
    assert opened.state is State.CLOSING
    assert sent(effects, SessionClosing)
    assert started(effects) == {TIMER: ASK_AGAIN}
    opened.receive(OVERDUE, later(CONTROL_PATIENCE))
    assert is_over(opened)


@pytest.mark.parametrize("message", [ACCEPTED, REGISTERED, CONFIGURE, OVERDUE, CLOSE, DELETE, STORED, FAILED, LOST])
def test_what_comes_after_the_end_has_no_effect(message: Message) -> None:
    opened, effects = outcome(State.TERMINATED, message)
    assert (opened.state, effects) == (State.TERMINATED, [])
