"""What slaves collect: all of the named keys or none (K8), each once (K1), and what nobody collects expires (K7)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.collection import EXPIRY_STEP, MOST_IDS, Collection, ExpiryDue
from keytwin.keymanagement.desk import MOST_ASKED
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.pool import Batch, BatchGone, KeyBooks, KeysHandedOut, KeysKept, Pool, Shelf
from keytwin.vocabulary.events import KeyDenied, KeysAnswered, KeysGone
from keytwin.vocabulary.exchange_messages import GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import Ksid, SaeId, sae_element
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Save, Send
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, minutes, seconds
from tests.keymanagement.parts import KSID, PEER, SAE, START, A, hop, key_ids, later, published, saved, sent, started
from tests.marks import clause, invariant

HERE = Provenance(Method.ADJACENT, 1)


@dataclass
class Counter:
    """A collection with two batches of three keys for alice, k0..k2 and m0..m2, and one for bob."""

    books: KeyBooks = field(default_factory=KeyBooks)

    def __post_init__(self) -> None:
        self.shelf = Shelf()
        generations = Generations(A, Forwarding(A), 1_000)
        self.carriage = Carriage(A, {}, Forwarding(A), self.shelf, self.books, minutes(10), generations)
        self.collection = Collection(A, self.shelf, self.carriage, self.carriage.forwarding, self.books)
        for name, ksid, sae in (("k", KSID, SAE), ("m", Ksid("second"), SAE), ("x", Ksid("theirs"), PEER)):
            ids = key_ids(*(f"{name}{index}" for index in range(3)))
            materials = tuple(KeyMaterial(bytearray(8)) for _ in ids)
            self.carriage.keep(
                KeysKept(
                    ksid=ksid,
                    batch_id=name,
                    is_master=False,
                    sae=sae,
                    key_ids=ids,
                    materials=materials,
                    provenance=HERE,
                    until=later(seconds(100)),
                )
            )

    def fetch(self, *names: str, sae: str = SAE, master: SaeId | None = None) -> list[Effect]:
        ask = GetKeyById("r", sae_element(SAE), SaeId(sae), key_ids(*names), master)
        return self.collection.on_get_key_by_id(ask, START)


def refusal(effects: list[Effect]) -> Reason:
    (told,) = sent(effects, KeyRefused)
    assert told.retry_after == 0
    assert published(effects, KeyDenied)
    assert not sent(effects, KeyDelivered)
    return told.reason


@invariant("K1")
def test_a_key_is_handed_out_once() -> None:
    counter = Counter()
    (answer,) = sent(counter.fetch("k1"), KeyDelivered)
    assert [key.key_id for key in answer.keys] == ["k1"]
    assert refusal(counter.fetch("k1")) is Reason.KEY_UNKNOWN
    assert (counter.books.delivered, counter.books.stored) == (1, 8)


def test_hand_out_is_durable_before_the_answer_session_by_session() -> None:
    effects = Counter().fetch("m1", "k2", "k0")
    assert saved(effects, KeysHandedOut) == [
        KeysHandedOut(Ksid("second"), is_master=False, key_ids=key_ids("m1"), sae=SAE, key_size=Bits(64)),
        KeysHandedOut(KSID, is_master=False, key_ids=key_ids("k2", "k0"), sae=SAE, key_size=Bits(64)),
    ]
    (answer,) = sent(effects, KeyDelivered)
    assert [key.key_id for key in answer.keys] == ["m1", "k2", "k0"]
    saves = [place for place, effect in enumerate(effects) if isinstance(effect, Save)]
    sends = [place for place, effect in enumerate(effects) if isinstance(effect, Send)]
    assert max(saves) < min(sends)
    assert [event.ksid for event in published(effects, KeysAnswered)] == ["second", KSID]


@invariant("K8")
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("k0", "unknown"), Reason.KEY_UNKNOWN),
        (("k0", "x1"), Reason.NOT_ALLOWED),
        (("x1", "unknown"), Reason.KEY_UNKNOWN),
        (("k0", "k0"), Reason.KEY_UNKNOWN),
        ((), Reason.KEY_UNKNOWN),
        (tuple(f"{number}" for number in range(MOST_IDS + 1)), Reason.KEY_UNKNOWN),
    ],
)
def test_all_or_none_and_a_refused_request_costs_nothing(names: tuple[str, ...], reason: Reason) -> None:
    counter = Counter()
    assert refusal(counter.fetch(*names)) is reason
    assert len(counter.shelf.by_key) == 9
    assert len(sent(counter.fetch("k0", "k1", "k2"), KeyDelivered)) == 1


def test_a_slave_can_fetch_in_one_request_what_a_master_can_ask_for_in_one() -> None:
    assert MOST_IDS >= MOST_ASKED


def test_keys_of_others_stay_theirs() -> None:
    counter = Counter()
    assert refusal(counter.fetch("x0")) is Reason.NOT_ALLOWED
    assert sent(counter.fetch("x0", sae=PEER), KeyDelivered)


@invariant("K9")
@clause("ETSI GS QKD 014 V1.1.1", "5.4")
def test_who_names_another_master_gets_nothing_and_can_still_get_it_from_the_right_one() -> None:
    counter = Counter()
    counter.collection.forwarding.on_configure_hop(hop(A), START)  # the session of alice and bob, of the keys k0..k2
    assert refusal(counter.fetch("k0", "k1", master=SaeId("mallory"))) is Reason.KEY_UNKNOWN
    assert refusal(counter.fetch("k0", master=SAE)) is Reason.KEY_UNKNOWN
    assert refusal(counter.fetch("k0", "m0", master=PEER)) is Reason.KEY_UNKNOWN  # of another session
    assert len(counter.shelf.by_key) == 9
    assert sent(counter.fetch("k0", "k1", master=PEER), KeyDelivered)
    assert sent(counter.fetch("k2", "m0"), KeyDelivered)  # who names none gets them from whomever


@invariant("K4")
def test_keys_of_others_are_refused_as_theirs_whatever_master_is_named() -> None:
    counter = Counter()
    counter.collection.forwarding.on_configure_hop(hop(A), START)
    assert refusal(counter.fetch("x0", master=PEER)) is Reason.NOT_ALLOWED
    assert refusal(counter.fetch("k0", sae=PEER, master=SAE)) is Reason.NOT_ALLOWED
    assert len(counter.shelf.by_key) == 9


@invariant("R2")
def test_a_batch_that_was_collected_whole_is_not_taken_again() -> None:
    counter = Counter()
    counter.fetch("k0", "k1")
    assert "k" not in counter.carriage.gone
    counter.fetch("k2")
    assert "k" in counter.carriage.gone


# --- expiry ---------------------------------------------------------------------------------------------------------


def pool(until: Duration = seconds(100)) -> Pool:
    made = Pool()
    keys = {key_id: KeyMaterial(bytearray(8)) for key_id in key_ids("p0", "p1")}
    made.add(Batch("p", KSID, SAE, keys, HERE, later(until)))
    return made


@invariant("K7")
def test_what_nobody_wants_is_wiped_at_its_time_at_either_end() -> None:
    counter, ready = Counter(), pool()
    counter.books.made, counter.books.stored = 2, counter.books.stored + 2
    materials = [*ready.batches[0].keys.values(), *counter.shelf.batches["k"].keys.values()]
    assert counter.collection.expire([(KSID, ready)], later(seconds(99))) == []
    effects = counter.collection.expire([(KSID, ready)], later(seconds(100)))
    assert all(material.is_wiped for material in materials)
    assert {gone.batch_id for gone in saved(effects, BatchGone)} == {"p", "k", "m", "x"}
    assert not any(gone.is_void for gone in saved(effects, BatchGone))
    assert sum(gone.number for gone in published(effects, KeysGone)) == 11
    assert (counter.books.expired, counter.books.stored) == (11, 0)
    assert counter.books.account(A).balance == 0


@invariant("K7")
def test_an_expired_key_is_unknown_and_its_batch_is_not_taken_again() -> None:
    counter = Counter()
    counter.collection.expire([], later(seconds(100)))
    assert refusal(counter.fetch("k0")) is Reason.KEY_UNKNOWN
    assert set(counter.carriage.gone) == {"k", "m", "x"}


def test_a_timer_runs_while_anything_can_expire() -> None:
    collection = Counter().collection
    assert collection.next_expiry([]) == later(seconds(100))
    effects = collection.expire_by(collection.next_expiry([]), START)
    assert started(effects) == {"expiry": seconds(100) + EXPIRY_STEP}
    assert collection.expire_by(later(seconds(100)), START) == []
    collection.expire([], later(seconds(101)))
    assert collection.next_expiry([]) is None
    assert collection.expire_by(None, later(seconds(101))) == []
    assert ExpiryDue() == ExpiryDue()


@invariant("K7")
def test_the_timer_is_moved_for_keys_that_expire_earlier() -> None:
    collection = Counter().collection
    collection.expire_by(collection.next_expiry([]), START)
    assert collection.next_expiry([(KSID, pool(seconds(40)))]) == later(seconds(40))
    assert started(collection.expire_by(later(seconds(40)), START)) == {"expiry": seconds(40) + EXPIRY_STEP}
    assert collection.expire_by(later(seconds(41)), START) == []


def test_the_timer_never_runs_wild() -> None:
    collection = Counter().collection
    assert started(collection.expire_by(later(seconds(100)), later(seconds(5_000)))) == {"expiry": EXPIRY_STEP}


@invariant("K1")
@invariant("K7")
@pytest.mark.parametrize("expires", [False, True])
@given(wishes=st.lists(st.tuples(st.sampled_from(["k", "m", "x"]), st.integers(0, 2)), max_size=12))
def test_whatever_is_fetched_each_key_leaves_once_and_the_books_close(
    wishes: list[tuple[str, int]], *, expires: bool
) -> None:
    counter, got = Counter(), list[str]()
    for place, (name, index) in enumerate(wishes):
        if expires and place == len(wishes) // 2:
            counter.collection.expire([], later(seconds(100)))
        for answer in sent(counter.fetch(f"{name}{index}", sae=PEER if name == "x" else SAE), KeyDelivered):
            got += [key.key_id for key in answer.keys]
        assert counter.books.account(A).balance == 0
        assert counter.books.stored == len(counter.shelf.by_key)
    assert len(got) == len(set(got))
