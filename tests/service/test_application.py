"""The emulated SAE: what it sends for what it is told, and what it keeps of the keys it gets."""

from __future__ import annotations

from typing import Final

import pytest

from keytwin.service.app_session import APP_TABLE, MOST_OPENINGS, AppSession, OpenAgain, Stage
from keytwin.service.application import Application
from keytwin.service.encoding import DIGEST_OCTETS, SALT_OCTETS
from keytwin.service.key_requests import (
    MOST_KEYS,
    MOST_TRIES,
    MOST_WAITING,
    AskAgain,
    KeysAnnounced,
    NextRequest,
    WaitedTooLong,
)
from keytwin.vocabulary.errors import Oversize, UnexpectedMessage, Violation
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Message, Send, StartTimer, StopTimer
from keytwin.vocabulary.operator_messages import AskForKeys, CutQuantumChannel, StartSession, StopSession
from keytwin.vocabulary.session_messages import (
    CloseSession,
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Duration, Instant, after, seconds
from tests.machines import assert_replayable, assert_table_is_total

APP: Final = AppId("app01")
ALICE: Final = SaeId("app01-a")
BOB: Final = SaeId("app01-b")
KM: Final = ElementName("km/km0")
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
SALT: Final = bytes(range(SALT_OCTETS))
ADJACENT: Final = Provenance(Method.ADJACENT, 1)
ONCE: Final = Duration(0)


def fresh(sae: SaeId = ALICE, peer: SaeId = BOB) -> Application:
    application = Application(sae, NodeId("km0"), {APP: peer}, SALT)
    assert application.restore([], START) == []
    return application


def sent(effects: list[Effect], kind: type[Message]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send) and isinstance(effect.message, kind)]


def the_open(effects: list[Effect]) -> OpenSession:
    (message,) = sent(effects, OpenSession)
    assert isinstance(message, OpenSession)
    return message


def the_get(effects: list[Effect]) -> GetKey:
    (message,) = sent(effects, GetKey)
    assert isinstance(message, GetKey)
    return message


def the_fetch(effects: list[Effect]) -> GetKeyById:
    (message,) = sent(effects, GetKeyById)
    assert isinstance(message, GetKeyById)
    return message


def timers(effects: list[Effect]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, StartTimer)]


def opened(request_id: str, ksid: Ksid = KSID) -> SessionOpened:
    return SessionOpened(request_id, ksid, Bits(256), BitsPerSecond(1000), Bits(16000), hops=2)


def with_open_session() -> Application:
    application = fresh()
    request = the_open(application.receive(StartSession(APP), START))
    application.receive(opened(request.request_id), Instant(5))
    return application


def keys(*octets: bytes) -> tuple[Key, ...]:
    return tuple(Key(KeyId(f"key-{each.hex()}"), KeyMaterial(bytearray(each)), ADJACENT) for each in octets)


def ask(number: int = 1, times: int = 1, every: Duration = ONCE, size: Bits | None = None) -> AskForKeys:
    return AskForKeys(APP, number, size, times, every)


def state(application: Application) -> str:
    return application.sessions[APP].state.value


# --- the session ------------------------------------------------------------------------------------------------------


def test_opens_at_its_key_manager_and_repeats_until_it_is_open() -> None:
    application = fresh()
    effects = application.receive(StartSession(APP), START)
    request = the_open(effects)
    assert effects[0] == Send(KM, OpenSession(request.request_id, ElementName("sae/app01-a"), APP, ALICE, BOB))
    assert timers(effects) == [OpenAgain(APP)]
    assert the_open(application.receive(OpenAgain(APP), Instant(1))) == request
    application.receive(opened(request.request_id), Instant(5))
    session = application.sessions[APP]
    assert (session.started_at, session.opened_at, session.ksid, session.hops) == (START, Instant(5), KSID, 2)
    assert application.receive(OpenAgain(APP), Instant(6)) == []


def test_tries_again_after_the_time_a_refusal_names_and_gives_up_in_the_end() -> None:
    application = fresh()
    request = the_open(application.receive(StartSession(APP), START))
    for opening in range(2, MOST_OPENINGS + 1):
        refusal = SessionRefused(request.request_id, Reason.NO_ROUTE, seconds(3))
        (again,) = application.receive(refusal, START)
        assert again == StartTimer("open/app01", seconds(3), OpenAgain(APP))
        request, before = the_open(application.receive(OpenAgain(APP), START)), request
        assert request.request_id != before.request_id, opening
    application.receive(SessionRefused(request.request_id, Reason.NO_ROUTE, seconds(3)), START)
    assert state(application) == Stage.CLOSED
    assert application.sessions[APP].ended == "no route now"


def test_a_refusal_without_a_time_is_final() -> None:
    application = fresh()
    request = the_open(application.receive(StartSession(APP), START))
    application.receive(SessionRefused(request.request_id, Reason.NOT_ALLOWED, Duration(0)), START)
    assert (state(application), application.sessions[APP].ended) == (Stage.CLOSED, "not allowed")


def test_closes_what_it_has_opened() -> None:
    application = with_open_session()
    effects = application.receive(StopSession(APP), Instant(9))
    assert effects[0] == Send(KM, CloseSession(KSID, ALICE))
    assert application.sessions[APP].ended == "closed"
    assert application.receive(SessionEnded(KSID, Reason.CLOSED), Instant(10)) == []


def test_an_opening_that_its_own_stop_overtook_is_closed_again() -> None:
    application = fresh()
    request = the_open(application.receive(StartSession(APP), START))
    assert sent(application.receive(StopSession(APP), Instant(1)), CloseSession) == []
    assert application.receive(opened(request.request_id), Instant(2)) == [Send(KM, CloseSession(KSID, ALICE))]
    application.receive(StartSession(APP), Instant(3))
    stale = application.receive(opened(request.request_id), Instant(4))
    assert stale == [Send(KM, CloseSession(KSID, ALICE))]
    assert state(application) == Stage.OPENING


def test_knows_its_session_while_the_peer_is_missing() -> None:
    application = fresh()
    request = the_open(application.receive(StartSession(APP), START))
    application.receive(SessionRegistered(request.request_id, KSID), Instant(1))
    assert application.receive(StopSession(APP), Instant(2))[0] == Send(KM, CloseSession(KSID, ALICE))


def test_a_session_that_the_network_ends_takes_the_waiting_errands_along() -> None:
    application = with_open_session()
    application.receive(ask(times=5, every=seconds(1)), Instant(6))
    application.receive(SessionEnded(KSID, Reason.UNAVAILABLE), Instant(7))
    assert application.sessions[APP].ended == "temporarily unavailable"
    assert application.receive(NextRequest(APP, 1), Instant(8)) == []


def test_a_restarted_application_repeats_no_identifier() -> None:
    first, second = fresh(), Application(ALICE, NodeId("km0"), {APP: BOB}, SALT)
    second.restore([], Instant(seconds(1)))
    before = the_open(first.receive(StartSession(APP), START))
    again = the_open(second.receive(StartSession(APP), Instant(seconds(1))))
    assert before.request_id != again.request_id


# --- as master --------------------------------------------------------------------------------------------------------


def test_what_is_asked_before_the_session_is_open_waits_for_it() -> None:
    application = fresh()
    assert application.receive(ask(number=3), START) == []
    request = the_open(application.receive(StartSession(APP), START))
    get = the_get(application.receive(opened(request.request_id), Instant(5)))
    assert (get.ksid, get.sae, get.number, get.size) == (KSID, ALICE, 3, None)


def test_the_next_request_follows_the_answer_when_no_interval_is_given() -> None:
    application = with_open_session()
    get = the_get(application.receive(ask(times=2), Instant(6)))
    second = the_get(application.receive(KeyDelivered(get.request_id, keys(b"1" * 32)), Instant(7)))
    last = application.receive(KeyDelivered(second.request_id, keys(b"2" * 32)), Instant(8))
    assert sent(last, GetKey) == []
    assert application.book(APP).waits == [1, 1]
    assert application.requests[APP].errands == {}


def test_requests_with_an_interval_do_not_wait_for_answers_but_are_bounded() -> None:
    application = with_open_session()
    made = [the_get(application.receive(ask(times=MOST_WAITING + 2, every=seconds(1)), START))]
    made += [the_get(application.receive(NextRequest(APP, 1), START)) for _ in range(MOST_WAITING - 1)]
    assert application.receive(NextRequest(APP, 1), START) == []
    caught_up = application.receive(KeyDelivered(made[0].request_id, keys(b"1" * 32)), START)
    the_get(caught_up)
    assert NextRequest(APP, 1) in timers(caught_up)
    assert application.book(APP).asked == MOST_WAITING + 1


def test_a_refused_request_is_repeated_after_the_time_named_and_not_for_ever() -> None:
    application = with_open_session()
    get = the_get(application.receive(ask(), START))
    for _ in range(MOST_TRIES - 1):
        refused = application.receive(KeyRefused(get.request_id, Reason.RATE_EXCEEDED, seconds(2)), START)
        assert timers(refused) == [AskAgain(APP, get.request_id)]
        get = the_get(application.receive(AskAgain(APP, get.request_id), START))
    application.receive(KeyRefused(get.request_id, Reason.RATE_EXCEEDED, seconds(2)), START)
    assert application.book(APP).refused == 1
    assert application.requests[APP].asking == {}


def test_a_request_refused_for_good_lets_the_errand_go_on() -> None:
    application = with_open_session()
    get = the_get(application.receive(ask(times=2), START))
    the_get(application.receive(KeyRefused(get.request_id, Reason.TOO_LARGE, Duration(0)), START))
    assert (application.book(APP).refused, application.book(APP).asked) == (1, 2)


def test_a_wait_that_outlives_the_session_ends_in_a_refusal() -> None:
    application = with_open_session()
    get = the_get(application.receive(ask(), START))
    application.receive(KeyRefused(get.request_id, Reason.RATE_EXCEEDED, seconds(2)), START)
    application.receive(SessionEnded(KSID, Reason.INACTIVE), START)
    assert sent(application.receive(AskAgain(APP, get.request_id), START), GetKey) == []
    assert application.book(APP).refused == 1


def test_what_was_never_asked_is_refused_with_the_session() -> None:
    application = with_open_session()
    the_get(application.receive(ask(number=2, times=5, every=seconds(1)), START))
    application.receive(SessionEnded(KSID, Reason.NO_ROUTE), START)
    book, requests = application.book(APP), application.requests[APP]
    assert (book.asked, book.refused, requests.unanswered) == (10, 8, 2)
    application.receive(ask(number=2, times=5), START)
    assert (requests.held, requests.unanswered) == (10, 12)


def test_what_waited_for_a_session_that_never_opened_is_refused_with_it() -> None:
    application = fresh()
    request = the_open(application.receive(StartSession(APP), START))
    application.receive(ask(number=2, times=5), START)
    application.receive(SessionRefused(request.request_id, Reason.NO_ROUTE, seconds(9)), START)
    assert application.requests[APP].held == 10
    application.receive(StopSession(APP), START)
    book = application.book(APP)
    assert (book.asked, book.refused, application.requests[APP].unanswered) == (10, 10, 0)
    assert application.sessions[APP].ended == Reason.NO_ROUTE


def test_a_request_that_was_put_off_goes_before_fresh_ones() -> None:
    application = with_open_session()
    first = the_get(application.receive(ask(times=4, every=seconds(1)), START))
    refusal = KeyRefused(first.request_id, Reason.RATE_EXCEEDED, seconds(3))
    assert AskAgain(APP, first.request_id) in timers(application.receive(refusal, Instant(1)))
    for at in (2, 3):
        assert sent(application.receive(NextRequest(APP, 1), Instant(at)), GetKey) == []
    again = the_get(application.receive(AskAgain(APP, first.request_id), Instant(4)))
    assert sent(application.receive(AskAgain(APP, first.request_id), Instant(4)), GetKey) == []
    assert sent(application.receive(NextRequest(APP, 1), Instant(5)), GetKey) == []
    second = the_get(application.receive(KeyDelivered(again.request_id, keys(b"1" * 32)), Instant(6)))
    the_get(application.receive(KeyDelivered(second.request_id, keys(b"2" * 32)), Instant(7)))
    assert application.book(APP).waits == [6, 5]
    assert application.book(APP).throttled == 1
    assert application.requests[APP].unanswered == 2


def test_keys_that_come_after_the_application_gave_up_are_wiped_and_not_counted() -> None:
    application = with_open_session()
    get = the_get(application.receive(ask(), START))
    application.receive(WaitedTooLong(APP, get.request_id), START)
    late = keys(b"1" * 32)
    assert application.receive(KeyDelivered(get.request_id, late), START) == []
    assert late[0].material.is_wiped
    assert application.book(APP).as_master == {}


def test_another_number_of_keys_than_asked_is_a_violation() -> None:
    application = with_open_session()
    get = the_get(application.receive(ask(number=2), START))
    with pytest.raises(Violation, match="asked for 2 keys and got 1"):
        application.receive(KeyDelivered(get.request_id, keys(b"1" * 32)), START)


def test_errands_are_bounded() -> None:
    application = with_open_session()
    with pytest.raises(Oversize):
        application.receive(ask(number=1_000, times=MOST_KEYS), START)


# --- both roles -------------------------------------------------------------------------------------------------------


def test_the_slave_fetches_what_the_master_announces_and_both_keep_equal_digests() -> None:
    master, slave = with_open_session(), fresh(BOB, ALICE)
    get = the_get(master.receive(ask(number=2), START))
    effects = master.receive(KeyDelivered(get.request_id, keys(b"1" * 32, b"2" * 32)), Instant(9))
    (told,) = sent(effects, KeysAnnounced)
    assert Send(ElementName("sae/app01-b"), told) in effects
    fetch = the_fetch(slave.receive(told, Instant(10)))
    copies = keys(b"1" * 32, b"2" * 32)
    assert fetch.key_ids == tuple(key.key_id for key in copies)
    (stopped,) = slave.receive(KeyDelivered(fetch.request_id, copies), Instant(11))
    assert isinstance(stopped, StopTimer)
    assert slave.book(APP).as_slave == master.book(APP).as_master
    assert len(set(slave.book(APP).as_slave.values())) == 2
    assert slave.book(APP).last_answer == Instant(11)
    assert all(copy.material.is_wiped for copy in copies)


def test_an_announcement_that_comes_twice_is_fetched_once() -> None:
    slave = fresh(BOB, ALICE)
    told = KeysAnnounced(APP, (KeyId("key-1"),))
    fetch = the_fetch(slave.receive(told, START))
    assert slave.receive(told, START) == []
    slave.receive(KeyDelivered(fetch.request_id, (Key(KeyId("key-1"), KeyMaterial(bytearray(32)), ADJACENT),)), START)
    assert slave.receive(told, START) == []


def test_a_refused_fetch_is_repeated_when_that_is_of_use() -> None:
    slave = fresh(BOB, ALICE)
    fetch = the_fetch(slave.receive(KeysAnnounced(APP, (KeyId("key-1"),)), START))
    slave.receive(KeyRefused(fetch.request_id, Reason.UNAVAILABLE, seconds(1)), START)
    again = the_fetch(slave.receive(AskAgain(APP, fetch.request_id), after(START, seconds(1))))
    assert again.key_ids == fetch.key_ids
    slave.receive(KeyRefused(again.request_id, Reason.KEY_UNKNOWN, Duration(0)), START)
    assert slave.book(APP).refused == 1


def test_a_key_that_comes_twice_is_noticed() -> None:
    application = with_open_session()
    for _ in range(2):
        get = the_get(application.receive(ask(), START))
        application.receive(KeyDelivered(get.request_id, keys(b"1" * 32)), START)
    assert application.book(APP).repeated == 1


def test_digests_depend_on_the_key_and_on_the_salt() -> None:
    books = []
    for salt, octets in [(SALT, b"1" * 32), (SALT, b"2" * 32), (SALT[::-1], b"1" * 32)]:
        slave = Application(BOB, NodeId("km1"), {APP: ALICE}, salt)
        fetch = the_fetch(slave.receive(KeysAnnounced(APP, (KeyId("key-1"),)), START))
        key = Key(KeyId("key-1"), KeyMaterial(bytearray(octets)), ADJACENT)
        slave.receive(KeyDelivered(fetch.request_id, (key,)), START)
        books.append(slave.book(APP).as_slave[KeyId("key-1")])
    assert len(set(books)) == 3
    assert {len(digest) for digest in books} == {DIGEST_OCTETS}


def test_what_is_no_business_of_an_application_is_refused() -> None:
    with pytest.raises(UnexpectedMessage, match="CutQuantumChannel"):
        fresh().receive(CutQuantumChannel(LinkId("km0--km1")), START)


# --- the machine ------------------------------------------------------------------------------------------------------


def test_every_stage_says_what_it_does_with_each_message() -> None:
    told = (StartSession, StopSession, OpenAgain)
    answers = (SessionRegistered, SessionOpened, SessionRefused, SessionEnded)
    assert_table_is_total(APP_TABLE, (*told, *answers), AppSession)


def test_equal_messages_give_equal_effects() -> None:
    request = the_open(fresh().receive(StartSession(APP), START)).request_id
    get = the_get(with_open_session().receive(ask(), START)).request_id
    told = KeysAnnounced(APP, (KeyId("key-1"),))
    inputs: list[Message] = [StartSession(APP), opened(request), ask(times=2), told, StopSession(APP)]
    inputs.insert(3, KeyDelivered(get, keys(b"1" * 32)))
    assert_replayable(lambda: Application(ALICE, NodeId("km0"), {APP: BOB}, SALT), [(each, START) for each in inputs])
