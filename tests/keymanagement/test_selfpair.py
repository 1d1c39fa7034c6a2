"""An app with one SAE: its keys are made at its node, once for each role, and all rules for keys hold for them too."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement import selfpair
from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.collection import EXPIRY_STEP, ExpiryDue
from keytwin.keymanagement.limits import NOT_YET
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.keymanagement.pool import SLAVE_MARGIN, KeysHandedOut, KeysKept
from keytwin.keymanagement.selfpair import HERE, SelfPair, SelfPairKept
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.journal_codec import fresh_copy
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.events import (
    KeyDenied,
    KeysAnswered,
    KeysGone,
    SessionConfigured,
    SessionOver,
    SessionRequested,
)
from keytwin.vocabulary.exchange_messages import (
    DescribePool,
    GetKey,
    GetKeyById,
    KeyDelivered,
    KeyRefused,
    PoolStatus,
)
from keytwin.vocabulary.identity import ACCESS, AppId, KeyId, KmId, Ksid, NodeId, SaeId, km_of, parse_uuid, sae_element
from keytwin.vocabulary.key import Method
from keytwin.vocabulary.machine import Effect, Message, Record, Save, Send
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    CloseSession,
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
)
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Duration, Instant, after, minutes, seconds
from tests.keymanagement.bench import octets_of
from tests.keymanagement.parts import published, saved, sent, started
from tests.machines import assert_bounded, assert_replayable, assert_restorable
from tests.marks import clause, invariant

NODE = NodeId("n0")
PROBE, OTHER = SaeId("probe"), SaeId("other")
PAIR = SelfPair(AppId("probe"), PROBE, BitsPerSecond(1_000), Bits(4_096), Bits(256))
SECOND_PAIR = SelfPair(AppId("second"), OTHER, BitsPerSecond(1_000), Bits(4_096), Bits(256))
KSID = PAIR.ksid
LIFETIME = minutes(10)


def open_by(sae: SaeId = PROBE, peer: SaeId = PROBE, app: str = "probe") -> OpenSession:
    return OpenSession("o", sae_element(sae), AppId(app), sae, peer)


def ask(number: int = 1, size: int | None = None, sae: SaeId = PROBE, ksid: Ksid = KSID) -> GetKey:
    wanted = None if size is None else Bits(size)
    return GetKey("r", sae_element(PROBE), ksid, sae, number, wanted, seconds(5))


def km(*pairs: SelfPair) -> KeyManager:
    setup = KmSetup(
        NODE, (), KeyManagementSettings(), MonitoringSettings(), ALGORITHMS, selfpairs=pairs or (PAIR, SECOND_PAIR)
    )
    return KeyManager(setup, SeededChance(1).entropy(km_of(NODE)))


@dataclass
class Stand:
    """A key manager whose session is open; every record that it saves is kept."""

    km: KeyManager = field(default_factory=km)
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.km.restore([], START)
        self.tell(open_by())

    def tell(self, message: Message, now: Instant = START) -> list[Effect]:
        effects = self.km.receive(message, now)
        self.records += [fresh_copy(effect.record) for effect in effects if isinstance(effect, Save)]
        assert self.km.key_account().balance == 0
        return effects

    def get(self, number: int = 1, size: int | None = None, now: Instant = START) -> KeyDelivered:
        (answer,) = sent(self.tell(ask(number, size), now), KeyDelivered)
        return answer

    def refused(self, message: GetKey | GetKeyById, now: Instant = START) -> KeyRefused:
        before = self.km.key_account()
        effects = self.tell(message, now)
        (refusal,) = sent(effects, KeyRefused)
        assert published(effects, KeyDenied)
        assert not sent(effects, KeyDelivered)
        assert self.km.key_account() == before
        return refusal

    def again(self, now: Instant = START) -> Stand:
        """Return the stand after a restart."""
        other = object.__new__(Stand)
        other.km, other.records = km(), list(self.records)
        other.km.restore([fresh_copy(record) for record in self.records], now)
        return other


def fetch(*key_ids: KeyId, sae: SaeId = PROBE, master: SaeId | None = None) -> GetKeyById:
    return GetKeyById("f", sae_element(PROBE), sae, key_ids, master)


def ids(answer: KeyDelivered) -> tuple[KeyId, ...]:
    return tuple(key.key_id for key in answer.keys)


# --- the session ------------------------------------------------------------------------------------------------------


def test_the_session_is_open_at_once_and_nobody_else_is_asked() -> None:
    manager = km()
    effects = manager.receive(open_by(), START)
    opened = SessionOpened("o", KSID, Bits(256), BitsPerSecond(1_000), Bits(4_096), hops=0)
    assert effects[-1] == Send(sae_element(PROBE), opened)
    assert [effect for effect in effects if isinstance(effect, Send)] == [effects[-1]]
    assert saved(effects, SelfPairKept) == [SelfPairKept(KSID, open_by())]
    assert published(effects, SessionRequested)
    assert published(effects, SessionConfigured) == [SessionConfigured(NODE, KSID, 1, AppId("probe"))]
    assert manager.receive(open_by(), START) == [effects[-1]]  # said again, and nothing else


def test_its_name_is_a_uuid_of_its_own_and_the_same_after_a_restart() -> None:
    assert parse_uuid(KSID) == km().selfpairs.booths[KSID].pair.ksid
    assert SECOND_PAIR.ksid != KSID


@pytest.mark.parametrize("wanted", [open_by(peer=OTHER), open_by(OTHER), open_by(app="app01"), open_by(OTHER, OTHER)])
def test_any_other_session_is_access_controls_business(wanted: OpenSession) -> None:
    (asked,) = sent(km().receive(wanted, START), AuthenticateUser)
    assert (asked.app, asked.sae, asked.peer) == (wanted.app, wanted.sae, wanted.peer)
    assert ACCESS in {effect.to for effect in km().receive(wanted, START) if isinstance(effect, Send)}


def test_closing_wipes_what_has_not_been_fetched_also_for_a_restart() -> None:
    stand = Stand()
    answer = stand.get(3)
    stand.tell(fetch(ids(answer)[0]))
    effects = stand.tell(CloseSession(KSID, PROBE))
    assert sent(effects, SessionEnded) == [SessionEnded(KSID, Reason.CLOSED)]
    assert published(effects, SessionOver) == [SessionOver(NODE, KSID, "closed")]
    assert published(effects, KeysGone) == [KeysGone(NODE, KSID, 2, "session over")]
    assert not stand.km.shelf.by_key
    for closed in (stand, stand.again()):
        assert closed.refused(fetch(ids(answer)[1])).reason is Reason.KEY_UNKNOWN
        assert closed.refused(ask()).reason is Reason.SESSION_UNKNOWN
        assert closed.tell(CloseSession(KSID, PROBE)) == []


def test_nobody_else_closes_it() -> None:
    stand = Stand()
    assert stand.tell(CloseSession(KSID, OTHER)) == []
    assert stand.get().keys


# --- keys -------------------------------------------------------------------------------------------------------------


@invariant("K2")
@clause("ETSI GS QKD 014 V1.1.1", "5.4")
@given(number=st.integers(1, 8), size=st.sampled_from([None, 8, 64, 256, 512]))
def test_both_roles_get_the_same_keys_once_each(number: int, size: int | None) -> None:
    stand = Stand()
    given_ = stand.get(number, size)
    assert len(set(ids(given_))) == number
    assert all(key.material.size == (size or 256) for key in given_.keys)
    (fetched,) = sent(stand.tell(fetch(*ids(given_), master=PROBE)), KeyDelivered)
    assert [octets_of(key) for key in fetched.keys] == [octets_of(key) for key in given_.keys]
    assert ids(fetched) == ids(given_)
    assert stand.refused(fetch(*ids(given_))).reason is Reason.KEY_UNKNOWN
    account = stand.km.key_account()
    assert (account.made, account.taken, account.delivered, account.stored) == (number, number, 2 * number, 0)


@invariant("K1")
def test_no_key_comes_twice() -> None:
    stand = Stand()
    keys = [key for _ in range(8) for key in stand.get(2).keys]
    assert len({key.key_id for key in keys}) == len({octets_of(key) for key in keys}) == 16


@invariant("K6")
def test_keys_are_durable_before_they_are_handed_out() -> None:
    effects = Stand().tell(ask(2))
    (kept,), (out,) = saved(effects, KeysKept), saved(effects, KeysHandedOut)
    assert (kept.is_master, out.is_master) == (False, True)
    assert kept.key_ids == out.key_ids
    saves = [place for place, effect in enumerate(effects) if isinstance(effect, Save)]
    sends = [place for place, effect in enumerate(effects) if isinstance(effect, Send)]
    assert max(saves) < min(sends)
    assert published(effects, KeysAnswered)[0].is_master


def test_its_keys_say_that_they_crossed_no_link() -> None:
    stand = Stand()
    given_ = stand.get()
    (fetched,) = sent(stand.tell(fetch(*ids(given_))), KeyDelivered)
    assert {key.provenance for key in (*given_.keys, *fetched.keys)} == {HERE}
    assert (HERE.method, HERE.hops) == (Method.LOCAL, 0)


def test_one_role_wiping_its_copy_does_not_touch_the_other() -> None:
    stand = Stand()
    given_ = stand.get()
    octets = octets_of(given_.keys[0])
    given_.keys[0].material.wipe()
    (fetched,) = sent(stand.tell(fetch(*ids(given_))), KeyDelivered)
    assert octets_of(fetched.keys[0]) == octets


@invariant("K9")
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (ask(sae=OTHER), Reason.NOT_ALLOWED),
        (ask(17), Reason.TOO_LARGE),
        (ask(1, 4_104), Reason.TOO_LARGE),
        (ask(0), Reason.TOO_LARGE),
        (ask(-1), Reason.TOO_LARGE),
        (ask(1, 0), Reason.TOO_LARGE),
        (ask(1, -8), Reason.TOO_LARGE),
        (ask(1, 257), Reason.TOO_LARGE),
        (ask(10**9, 8), Reason.TOO_LARGE),
        (ask(ksid=SECOND_PAIR.ksid, sae=OTHER), Reason.SESSION_UNKNOWN),
    ],
)
def test_what_may_not_be_is_refused_and_nothing_is_consumed(message: GetKey, reason: Reason) -> None:
    stand = Stand()
    refusal = stand.refused(message)
    assert (refusal.reason, refusal.retry_after) == (reason, 0)
    assert len(stand.get(16).keys) == 16


@invariant("K4")
def test_another_sae_gets_nothing_and_its_owner_still_can() -> None:
    stand = Stand()
    key_ids = ids(stand.get())
    assert stand.refused(fetch(*key_ids, sae=OTHER)).reason is Reason.NOT_ALLOWED
    assert stand.refused(fetch(*key_ids, master=OTHER)).reason is Reason.KEY_UNKNOWN
    assert sent(stand.tell(fetch(*key_ids)), KeyDelivered)


@invariant("A3")
@given(st.lists(st.tuples(st.integers(0, seconds(3)), st.integers(1, 16)), max_size=40))
def test_the_service_level_bounds_what_it_gets(steps: list[tuple[int, int]]) -> None:
    stand, now, drawn = Stand(), START, 0
    for gap, number in steps:
        now = after(now, gap)
        effects = stand.tell(ask(number), now)
        drawn += 256 * sum(len(answer.keys) for answer in sent(effects, KeyDelivered))
        assert drawn <= PAIR.burst + PAIR.rate * (now - START) // 10**9
        for refusal in sent(effects, KeyRefused):
            assert refusal.reason is Reason.RATE_EXCEEDED
            assert refusal.retry_after > 0


def test_opening_again_does_not_fill_the_bucket() -> None:
    stand = Stand()
    stand.get(16)
    stand.tell(CloseSession(KSID, PROBE))
    stand.tell(open_by())
    assert stand.refused(ask()).reason is Reason.RATE_EXCEEDED


def test_what_nobody_fetches_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfpair, "MOST_UNCOLLECTED", 3)
    stand = Stand()
    answers = [stand.get() for _ in range(3)]
    refusal = stand.refused(ask())
    assert refusal.reason is Reason.UNAVAILABLE
    assert refusal.retry_after > 0
    assert_bounded({"batches": stand.km.shelf.by_session[KSID]}, 3)
    stand.tell(fetch(*ids(answers[0])))
    assert stand.get().keys


@invariant("K7")
def test_what_nobody_fetches_expires() -> None:
    stand = Stand()
    effects = stand.tell(ask(2))
    wait = LIFETIME + SLAVE_MARGIN
    assert started(effects) == {"expiry": wait + EXPIRY_STEP}
    gone = stand.tell(ExpiryDue(), after(START, wait))
    assert published(gone, KeysGone) == [KeysGone(NODE, KSID, 2, "expired")]
    assert not stand.km.shelf.by_key
    assert stand.again(after(START, wait)).km.key_account().stored == 0


# --- status -----------------------------------------------------------------------------------------------------------


def describe(sae: SaeId = PROBE, ksid: Ksid = KSID) -> DescribePool:
    return DescribePool("s", sae_element(PROBE), ksid, sae, KmId(NODE))


def test_status_tells_what_the_tokens_allow() -> None:
    stand = Stand()
    (full,) = sent(stand.tell(describe()), PoolStatus)
    assert (full.source, full.target, full.max_key_size) == ("n0", "n0", 4_096)
    assert (full.stored_key_count, full.max_key_count, full.max_key_per_request) == (16, 16, 16)
    stand.get(10)
    (less,) = sent(stand.tell(describe(), after(START, seconds(1))), PoolStatus)
    assert less.stored_key_count == (4_096 - 2_560 + 1_000) // 256


def test_status_is_for_the_sae_of_an_open_session() -> None:
    stand = Stand()
    refusals = [sent(stand.tell(each), KeyRefused) for each in (describe(OTHER), describe(OTHER, SECOND_PAIR.ksid))]
    assert refusals == [
        [KeyRefused("s", Reason.NOT_ALLOWED, Duration(0))],
        [KeyRefused("s", Reason.UNAVAILABLE, NOT_YET)],
    ]


# --- a restart --------------------------------------------------------------------------------------------------------


@invariant("O1")
def test_a_restart_keeps_what_has_not_been_fetched_and_gives_nothing_again() -> None:
    stand = Stand()
    answer = stand.get(3)
    octets = [octets_of(key) for key in answer.keys]
    stand.tell(fetch(ids(answer)[0]))
    again = stand.again()
    assert again.km.key_account().balance == 0
    assert again.refused(fetch(*ids(answer))).reason is Reason.KEY_UNKNOWN
    (fetched,) = sent(again.tell(fetch(*ids(answer)[1:])), KeyDelivered)
    assert [octets_of(key) for key in fetched.keys] == octets[1:]


def test_a_restart_keeps_the_session_open_and_begins_with_an_empty_bucket() -> None:
    again = Stand().again(after(START, seconds(10)))
    refusal = again.refused(ask(), after(START, seconds(10)))
    assert refusal.reason is Reason.RATE_EXCEEDED
    assert again.get(now=after(START, seconds(11))).keys


def test_keys_of_an_app_that_is_gone_from_the_network_are_wiped() -> None:
    stand = Stand()
    stand.get(2)
    other = km(SECOND_PAIR)
    other.restore(stand.records, START)
    assert not other.shelf.by_key
    assert other.key_account().balance == 0


def test_is_replayable_and_restorable_at_every_record() -> None:
    inputs = [(message, START) for message in (open_by(), ask(2), ask(1, 512), describe(), CloseSession(KSID, PROBE))]
    assert_replayable(km, inputs)
    stand = Stand()
    stand.tell(fetch(*ids(stand.get(2))))
    stand.get(3)
    assert_restorable(km, stand.records, lambda machine: ["expiry"] if machine.shelf.by_key else [])
    for length in range(len(stand.records) + 1):
        manager = km()
        manager.restore([fresh_copy(record) for record in stand.records[:length]], START)
        assert manager.key_account().balance == 0
