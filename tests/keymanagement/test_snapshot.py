"""What a key manager says in short of what must not come back, and of addresses at which nothing ever was."""

from __future__ import annotations

import pytest

from keytwin.keymanagement.blocks import BlockHeld
from keytwin.keymanagement.forwarding import HopForgotten
from keytwin.keymanagement.manager import KeyManager
from keytwin.keymanagement.pool import BatchGone
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import RecordsLost
from tests.marks import invariant
from tests.runtime.shortening import books, golden, restored, short, written

NAME = km_of(NodeId("a"))
OVER, LATER = Ksid("11111111-1111-4111-8111-111111111111"), Ksid("22222222-2222-4222-8222-222222222222")


@invariant("O1")
@invariant("S3")
@invariant("R2")
def test_o1_neither_a_deleted_session_nor_a_batch_that_is_gone_comes_back_by_a_snapshot() -> None:
    ends = written([HopForgotten(OVER, 3), BatchGone(OVER, "voided", is_void=True), HopForgotten(LATER, 1)])
    once = short(NAME, [*golden()[NAME], *ends])
    again = short(NAME, [*once, *written([HopForgotten(OVER, 5), BatchGone(OVER, "late", is_void=False)])])
    machine, _ = restored(NAME, again)
    assert isinstance(machine, KeyManager)
    assert machine.forwarding.tombstones == {OVER: 5, LATER: 1}
    assert list(machine.carriage.gone)[-2:] == ["voided", "late"]


@invariant("O1")
@invariant("P5")
@pytest.mark.parametrize("is_lost", [True, False], ids=["lost-here", "lost-there"])
def test_o1_books_close_where_addresses_were_left_out(*, is_lost: bool) -> None:
    lost, link = RecordsLost(3), LinkId("a--b")
    first, second = (KeyMaterial(bytearray(b"\x11" * count)) for count in (700, 500))
    block = BlockHeld(link, 9, True, lost.beyond, lost.beyond, first, second)  # noqa: FBT003  # is_placed
    before = written([lost] if is_lost else [])
    saved = [*before, *written([block])]
    whole, said = restored(NAME, saved)
    after, said_again = restored(NAME, [*before, *short(NAME, saved)])
    assert books(after) == books(whole)
    assert said_again == said
    assert isinstance(after, KeyManager)
    assert all(account.balance == 0 for account in after.link_accounts())
    assert after.links.kmlinks[link].out.end == lost.beyond + 700
