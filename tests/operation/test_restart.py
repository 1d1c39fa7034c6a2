"""Down and up on the same state: sessions return, keys are what was durable, and nothing is used twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partialmethod
from itertools import count
from pathlib import Path

import pytest

from keytwin.operation.office import Office
from keytwin.runtime.journal import Journal
from keytwin.service.conversation import Question
from keytwin.vocabulary.events import BlockPlaced, KeysReady
from keytwin.vocabulary.exchange_messages import (
    GetKey,
    GetKeyById,
    GetPoolStatus,
    KeyDelivered,
    KeyRefused,
    PoolStatus,
)
from keytwin.vocabulary.identity import ElementName, KeyId, LinkId, NodeId, SaeId, km_of, sae_element
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Instant, seconds
from tests.marks import invariant
from tests.operation.live import heard, network, on_uvloop, settings, up
from tests.operation.wire import Wiretap
from tests.runtime.journals import edited

FACE = ElementName("face/test")
ENDS = {"app01": ("km0", "km1"), "app23": ("km2", "km3"), "app45": ("km4", "km5")}
_numbers = count()


async def ask(office: Office, to: ElementName, message: Message) -> Message:
    came: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    office.network.live.ask(Question(to, message), came.set_result)
    return await came


async def pool(office: Office, app: str) -> PoolStatus:
    """Return the first end's pool, once its session is open."""
    master, slave = SaeId(f"{app}-a"), SaeId(f"{app}-b")
    while True:
        reply = await ask(
            office, sae_element(master), GetPoolStatus(f"t{next(_numbers)}", FACE, master=master, slave=slave)
        )
        if isinstance(reply, PoolStatus):
            return reply
        await heard(office, lambda *_: True)  # whatever happens next, the session may be open then


async def handed_out(office: Office, app: str, number: int) -> KeyDelivered:
    """Return keys for the app's first SAE."""
    status, master = await pool(office, app), SaeId(f"{app}-a")
    while True:
        get = GetKey(f"t{next(_numbers)}", FACE, status.ksid, master, number, None, seconds(30))
        reply = await ask(office, km_of(NodeId(ENDS[app][0])), get)
        if isinstance(reply, KeyDelivered):
            return reply
        assert isinstance(reply, KeyRefused)
        assert reply.reason is Reason.RATE_EXCEEDED  # buckets begin empty after a restart
        await heard(office, lambda *_: True)


async def taken(office: Office, app: str, number: int) -> dict[KeyId, bytes]:
    """Take keys as the app's first SAE."""
    return contents(await handed_out(office, app, number))


async def fetched(office: Office, app: str, key_ids: tuple[KeyId, ...]) -> dict[KeyId, bytes] | Reason:
    """Fetch keys as the app's second SAE."""
    get = GetKeyById(f"t{next(_numbers)}", FACE, SaeId(f"{app}-b"), key_ids, SaeId(f"{app}-a"))
    reply = await ask(office, km_of(NodeId(ENDS[app][1])), get)
    if isinstance(reply, KeyRefused):
        return reply.reason
    assert isinstance(reply, KeyDelivered)
    return contents(reply)


def contents(delivered: KeyDelivered) -> dict[KeyId, bytes]:
    found = {}
    for key in delivered.keys:
        with key.material.exposed() as octets:
            found[key.key_id] = bytes(octets)
    return found


@dataclass
class Diary:
    """Blocks that were placed, in one run."""

    blocks: dict[tuple[LinkId, NodeId], list[int]] = field(default_factory=dict)
    ready: int = 0

    def __call__(self, at: Instant, element: ElementName, event: Event) -> None:
        del at, element
        if isinstance(event, BlockPlaced):
            self.blocks.setdefault((event.link, event.node), []).append(event.number)
        if isinstance(event, KeysReady):
            self.ready += event.number


@pytest.mark.slow
@invariant("P1")
@invariant("K5")
@invariant("S6")
@invariant("O1")
def test_down_and_up_on_the_same_state_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a snapshot of the journal every few commits, so that most of what is found again comes from one."""
    monkeypatch.setattr(Journal, "shorten_by", partialmethod(Journal.shorten_by, longest_tail=8_192))
    star, wire, before, after = network("star6"), Wiretap(), Diary(), Diary()
    kept: dict[str, object] = {}

    async def first_run() -> None:
        async with up(settings(star, tmp_path / "state", speed=5.0)) as office:
            office.network.live.listeners.append(before)
            wire.listen(office)
            handed = await taken(office, "app23", 3)
            assert await fetched(office, "app23", tuple(handed)) == handed
            kept["done"] = handed
            kept["waiting"] = await taken(office, "app23", 2)
            kept["adjacent"] = await taken(office, "app01", 2)
            statuses = [await pool(office, app) for app in ENDS]
            kept["ksids"] = [status.ksid for status in statuses]

    async def second_run() -> None:
        async with up(settings(star, tmp_path / "state", speed=5.0)) as office:
            office.network.live.listeners.append(after)
            wire.listen(office)
            statuses = [await pool(office, app) for app in ENDS]
            assert [status.ksid for status in statuses] == kept["ksids"]
            done, waiting, adjacent = kept["done"], kept["waiting"], kept["adjacent"]
            assert isinstance(done, dict)
            assert isinstance(waiting, dict)
            assert isinstance(adjacent, dict)
            assert await fetched(office, "app23", tuple(done)) is Reason.KEY_UNKNOWN
            assert await fetched(office, "app23", tuple(waiting)) == waiting
            assert await fetched(office, "app01", tuple(adjacent)) == adjacent
            # What was in the pools is handed out now, and nothing of it is what was handed out before.
            more = await taken(office, "app23", 5)
            assert await fetched(office, "app23", tuple(more)) == more
            assert not set(more) & {*done, *waiting}
            assert not set(more.values()) & {*done.values(), *waiting.values()}
            await heard(office, lambda _, event: isinstance(event, BlockPlaced))
            await taken(office, "app23", 64)
            await heard(office, lambda _, event: isinstance(event, KeysReady))

    on_uvloop(first_run())
    on_uvloop(second_run())
    for place, numbers in after.blocks.items():
        assert min(numbers) > max(before.blocks.get(place, [0])), place
    assert after.blocks
    with edited(tmp_path / "state" / "journal" / "journal.db") as connection:
        assert connection.execute("SELECT min(id) FROM rows WHERE element = 'journal/snapshot'").fetchone()[0] > 100
    assert {"RelayKeys", "AssignKeys"} <= wire.kinds
    assert not wire.reused()
    assert len(wire.key_ids) == len(set(wire.key_ids)) > 64
