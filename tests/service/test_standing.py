"""The standing session of an SAE that runs outside: there from the start, and back whenever it is over."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.app_session import OPEN_REPEAT
from keytwin.service.standing import (
    COME_AGAIN,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_UNANSWERED,
    STANDING_TABLE,
    STEADY,
    Phase,
    Standing,
    StandingDue,
    StandingSession,
)
from keytwin.vocabulary.blueprint import Endpoint
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.exchange_messages import (
    DescribePool,
    GetKey,
    GetPoolStatus,
    GetSharedKey,
    KeyRefused,
    PoolUnknown,
)
from keytwin.vocabulary.identity import AppId, ElementName, KmId, Ksid, NodeId, SaeId
from keytwin.vocabulary.machine import Effect, Message, Send, StartTimer
from keytwin.vocabulary.session_messages import (
    CloseSession,
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, after, milliseconds, minutes, seconds
from tests.machines import (
    assert_bounded,
    assert_every_state_has_exits,
    assert_replayable,
    assert_restorable,
    assert_table_is_total,
)
from tests.marks import clause, invariant

APP: Final = AppId("app01")
ALICE: Final = SaeId("app01-a")
BOB: Final = SaeId("app01-b")
KM: Final = ElementName("km/km0")
FACE: Final = ElementName("face/km0")
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
OTHER: Final = Ksid("22222222-2222-4222-8222-222222222222")
NAME: Final = "standing/app01"
TOLD: Final = (SessionRegistered, SessionOpened, SessionRefused, SessionEnded)
BEGIN: Final = Instant(seconds(100))
HOPELESS: Final = Duration(0)

OPEN: Final = OpenSession(NAME, ElementName("sae/app01-a"), APP, ALICE, BOB)
REGISTERED: Final = SessionRegistered(NAME, KSID)
OPENED: Final = SessionOpened(NAME, KSID, Bits(256), BitsPerSecond(64_000), Bits(256_000), hops=2)
ENDED: Final = SessionEnded(KSID, Reason.INACTIVE)
DUE: Final = StandingDue(APP)
STATUS: Final = GetPoolStatus("r1", FACE, ALICE, BOB)
WISH: Final = GetSharedKey("r1", FACE, ALICE, BOB, 2, None, seconds(2))

WAYS: Final[dict[Phase, tuple[Message, ...]]] = {
    Phase.WAITING: (OPENED, ENDED),
    Phase.OPENING: (),
    Phase.REGISTERED: (REGISTERED,),
    Phase.OPEN: (OPENED,),
}


def refused(reason: Reason = Reason.NO_ROUTE, retry_after: Duration = HOPELESS) -> SessionRefused:
    return SessionRefused(NAME, reason, retry_after)


def unstarted() -> Standing:
    return Standing(ALICE, NodeId("km0"), {APP: Endpoint(BOB, NodeId("km4"))})


def standing(*messages: Message) -> Standing:
    """Return the machine after these messages, all at the instant of its start."""
    sae = unstarted()
    sae.restore([], BEGIN)
    for message in messages:
        sae.receive(message, BEGIN)
    return sae


def at(phase: Phase) -> Standing:
    sae = standing(*WAYS[phase])
    assert phase_of(sae) is phase
    return sae


def phase_of(sae: Standing) -> object:
    return sae.sessions[APP].state


def sent(effects: list[Effect]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def wait_of(effects: list[Effect]) -> Duration:
    (timer,) = (effect for effect in effects if isinstance(effect, StartTimer))
    assert timer.message == DUE
    return timer.after


def refusal_of(effects: list[Effect]) -> KeyRefused:
    (told,) = (message for message in sent(effects) if isinstance(message, KeyRefused))
    return told


def later(span: int) -> Instant:
    return after(BEGIN, span)


# --- the way to a session -------------------------------------------------------------------------------------------


@clause("ETSI GS QKD 014 V1.1.1", "5.1")
def test_asks_for_its_session_from_the_start_and_repeats_until_it_is_answered() -> None:
    sae = unstarted()
    effects = sae.restore([], BEGIN)
    assert effects == [Send(KM, OPEN), StartTimer(NAME, OPEN_REPEAT, DUE)]
    assert sae.receive(DUE, later(OPEN_REPEAT)) == effects


def test_a_restart_asks_under_the_same_name_so_that_the_key_manager_knows_the_session() -> None:
    before, again = unstarted(), unstarted()
    before.restore([], BEGIN)
    before.receive(OPENED, BEGIN)
    assert sent(again.restore([], later(minutes(3)))) == [OPEN]
    again.receive(OPENED, later(minutes(3)))
    assert again.sessions[APP].ksid == before.sessions[APP].ksid == KSID


def test_waits_for_its_peer_as_long_as_the_key_manager_lets_it() -> None:
    sae = standing(REGISTERED)
    assert phase_of(sae) is Phase.REGISTERED
    for minute in range(1, 11):  # each question is answered: it is known, and not open yet
        assert sent(sae.receive(DUE, later(minutes(minute)))) == [OPEN]
        sae.receive(REGISTERED, later(minutes(minute)))
    sae.receive(OPENED, later(minutes(11)))
    assert phase_of(sae) is Phase.OPEN


def test_an_open_session_is_confirmed_again_and_again() -> None:
    sae = at(Phase.OPEN)
    for round_ in range(1, 10):
        assert sent(sae.receive(DUE, later(round_ * OPEN_REPEAT))) == [OPEN]
        assert wait_of(sae.receive(OPENED, later(round_ * OPEN_REPEAT))) == OPEN_REPEAT
    assert phase_of(sae) is Phase.OPEN


def test_a_session_that_the_key_manager_has_forgotten_is_replaced() -> None:
    sae = at(Phase.OPEN)
    sae.receive(SessionRegistered(NAME, OTHER), BEGIN)
    assert phase_of(sae) is Phase.REGISTERED
    sae.receive(SessionEnded(KSID, Reason.CLOSED), BEGIN)  # the old one, late: of no concern any more
    assert (phase_of(sae), sae.sessions[APP].ksid, sae.sessions[APP].opened) == (Phase.REGISTERED, OTHER, None)


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.REGISTERED, Phase.OPEN])
def test_a_silent_key_manager_is_given_up_and_asked_later(phase: Phase) -> None:
    sae = at(phase)
    asked = phase is Phase.OPENING  # its first question is out already
    for _ in range(MOST_UNANSWERED - asked):
        assert sent(sae.receive(DUE, BEGIN)) == [OPEN]
    assert sent(sae.receive(DUE, BEGIN)) == []
    assert phase_of(sae) is Phase.WAITING
    sae.receive(OPENED, BEGIN)  # it was only slow
    assert phase_of(sae) is Phase.OPEN


def test_an_operator_can_see_what_was_granted_while_it_is_open() -> None:
    sae = at(Phase.OPEN)
    assert sae.sessions[APP].opened == OPENED
    sae.receive(ENDED, BEGIN)
    assert sae.sessions[APP].opened is None


# --- pauses ---------------------------------------------------------------------------------------------------------


def test_pauses_grow_up_to_a_limit() -> None:
    sae, pauses = standing(), []
    for _ in range(9):
        pauses.append(wait_of(sae.receive(refused(retry_after=Duration(1)), BEGIN)))
        sae.receive(DUE, BEGIN)
    assert pauses == [min(FIRST_PAUSE * 2**each, LONGEST_PAUSE) for each in range(9)]


@given(st.integers(0, minutes(30)), st.integers(0, 20))
def test_no_pause_is_shorter_than_the_first_nor_longer_than_the_longest(asked_for: int, failures: int) -> None:
    sae = standing()
    for _ in range(failures):
        sae.receive(refused(retry_after=Duration(1)), BEGIN)
        sae.receive(DUE, BEGIN)
    wait = wait_of(sae.receive(refused(retry_after=Duration(asked_for)), BEGIN))
    assert FIRST_PAUSE <= wait <= LONGEST_PAUSE
    assert wait >= min(asked_for, LONGEST_PAUSE)


def test_what_seems_hopeless_is_tried_again_and_whoever_asks_is_put_off_not_sent_away() -> None:
    sae = standing()
    assert wait_of(sae.receive(refused(Reason.NOT_ALLOWED), BEGIN)) == FIRST_PAUSE
    (put_off,) = sent(sae.receive(STATUS, BEGIN))
    assert isinstance(put_off, KeyRefused)
    assert put_off.reason is Reason.UNAVAILABLE
    assert put_off.retry_after > 0


def test_a_session_that_nobody_used_comes_back_at_once_each_time() -> None:
    sae = at(Phase.OPEN)
    for _ in range(5):
        assert wait_of(sae.receive(ENDED, BEGIN)) == FIRST_PAUSE
        assert sent(sae.receive(DUE, BEGIN)) == [OPEN]
        sae.receive(OPENED, BEGIN)


def test_a_session_that_keeps_breaking_comes_back_more_slowly() -> None:
    sae, pauses = at(Phase.OPEN), []
    for _ in range(4):
        pauses.append(wait_of(sae.receive(SessionEnded(KSID, Reason.UNAVAILABLE), BEGIN)))
        sae.receive(DUE, BEGIN)
        sae.receive(OPENED, BEGIN)
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    sae.receive(OPENED, later(seconds(1)))  # a confirmation is no new session
    assert wait_of(sae.receive(SessionEnded(KSID, Reason.UNAVAILABLE), later(STEADY))) == FIRST_PAUSE


# --- who asks for keys ----------------------------------------------------------------------------------------------


@clause("ETSI GS QKD 014 V1.1.1", "5.2")
def test_who_asks_is_answered_by_the_key_manager() -> None:
    effects = at(Phase.OPEN).receive(STATUS, BEGIN)
    assert effects == [Send(KM, DescribePool("r1", FACE, KSID, ALICE, KmId("km4")))]


def test_a_usual_wish_for_keys_goes_on_to_the_key_manager() -> None:
    effects = at(Phase.OPEN).receive(WISH, BEGIN)
    assert effects == [Send(KM, GetKey("r1", FACE, KSID, ALICE, 2, None, seconds(2)))]
    own_size = msgspec.structs.replace(WISH, size=OPENED.key_size)
    assert at(Phase.OPEN).receive(own_size, BEGIN) == effects


@pytest.mark.parametrize("change", [{"size": OPENED.key_size * 2}, {"number": OPENED.burst // OPENED.key_size + 1}])
def test_an_unusual_wish_is_held_against_the_limits_first(change: dict[str, int]) -> None:
    effects = at(Phase.OPEN).receive(msgspec.structs.replace(WISH, **change), BEGIN)
    assert effects == [Send(KM, DescribePool("r1", FACE, KSID, ALICE, KmId("km4")))]


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.REGISTERED, Phase.WAITING])
def test_a_wish_for_keys_without_a_session_is_put_off_like_a_question(phase: Phase) -> None:
    assert at(phase).receive(WISH, BEGIN) == at(phase).receive(STATUS, BEGIN)


@pytest.mark.parametrize(
    ("master", "slave"), [(ALICE, SaeId("mallory")), (BOB, ALICE), (ALICE, ALICE), (SaeId("mallory"), BOB)]
)
def test_saes_without_an_app_in_common_are_told_so(master: SaeId, slave: SaeId) -> None:
    effects = at(Phase.OPEN).receive(GetPoolStatus("r1", FACE, master, slave), BEGIN)
    assert effects == [Send(FACE, PoolUnknown("r1"))]


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.REGISTERED])
def test_who_asks_on_the_way_is_put_off(phase: Phase) -> None:
    sae = at(phase)
    assert sae.receive(STATUS, BEGIN) == [Send(FACE, KeyRefused("r1", Reason.UNAVAILABLE, COME_AGAIN))]
    assert phase_of(sae) is phase


def test_who_asks_right_after_a_refusal_hears_its_reason_and_when_the_next_attempt_is() -> None:
    sae = standing(refused(Reason.NO_ROUTE, seconds(10)))
    told = refusal_of(sae.receive(STATUS, later(milliseconds(500))))
    assert (told.reason, told.retry_after) == (Reason.NO_ROUTE, milliseconds(9_500))
    assert phase_of(sae) is Phase.WAITING


def test_who_asks_later_begins_the_next_attempt_at_once() -> None:
    sae = standing(refused(Reason.NO_ROUTE, seconds(10)))
    effects = sae.receive(STATUS, later(FIRST_PAUSE))
    assert sent(effects) == [KeyRefused("r1", Reason.NO_ROUTE, COME_AGAIN), OPEN]
    assert phase_of(sae) is Phase.OPENING
    assert sent(sae.receive(STATUS, later(FIRST_PAUSE))) == [KeyRefused("r1", Reason.NO_ROUTE, COME_AGAIN)]


@pytest.mark.parametrize("reason", [Reason.INACTIVE, Reason.CLOSED])
def test_the_end_of_an_earlier_session_is_no_reason_why_there_is_none(reason: Reason) -> None:
    sae = standing(OPENED, SessionEnded(KSID, reason))
    assert refusal_of(sae.receive(STATUS, BEGIN)).reason is Reason.UNAVAILABLE


@given(st.lists(st.integers(0, seconds(3)), max_size=60))
def test_however_often_somebody_asks_the_key_manager_is_asked_once_a_pause(gaps: list[int]) -> None:
    sae, now, opens = standing(), BEGIN, [BEGIN]
    for gap in gaps:
        sae.receive(refused(retry_after=seconds(60)), now)
        now = after(now, gap)
        opens += [now for message in sent(sae.receive(STATUS, now)) if isinstance(message, OpenSession)]
    assert all(second - first >= FIRST_PAUSE for first, second in pairwise(opens))


# --- what every machine keeps to ------------------------------------------------------------------------------------


def test_every_message_is_answered_or_ignored_in_every_state() -> None:
    assert_table_is_total(STANDING_TABLE, (StandingDue, GetPoolStatus, GetSharedKey, *TOLD), StandingSession)


@invariant("S4")
def test_every_state_has_a_time_out_and_an_error_exit() -> None:
    # *Waiting* is where all errors lead; out of it leads, besides the time-out, somebody who asks.
    assert_every_state_has_exits(
        STANDING_TABLE, [StandingDue], [SessionRefused, SessionEnded, GetPoolStatus, GetSharedKey]
    )


@pytest.mark.parametrize("phase", list(Phase))
def test_a_timer_runs_in_every_state(phase: Phase) -> None:
    """Whatever comes in whatever state, what leads out of the state that follows is never forgotten."""
    for message in (DUE, REGISTERED, OPENED, refused(), ENDED, STATUS):
        sae = at(phase)
        before = phase_of(sae)
        effects = sae.receive(message, BEGIN)
        timers = [effect for effect in effects if isinstance(effect, StartTimer)]
        assert timers or phase_of(sae) is before


def test_is_replayable_restorable_and_bounded() -> None:
    inputs = [(message, later(index)) for index, message in enumerate((OPENED, STATUS, DUE, ENDED, STATUS, DUE))]
    assert_replayable(unstarted, inputs)
    assert_restorable(unstarted, [], lambda sae: [f"standing/{app}" for app in sae.sessions])
    assert_bounded({"sessions": standing(*[message for message, _ in inputs]).sessions}, 1)


@pytest.mark.parametrize("stray", [SessionOpened("other", OTHER, Bits(256), BitsPerSecond(1), Bits(256), 1), ENDED])
def test_what_is_about_no_session_of_now_has_no_effect(stray: Message) -> None:
    sae = standing()
    assert sae.receive(stray, BEGIN) == []
    assert phase_of(sae) is Phase.OPENING


@pytest.mark.parametrize("message", [GetKey("r", FACE, KSID, ALICE, 1, None, seconds(1)), CloseSession(KSID, ALICE)])
def test_what_is_not_its_business_is_unexpected(message: Message) -> None:
    with pytest.raises(UnexpectedMessage, match="a standing SAE does not take"):
        standing().receive(message, BEGIN)


# --- several slaves -------------------------------------------------------------------------------------------------

CAROL: Final = SaeId("app02-a")
TWO: Final = AppId("app02")
WIDE: Final = GetSharedKey("r1", FACE, ALICE, BOB, 2, Bits(512), seconds(2), (CAROL,))


def wide(*messages: Message) -> Standing:
    """Return a standing SAE with two peers, after these messages."""
    peers = {APP: Endpoint(BOB, NodeId("km4")), TWO: Endpoint(CAROL, NodeId("km2"))}
    sae = Standing(ALICE, NodeId("km0"), peers)
    sae.restore([], BEGIN)
    for message in messages:
        sae.receive(message, BEGIN)
    return sae


TOO: Final = SessionOpened("standing/app02", OTHER, Bits(256), BitsPerSecond(64_000), Bits(256_000), hops=1)


@clause("ETSI GS QKD 014 V1.1.1", "Table 10")
def test_a_wish_for_several_slaves_names_the_sessions_with_all_of_them() -> None:
    wanted = GetKey("r1", FACE, KSID, ALICE, 2, Bits(512), seconds(2), (OTHER,))
    assert wide(OPENED, TOO).receive(WIDE, BEGIN) == [Send(KM, wanted)]


@clause("ETSI GS QKD 014 V1.1.1", "Table 9")
def test_status_says_how_many_further_peers_there_are() -> None:
    (asked,) = sent(wide(OPENED, TOO).receive(STATUS, BEGIN))
    assert isinstance(asked, DescribePool)
    assert asked.others == 1
    (alone,) = sent(at(Phase.OPEN).receive(STATUS, BEGIN))
    assert isinstance(alone, DescribePool)
    assert alone.others == 0


@invariant("K8")
@pytest.mark.parametrize("opened", [OPENED, TOO])
def test_while_one_of_the_sessions_is_not_open_the_wish_is_put_off(opened: SessionOpened) -> None:
    told = refusal_of(wide(opened).receive(WIDE, BEGIN))
    assert (told.request_id, told.retry_after >= COME_AGAIN) == ("r1", True)


@invariant("K9")
@pytest.mark.parametrize(
    "changed",
    [{"further_slaves": (SaeId("nobody"),)}, {"slave": SaeId("nobody")}, {"master": BOB}, {"further_slaves": (ALICE,)}],
)
def test_a_wish_for_a_slave_without_an_app_in_common_asks_nobody(changed: dict[str, object]) -> None:
    wanted = msgspec.structs.replace(WIDE, **changed)
    assert wide(OPENED, TOO).receive(wanted, BEGIN) == [Send(FACE, PoolUnknown("r1"))]
