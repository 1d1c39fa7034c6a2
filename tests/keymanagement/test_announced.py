"""Keys that nodes between announce the way to, instead of encrypting them: equal keys and books, other words."""

from __future__ import annotations

import random
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement import carriage
from keytwin.keymanagement.relay import MOST_OCTETS, begin, keys_together, lengths_of, relay_octets, seal, unseal
from keytwin.vocabulary.blueprint import KeyManagementSettings, Relay
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import Method
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import Bits, milliseconds, octets, seconds
from tests.keymanagement.bench import FIRST, SECOND, Row, octets_of
from tests.keymanagement.parts import relay_keys
from tests.keymanagement.test_row_faults import survive
from tests.marks import invariant

ANNOUNCED = KeyManagementSettings(store=Bits(10_000_000), pool_depth=seconds(1), relay=Relay.XOR_ANNOUNCED)
BY_PAD = replace(ANNOUNCED, relay=Relay.ONE_TIME_PAD)


def first_message(number: int = 1, size: Bits = Bits(8)) -> RelayKeys:
    """Return what leaves the maker, not sealed yet."""
    named = tuple(KeyId(f"key {index}") for index in range(number))
    return relay_keys(key_size=size, key_ids=named, hops_left=MOST_HOPS, is_announced=True)


def carried(links: list[bytes], message: RelayKeys) -> tuple[RelayKeys, bytearray, bytearray]:
    """Carry keys over these links, each its tag key and its key; return the last message, the keys, and those read."""
    sealed, plain = begin(message, bytearray(links[0]))
    for come, go in pairwise(links):
        own = unseal(sealed, bytearray(come), is_end=False)
        assert own is not None
        assert bytes(own) == come[KEY_OCTETS:]  # no more than its own link's key
        passed = replace(sealed, hops_left=sealed.hops_left - 1)
        sealed = seal(passed, own, bytearray(go))
    read = unseal(sealed, bytearray(links[-1]))
    assert read is not None
    return sealed, plain, read


def drawn(dice: random.Random, hops: int, count: int) -> list[bytes]:
    return [dice.randbytes(KEY_OCTETS + count) for _ in range(hops)]


@invariant("K2")
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 40), st.integers())
def test_the_far_end_reads_the_first_links_key(hops: int, number: int, size: int, seed: int) -> None:
    links = drawn(random.Random(seed), hops, number * size)
    sealed, plain, read = carried(links, first_message(number, Bits(8 * size)))
    assert plain == read == links[0][KEY_OCTETS:]
    assert len(sealed.ciphertext) == lengths_of(sealed).told == (hops - 1) * number * size


@invariant("R1")
@given(st.integers(2, 5), st.integers(), st.data())
def test_a_flip_in_any_announcement_is_seen(hops: int, seed: int, data: st.DataObject) -> None:
    links = drawn(random.Random(seed), hops, 8)
    sealed, _, _ = carried(links, first_message(8))
    place = data.draw(st.integers(0, 8 * len(sealed.ciphertext) - 1))
    flipped = bytearray(sealed.ciphertext)
    flipped[place // 8] ^= 1 << place % 8
    assert unseal(replace(sealed, ciphertext=bytes(flipped)), bytearray(links[-1])) is None
    # Nor does the message pass for one of the other method.
    assert unseal(replace(sealed, is_announced=False), bytearray(links[-1])) is None


def test_all_announcements_together_leave_every_key_as_likely_as_any_other() -> None:
    """Counted out for keys of two bit on four links: 4**4 ways, and each transcript has one for every key."""
    counts: dict[tuple[int, ...], dict[int, int]] = {}
    for links in product(range(4), repeat=4):
        transcript = tuple(come ^ go for come, go in pairwise(links))
        seen = counts.setdefault(transcript, {})
        seen[links[0]] = seen.get(links[0], 0) + 1
    assert len(counts) == 4**3
    assert all(seen == dict.fromkeys(range(4), 1) for seen in counts.values())


def opened(hops: int, settings: KeyManagementSettings = ANNOUNCED, seed: int = 1) -> tuple[Row, list[RelayKeys]]:
    wire: list[RelayKeys] = []
    row = Row(hops, seed, key_management=settings)
    row.simulation.wires.tap(lambda *what: wire.append(what[-1]) if isinstance(what[-1], RelayKeys) else None)
    row.open()
    row.run(seconds(3))
    assert row.is_open()
    return row, wire


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@pytest.mark.parametrize("hops", [2, 3, 5])
def test_both_ends_get_the_same_keys(hops: int) -> None:
    row, wire = opened(hops)
    assert row.pair(FIRST, "a", number=3)
    assert row.pair(SECOND, "b", number=70)
    assert row.pair(FIRST, "c", number=2, size=Bits(1_000))
    assert all(message.is_announced for message in wire)
    key = row.given(FIRST, "a")[0]
    assert (key.provenance.method, key.provenance.hops) == (Method.RELAYED, hops)
    row.close(FIRST)
    row.wait(seconds(20))
    row.assert_drained()
    row.assert_unharmed()


def test_neighbours_share_their_links_key_whichever_the_method() -> None:
    row, wire = opened(1)
    assert row.pair(FIRST, "a")
    assert not wire


def test_one_trusted_node_knows_the_key_and_the_wire_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the second of two nodes between holds, with what the first announces, is the key. The wire never tells."""
    known: dict[KeyId, bytes] = {}

    class Curious(carriage.Passing):
        def __post_init__(self) -> None:
            super().__post_init__()
            size = octets(self.message.key_size)
            for place, key_id in enumerate(self.message.key_ids):
                part = slice(place * size, (place + 1) * size)
                own, told = bytes(self.plain[part]), self.message.ciphertext
                total = int.from_bytes(own, "big")
                for start in range(0, len(told), len(self.plain)):
                    total ^= int.from_bytes(told[start : start + len(self.plain)][part], "big")
                if self.node == row.nodes[2]:
                    known[key_id] = total.to_bytes(size, "big")

    monkeypatch.setattr(carriage, "Passing", Curious)
    wire: list[RelayKeys] = []
    row = Row(3, key_management=ANNOUNCED)
    row.simulation.wires.tap(lambda *what: wire.append(what[-1]) if isinstance(what[-1], RelayKeys) else None)
    row.open()
    row.run(seconds(3))
    row.ask(FIRST, "a", 4)
    row.wait(seconds(2))
    told = b"".join(message.ciphertext for message in wire)
    for key in row.given(FIRST, "a"):
        assert known[key.key_id] == octets_of(key)
        assert octets_of(key) not in told


def spent(row: Row) -> int:
    """Return how many octets the senders of all links have spent on keys."""
    accounts = [each for km in row.kms() for each in km.link_accounts() if each.node == each.sender]
    return sum(each.pad + each.delivered for each in accounts)


@pytest.mark.parametrize(("settings", "told"), [(BY_PAD, 3), (ANNOUNCED, 0 + 1 + 2)])
def test_what_the_methods_cost_over_three_links(settings: KeyManagementSettings, told: int) -> None:
    """The figures of docs/explanation/relay-methods.md: octets of link key, octets told, messages, for one key."""
    row = Row(3, key_management=settings, control={"algorithm": "on-demand", "batch": 1})
    wire: list[RelayKeys] = []
    row.simulation.wires.tap(lambda *what: wire.append(what[-1]) if isinstance(what[-1], RelayKeys) else None)
    row.open()
    row.run(seconds(3))
    before = spent(row)
    row.ask(FIRST, "a", 1)
    row.wait(milliseconds(100))
    assert row.given(FIRST, "a")
    assert spent(row) - before == 3 * 32
    assert len(wire) == 3  # each with a tag of its own: another 32 octets of every link
    assert sum(len(message.ciphertext) for message in wire) == told * 32


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@invariant("S1")
@pytest.mark.parametrize("seed", range(8))
def test_in_a_storm_with_deaths_the_same_rules_hold(seed: int) -> None:
    dice = random.Random(f"announced {seed}")
    settings = replace(ANNOUNCED, key_lifetime=dice.choice((seconds(4), seconds(60))))
    row = Row(2 + seed % 2, seed, key_management=settings, control={"batch": dice.choice((1, 4, 64))})
    survive(row, dice, lambda: row.restart(dice.randrange(row.hops + 1)))


def test_a_message_never_tells_more_than_its_tag_is_good_for() -> None:
    for hops in (2, 10, MOST_HOPS):
        for size in (Bits(8), Bits(256), Bits(32_768)):
            number = keys_together(size, hops - 1)
            assert number == 1 or number * octets(size) * (hops - 1) <= MOST_OCTETS
    assert relay_octets(1, Bits(256)) == KEY_OCTETS + 32  # on each link, whichever the method


def test_a_message_with_announcements_too_few_or_too_many_is_a_violation() -> None:
    row, wire = opened(3)
    second = next(message for message in wire if message.hops_left == MOST_HOPS - 1)
    forged = replace(second, ciphertext=second.ciphertext * 2, offset=second.offset + 10_000)
    row.tell(f"km/{row.nodes[2]}", forged)  # type: ignore[arg-type]  # an element's name, made by hand
    row.wait(seconds(1))
    (seen,) = row.published(ViolationSeen)
    assert "another length" in seen.about
