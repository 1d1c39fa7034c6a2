"""Keys taken up from a disk wait for the word of the neighbours, and are wiped at a bad one (invariant K1)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pool import Batch, BatchGone, KeyBooks, Pool, Shelf
from keytwin.keymanagement.put_back import Restored, WitnessesOverdue
from keytwin.vocabulary.events import KeysGone
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect
from keytwin.vocabulary.units import Duration, Instant, minutes
from tests.keymanagement.parts import AB, BC, KSID, PEER, SAE, START, B, joined, published, saved
from tests.marks import invariant

OVERDUE = WitnessesOverdue()


@dataclass
class Keeper:
    """What a node with two neighbours has taken up: a batch in a pool and one on the shelf, of two keys each."""

    links: tuple[KmLink, KmLink]
    pool: Pool
    carriage: Carriage
    restored: Restored

    def told(self) -> list[Effect]:
        return self.restored.look()

    def left(self) -> tuple[int, int]:
        return self.pool.ready, len(self.carriage.shelf.by_key)


def batch(name: str) -> Batch:
    keys = {KeyId(f"{name}{index}"): KeyMaterial(bytearray(32)) for index in range(2)}
    until = Instant(START + minutes(1))
    return Batch(BatchId(name), KSID, SAE if name == "pooled" else PEER, keys, Provenance(Method.ADJACENT, 1, 1), until)


def keeper(*, is_empty: bool = False) -> Keeper:
    """Return it as it is after a restart, before any neighbour has said a word."""
    links = (joined(AB)[1], joined(BC)[0])
    kmlinks = {link.link: link for link in links}
    forwarding = Forwarding(B)
    generations = Generations(B, forwarding, 1_000)
    carriage = Carriage(B, kmlinks, forwarding, Shelf(), KeyBooks(stored=4), Duration(minutes(1)), generations)
    pool = Pool()
    if not is_empty:
        pool.add(batch("pooled"))
        carriage.shelf.add(batch("shelved"))
    found = Keeper(links, pool, carriage, Restored(B, kmlinks, carriage, lambda: [(KSID, pool)]))
    found.restored.resume()
    return found


@invariant("K1")
def test_they_wait_until_every_neighbour_has_answered() -> None:
    keeping = keeper()
    assert keeping.restored.is_withheld
    for link in keeping.links:
        assert keeping.restored.is_withheld
        link.lease.is_granted = True
        keeping.told()
    assert not keeping.restored.is_withheld
    assert keeping.left() == (2, 2)


def test_a_node_that_has_taken_up_nothing_waits_for_nobody() -> None:
    assert not keeper(is_empty=True).restored.is_withheld


def test_a_node_without_neighbours_has_nobody_to_ask() -> None:
    keeping = keeper()
    alone = Restored(B, {}, keeping.carriage, lambda: [(KSID, keeping.pool)])
    assert alone.resume() == []
    assert not alone.is_withheld


@invariant("K1")
@pytest.mark.parametrize("answers", [0, 1])
def test_after_a_while_one_neighbour_is_enough_but_one_it_takes(answers: int) -> None:
    keeping = keeper()
    for link in keeping.links[:answers]:
        link.lease.is_granted = True
        keeping.told()
    assert keeping.restored.is_withheld
    keeping.restored.on_overdue(OVERDUE, START)
    assert keeping.restored.is_withheld == (not answers)
    keeping.links[0].lease.is_granted = True
    keeping.told()
    assert not keeping.restored.is_withheld


@invariant("K1")
@pytest.mark.parametrize("witness", [0, 1])
def test_what_a_disk_held_that_was_put_back_is_wiped_durably_and_the_rest_goes_on(witness: int) -> None:
    keeping = keeper()
    materials = [material for each in keeping.pool.batches for material in each.keys.values()]
    keeping.links[witness].lease.is_put_back = True
    effects = keeping.told()
    assert keeping.left() == (0, 0)
    assert all(material.is_wiped for material in materials)
    assert saved(effects, BatchGone) == [BatchGone(KSID, BatchId(name), is_void=True) for name in ("pooled", "shelved")]
    assert [event.number for event in published(effects, KeysGone)] == [2, 2]
    assert (keeping.carriage.books.voided, keeping.carriage.books.stored) == (4, 0)
    assert not keeping.restored.is_withheld
    keeping.pool.add(batch("fresh"))
    assert keeping.told() == []  # what is made since is nobody else's
    assert keeping.left() == (2, 0)


@invariant("K1")
def test_an_incarnation_that_is_left_behind_hands_out_nothing_any_more() -> None:
    keeping = keeper()
    for link in keeping.links:
        link.lease.is_granted = True
        keeping.told()
    keeping.pool.add(batch("fresh"))
    keeping.links[1].lease.is_fenced = True
    keeping.told()
    assert keeping.left() == (0, 0)
    assert keeping.restored.is_withheld
    keeping.restored.on_overdue(OVERDUE, START)
    keeping.told()
    assert keeping.restored.is_withheld
