"""Streams in bad times, over loopback: peers die, come back, come twice, do not read or say nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from keytwin.runtime.journal_codec import encode
from keytwin.runtime.pki import Authority
from keytwin.runtime.transport_connection import MOST_WAITING
from keytwin.vocabulary.exchange_messages import BorrowCredit
from keytwin.vocabulary.identity import Ksid, NodeId
from tests.runtime.papers import DAY, NOW
from tests.runtime.posts import (
    HOST,
    KM_A,
    KM_B,
    KM_C,
    LOOPS,
    acknowledgement,
    in_loop,
    pair,
    papers,
    post,
    raw,
    speaking,
    stranger,
)

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority") / "pki", "net", NOW - 10 * DAY)


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Loop:
    return LOOPS[request.param]


def test_a_peer_that_dies_in_the_middle_of_a_frame_leaves_nothing_and_may_come_back(
    shared: Authority, loop: Loop
) -> None:
    async def scene() -> None:
        context = speaking(papers(shared, KM_B))
        async with post(shared) as here:
            await here.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            port = here.streams.port(KM_A)
            frame = raw(encode(acknowledgement(1, "b")))
            async with stranger(port, context) as someone:
                assert await someone.is_greeted()
                someone.writer.write(frame + frame[:-1])
                await here.until(lambda: here.offsets == [1])
                someone.vanish()
                await here.parted((KM_A, KM_B))
            async with stranger(port, context) as someone:
                assert await someone.is_greeted()
                someone.writer.write(frame)
                await here.until(lambda: here.offsets == [1, 1])
            assert here.violations == []

    in_loop(loop, scene())


def test_a_dialler_finds_a_peer_that_was_restarted(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with post(shared) as dialler:
            async with post(shared) as first:
                await first.streams.listen(KM_B, papers(shared, KM_B), HOST, 0)
                port = first.streams.port(KM_B)
                dialler.streams.dial(KM_A, KM_B, (HOST, port), papers(shared, KM_A))
                await dialler.connected((KM_A, KM_B))
                dialler.streams.send(KM_A, KM_B, acknowledgement(1))
                await first.until(lambda: first.offsets == [1])
            await dialler.parted((KM_A, KM_B))
            dialler.streams.send(KM_A, KM_B, acknowledgement(2))
            async with post(shared) as second:
                await second.streams.listen(KM_B, papers(shared, KM_B), HOST, port)
                await dialler.connected((KM_A, KM_B))
                dialler.streams.send(KM_A, KM_B, acknowledgement(3))
                await second.until(lambda: second.offsets == [3])
            assert dialler.streams.statistics().counts.dropped == 1

    in_loop(loop, scene())


def test_a_dialler_tries_until_somebody_listens(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        with socket.create_server((HOST, 0)) as reserved:
            port = reserved.getsockname()[1]
        async with post(shared) as here:
            here.streams.dial(KM_A, KM_B, (HOST, port), papers(shared, KM_A))
            await here.until(lambda: len(here.changes) == 3)
            assert not any(is_up for _, _, is_up, _ in here.changes)
            await here.streams.listen(KM_B, papers(shared, KM_B), HOST, port)
            await here.connected((KM_A, KM_B), (KM_B, KM_A))

    in_loop(loop, scene())


def test_of_two_connections_the_newer_counts(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        context = speaking(papers(shared, KM_B))
        async with post(shared) as here:
            await here.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            port = here.streams.port(KM_A)
            async with stranger(port, context) as older, stranger(port, context) as newer:
                assert await older.is_greeted()
                assert await newer.is_greeted()
                await older.is_thrown_out()
                here.streams.send(KM_A, KM_B, acknowledgement(1))
                frame = raw(encode(acknowledgement(1)))
                assert await newer.reader.readexactly(len(frame)) == frame
            await here.parted((KM_A, KM_B))
            assert [change[2] for change in here.changes] == [True, True, False]

    in_loop(loop, scene())


def test_two_that_dial_each_other_end_up_with_one_connection(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with post(shared) as one, post(shared) as other:
            await one.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            await other.streams.listen(KM_B, papers(shared, KM_B), HOST, 0)
            one.streams.dial(KM_A, KM_B, (HOST, other.streams.port(KM_B)), papers(shared, KM_A))
            await one.connected((KM_A, KM_B))
            other.streams.dial(KM_B, KM_A, (HOST, one.streams.port(KM_A)), papers(shared, KM_B))
            for number in range(1, 51):  # time enough for a second connection
                one.streams.send(KM_A, KM_B, acknowledgement(number))
                await other.received(number)
            assert one.changes == [(KM_A, KM_B, True, "")]
            assert other.changes == [(KM_B, KM_A, True, "")]

    in_loop(loop, scene())


def test_closing_ends_every_connection_and_dials_no_more(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with pair(shared) as here:
            await here.streams.close()
            assert here.streams.statistics().connected == ()
            assert {cause for _, _, is_up, cause in here.changes if not is_up} == {"closed"}
            assert len(asyncio.all_tasks()) == 1
            assert here.streams._board.is_closing  # who still shakes hands is not let in

    in_loop(loop, scene())


def test_who_does_not_read_costs_its_own_messages_and_nobody_elses(shared: Authority, loop: Loop) -> None:
    large = BorrowCredit(NodeId("b"), Ksid("k" * 500_000), 1, onward=True, wanted=1, lent=0)

    async def scene() -> None:
        async with pair(shared) as here:
            port = here.streams.port(KM_B)
            async with stranger(port, speaking(papers(shared, KM_C))) as slow:
                assert await slow.is_greeted()
                slow.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio types it as one that only writes
                for _ in range(100):
                    here.streams.send(KM_B, KM_C, large)
                    await asyncio.sleep(0)
                assert here.streams.statistics().counts.dropped > 0
                waiting = here.streams._board.connections[KM_B, KM_C]._waiting
                assert sum(map(len, waiting)) < MOST_WAITING + 501_000
                here.streams.send(KM_B, KM_A, acknowledgement(1, "b"))
                here.streams.send(KM_A, KM_B, acknowledgement(2))
                await here.until(lambda: len(here.letters) == 2)
                assert here.offsets == [1, 2]

    in_loop(loop, scene())


def test_who_says_nothing_keeps_nobody_waiting(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            await here.streams.listen(KM_B, papers(shared, KM_B), HOST, 0)
            port = here.streams.port(KM_B)
            silent = [await asyncio.open_connection(HOST, port) for _ in range(20)]
            here.streams.dial(KM_A, KM_B, (HOST, port), papers(shared, KM_A))
            await here.connected((KM_A, KM_B), (KM_B, KM_A))
            assert here.violations == []
            for reader, writer in silent:
                writer.write_eof()
                assert await reader.read() == b""
                writer.close()

    in_loop(loop, scene())


def test_sockets_send_at_once_and_find_dead_peers(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with pair(shared) as here:
            for connection in here.streams._board.connections.values():
                assert connection._transport is not None
                shown = connection._transport.get_extra_info("socket")
                with socket.socket(fileno=socket.dup(shown.fileno())) as own:
                    assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    if hasattr(socket, "TCP_USER_TIMEOUT"):
                        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1000

    in_loop(loop, scene())
