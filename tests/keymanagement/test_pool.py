"""Pool and shelf: every key leaves once (K1), all of a request or none (K8), what expires is wiped (K7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.pool import MOST_POOLED, Batch, KeyBooks, Pool, Shelf, bound_lives, depth_of
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.units import Bits, Instant, seconds
from tests.marks import invariant

SAE, OTHER = SaeId("sae"), SaeId("other")


def batch(name: str, number: int = 3, until: int = 100, ksid: str = "session", sae: SaeId = SAE) -> Batch:
    keys = {KeyId(f"{name}{index}"): KeyMaterial(bytearray([index + 1] * 4)) for index in range(number)}
    return Batch(name, Ksid(ksid), sae, keys, Provenance(Method.ADJACENT, 1), Instant(until))


def ids(keys: list[Key]) -> list[str]:
    return [key.key_id for key in keys]


def pool(*batches: Batch) -> Pool:
    made = Pool()
    for each in batches:
        made.add(each)
    return made


def shelf(*batches: Batch) -> Shelf:
    made = Shelf()
    for each in batches:
        made.add(each)
    return made


@invariant("K1")
@given(st.lists(st.one_of(st.integers(1, 8), st.just("expire"), st.integers(-8, -1), st.just("drop")), max_size=40))
def test_every_key_leaves_a_pool_once(steps: list[int | str]) -> None:
    """Positive: a batch comes; negative: so many are asked for."""
    held, left, came, now = Pool(), set[str](), 0, 0
    for step in steps:
        now += 10
        if step == "expire":
            held.expire(Instant(now))
        elif step == "drop":
            held.drop(f"{came}/")
        elif isinstance(step, int) and step > 0:
            came += 1
            held.add(batch(f"{came}/", step, until=now + 35))
        elif isinstance(step, int) and -step <= held.ready:
            taken = held.take(-step)
            assert len(taken) == -step
            assert not left & set(ids(taken))
            assert not any(key.material.is_wiped for key in taken)
            left |= set(ids(taken))
        assert held.ready == sum(len(each.keys) for each in held.batches) >= 0


def test_the_oldest_key_goes_first_across_batches() -> None:
    assert ids(pool(batch("a", 2), batch("b", 2)).take(3)) == ["a0", "a1", "b0"]


@invariant("K7")
def test_a_pool_wipes_what_is_past_its_time_and_says_of_which_batches() -> None:
    old, new = batch("a", until=100), batch("b", until=101)
    materials = list(old.keys.values())
    held = pool(old, new)
    held.take(1)
    assert held.expire(Instant(99)) == (0, [])
    assert held.expire(Instant(100)) == (2, ["a"])
    assert all(material.is_wiped for material in materials[1:])
    assert not materials[0].is_wiped  # its receiver's business
    assert held.next_expiry() == 101
    assert held.ready == 3


def test_a_pool_forgets_keys_that_were_handed_out_before_a_restart() -> None:
    held = pool(batch("a"), batch("b"))
    assert held.remove((KeyId("a1"), KeyId("b0"), KeyId("b1"), KeyId("b2"), KeyId("x"))) == 4
    assert (held.ready, len(held.batches)) == (2, 1)


def test_a_pool_wipes_everything_at_the_end() -> None:
    one = batch("a")
    materials = list(one.keys.values())
    held = pool(one)
    assert held.wipe() == 3
    assert all(material.is_wiped for material in materials)
    assert held.next_expiry() is None


# --- shelf ----------------------------------------------------------------------------------------------------------


def taken(held: Shelf, *names: str) -> list[Key]:
    key_ids = [KeyId(name) for name in names]
    return held.take(key_ids, held.find(key_ids))


def test_a_shelf_knows_whose_a_key_is() -> None:
    held = shelf(batch("a"), batch("b", sae=OTHER, ksid="theirs"))
    found = held.find([KeyId("a0"), KeyId("x"), KeyId("b0")])
    assert [batch and batch.sae for batch in found] == [SAE, None, OTHER]
    assert (held.session_of("b"), held.session_of("x")) == ("theirs", None)


@invariant("K1")
def test_a_key_leaves_a_shelf_once() -> None:
    held = shelf(batch("a", 2))
    assert ids(taken(held, "a0")) == ["a0"]
    with pytest.raises(KeyError):
        taken(held, "a0")
    taken(held, "a1")
    assert not held.holds("a")
    assert not held.by_session


@invariant("K7")
def test_a_shelf_tells_what_is_past_its_time_oldest_first() -> None:
    held = shelf(batch("a", until=100), batch("b", until=101), batch("c", until=102))
    assert [each.batch_id for each in held.overdue(Instant(101))] == ["a", "b"]
    assert held.next_expiry() == 100
    assert held.remove("a") == 3
    assert held.remove("a") == 0
    assert held.next_expiry() == 101


def test_a_shelf_gives_up_a_session_and_no_other() -> None:
    held = shelf(batch("a"), batch("b"), batch("c", ksid="theirs"))
    material = held.batches["a"].keys[KeyId("a0")]
    assert held.release(Ksid("session")) == 6
    assert held.release(Ksid("session")) == 0
    assert material.is_wiped
    assert list(held.by_key) == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    ("rate", "depth", "size", "batch_size", "keys"),
    [
        (1_000, 10, 256, 8, 40),  # 39.06 keys in ten seconds, in whole batches
        (1, 1, 256, 8, 8),  # never less than a batch
        (10**9, 100, 256, 64, MOST_POOLED),
        (2_560, 1, 256, 1, 10),
    ],
)
def test_a_pool_is_some_seconds_deep_in_whole_batches(
    rate: int, depth: int, size: int, batch_size: int, keys: int
) -> None:
    assert depth_of(rate, seconds(depth), Bits(size), batch_size) == keys


def test_the_books_are_given_as_evidence() -> None:
    books = KeyBooks(made=5, taken=4, delivered=3, voided=1, expired=2, released=1, stored=2)
    account = books.account(NodeId("n"))
    assert (account.node, account.balance) == ("n", 0)


@invariant("K7")
@given(st.lists(st.integers(0, 200), max_size=8), st.integers(0, 200))
def test_no_batch_outlives_a_younger_one_nor_the_latest_instant(ends: list[int], latest: int) -> None:
    batches = [batch(f"{number}", until=end) for number, end in enumerate(ends)]
    bound_lives(batches, Instant(latest))
    bounded = [each.until for each in batches]
    assert bounded == [min([latest, *ends[number:]]) for number in range(len(ends))]
