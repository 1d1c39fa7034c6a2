"""Streams over real TLS on loopback: who is let in, what comes through, and what happens when somebody goes."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.journal_codec import encode
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.pki import Authority
from keytwin.runtime.transport import Backoff
from keytwin.runtime.transport_codec import GREETING, LARGEST_KEYS
from keytwin.vocabulary.errors import Oversize
from keytwin.vocabulary.identity import ElementName, NodeId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import BlockReceived, LinkKeyBlock
from tests.marks import invariant
from tests.runtime.papers import CLIENT, DAY, NOW, SERVER, Paper, leaf_in, signer_of
from tests.runtime.posts import (
    AB,
    FIBRE,
    HOST,
    KM_A,
    KM_B,
    KM_C,
    LOOPS,
    TWIN_AB,
    Post,
    acknowledgement,
    in_loop,
    pair,
    papers,
    post,
    raw,
    serving,
    speaking,
    stranger,
)

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nothing is revoked at."""
    return Authority.create(tmp_path_factory.mktemp("authority") / "pki", "net", NOW - 10 * DAY)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "pki", "net", NOW - 10 * DAY)


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Loop:
    return LOOPS[request.param]


# --- what comes through ---------------------------------------------------------------------------------------------


def test_messages_go_both_ways_over_one_connection(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with pair(shared) as here:
            here.streams.send(KM_A, KM_B, acknowledgement(1))
            here.streams.send(KM_B, KM_A, acknowledgement(2, "b", FIBRE))
            await here.until(lambda: len(here.letters) == 2)
            assert (KM_A, KM_B, acknowledgement(1)) in here.letters
            assert (KM_B, KM_A, acknowledgement(2, "b", FIBRE)) in here.letters
            counts = here.streams.statistics().counts
            assert (counts.frames_sent, counts.frames_received, counts.dropped, counts.violations) == (2, 2, 0, 0)
            assert counts.octets_received == counts.octets_sent + len(GREETING)
            assert len(here.streams._board.live) == 2

    in_loop(loop, scene())


def test_ten_thousand_messages_in_a_row_come_in_order(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with pair(shared) as here:
            for offset in range(10_000):
                here.streams.send(KM_A, KM_B, acknowledgement(offset))
            await here.until(lambda: len(here.letters) == 10_000)
            assert here.offsets == list(range(10_000))
            assert here.streams.statistics().counts.dropped == 0

    in_loop(loop, scene())


@pytest.mark.parametrize("octets", [128, 3_000_000])
def test_a_block_of_key_arrives_and_is_wiped_where_it_came_from(shared: Authority, loop: Loop, octets: int) -> None:
    secret = random.Random(octets).randbytes(octets)
    material = KeyMaterial(bytearray(secret))

    async def scene() -> None:
        async with pair(shared, TWIN_AB, KM_A) as here:
            here.streams.send(TWIN_AB, KM_A, LinkKeyBlock(AB, 7, material, 0.02))
            assert material.is_wiped
            await here.until(lambda: len(here.letters) == 1)
            source, target, block = here.letters[0]
            assert (source, target) == (TWIN_AB, KM_A)
            assert isinstance(block, LinkKeyBlock)
            assert (block.link, block.number, block.qber) == (AB, 7, 0.02)
            with block.material.exposed() as got:
                assert got == secret
            answer = BlockReceived(AB, NodeId("a"), 7)
            here.streams.send(KM_A, TWIN_AB, answer)
            await here.until(lambda: len(here.letters) == 2)
            assert here.letters[1] == (KM_A, TWIN_AB, answer)

    in_loop(loop, scene())


def test_blocks_in_a_burst_arrive_whole_though_each_is_overwritten_when_written(shared: Authority, loop: Loop) -> None:
    secrets = [random.Random(number).randbytes(1_000_000) for number in range(8)]

    async def scene() -> None:
        async with pair(shared, TWIN_AB, KM_A) as here:
            for number, secret in enumerate(secrets, start=1):
                here.streams.send(TWIN_AB, KM_A, LinkKeyBlock(AB, number, KeyMaterial(bytearray(secret)), 0.02))
            await here.until(lambda: len(here.letters) == len(secrets))
            for (_, _, block), secret in zip(here.letters, secrets, strict=True):
                assert isinstance(block, LinkKeyBlock)
                with block.material.exposed() as got:
                    assert got == secret

    in_loop(loop, scene())


def test_what_finds_no_connection_is_dropped_and_wiped(shared: Authority) -> None:
    material = KeyMaterial(bytearray(b"secret"))

    async def scene() -> None:
        async with post(shared) as here:
            here.streams.send(TWIN_AB, KM_A, LinkKeyBlock(AB, 7, material, 0.02))
            assert here.streams.statistics().counts.dropped == 1

    in_loop(asyncio.new_event_loop, scene())
    assert material.is_wiped


def test_whoever_listens_on_the_wire_hears_every_frame_until_taken_away(shared: Authority) -> None:
    heard: list[tuple[ElementName, ElementName, bytes]] = []

    async def scene() -> None:
        async with pair(shared) as here:
            here.streams.taps.append(lambda *what: heard.append(what))
            for offset in (1, 2):
                here.streams.send(KM_A, KM_B, acknowledgement(offset))
            here.streams.taps.clear()
            here.streams.send(KM_A, KM_B, acknowledgement(3))
            await here.until(lambda: len(here.letters) == 3)

    in_loop(asyncio.new_event_loop, scene())
    assert heard == [(KM_A, KM_B, raw(encode(acknowledgement(offset)))) for offset in (1, 2)]


# --- who is let in --------------------------------------------------------------------------------------------------


@invariant("Z1")
def test_a_dialler_meets_whom_it_dialled_or_nobody(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            await here.streams.listen(KM_C, papers(shared, KM_C), HOST, 0)
            here.streams.dial(KM_B, KM_A, (HOST, here.streams.port(KM_C)), papers(shared, KM_B))
            await here.until(lambda: len(here.violations) >= 2)
            assert (KM_B, KM_A, "km/c is where km/a should be") in here.accusations
            assert (KM_B, KM_A) not in here.streams.statistics().connected
            here.streams.send(KM_B, KM_A, acknowledgement(1, "b"))
            assert here.streams.statistics().counts.dropped == 1

    in_loop(loop, scene())


@invariant("Z1")
def test_a_certificate_for_another_host_is_no_peer(authority: Authority, loop: Loop, tmp_path: Path) -> None:
    names = (x509.UniformResourceIdentifier("spiffe://net/km/b"), x509.DNSName("km-b.example"))
    elsewhere = Paper(names=names, common=("b",), uses=(SERVER, CLIENT))

    async def scene() -> None:
        async with post(authority) as here:
            files = elsewhere.filed(tmp_path / "elsewhere", authority, signer_of(tmp_path / "pki"))
            await here.streams.listen(KM_B, files, HOST, 0)
            here.streams.dial(KM_A, KM_B, (HOST, here.streams.port(KM_B)), papers(authority, KM_A))
            await here.until(lambda: len(here.changes) >= 2)
            assert all("IP address mismatch" in cause and not is_up for _, _, is_up, cause in here.changes)

    in_loop(loop, scene())


@invariant("Z1")
@pytest.mark.parametrize(
    ("identity", "cause"),
    [
        (Identity(Role.KM, "c"), "km/a and km/c have no link in common"),
        (Identity(Role.KM, "a"), "km/a and km/a have no link in common"),
        (Identity(Role.ELEMENT, "link/b--c"), "km/a and link/b--c have no link in common"),
        (Identity(Role.ELEMENT, "km/b"), "element/km/b has no stream to a key manager"),
        (Identity(Role.ELEMENT, "controller"), "element/controller has no stream to a key manager"),
        (Identity(Role.SAE, "b"), "sae/b has no stream to a key manager"),
        (Identity(Role.OPERATOR, "b"), "operator/b has no stream to a key manager"),
    ],
    ids=lambda each: str(each) if isinstance(each, Identity) else "",
)
def test_who_shares_no_link_is_not_let_in(shared: Authority, identity: Identity, cause: str) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            await here.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            files = shared.issue(identity, NOW)
            async with stranger(here.streams.port(KM_A), speaking(files)) as someone:
                assert not await someone.is_greeted()
            assert here.accusations == [(KM_A, None, cause)]
            assert here.streams.statistics().counts.violations == 1

    in_loop(asyncio.new_event_loop, scene())


@invariant("Z1")
@pytest.mark.parametrize("alpn", [(), ("http/1.1",), ("keytwin-km/2",)], ids=["none", "http", "later"])
def test_another_protocol_is_not_let_in(shared: Authority, loop: Loop, alpn: tuple[str, ...]) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            await here.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            async with stranger(here.streams.port(KM_A), speaking(papers(shared, KM_B), alpn)) as someone:
                assert not await someone.is_greeted()
            assert here.accusations == [(KM_A, None, "km/b does not speak keytwin-km/1")]

    in_loop(loop, scene())


def of_foreign_authority(authority: Authority, folder: Path) -> ssl.SSLContext:
    files = papers(Authority.create(folder / "foreign", "net", NOW), KM_B)
    return speaking(replace(files, trusted=authority.trusted, revoked=authority.revoked))


def revoked(authority: Authority, _: Path) -> ssl.SSLContext:
    files = papers(authority, KM_B)
    authority.revoke_identity(files.identity, NOW)
    return speaking(files)


def ended(authority: Authority, _: Path) -> ssl.SSLContext:
    return speaking(authority.issue(Identity(Role.KM, "b"), NOW - 2 * DAY))


def without_certificate(authority: Authority, _: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.trusted))


@invariant("Z1")
@pytest.mark.parametrize("someone", [of_foreign_authority, revoked, ended, without_certificate])
def test_no_good_certificate_no_connection(
    authority: Authority, loop: Loop, tmp_path: Path, someone: Callable[[Authority, Path], ssl.SSLContext]
) -> None:
    context = someone(authority, tmp_path)
    context.set_alpn_protocols(["keytwin-km/1"])

    async def scene() -> None:
        async with post(authority) as here:
            await here.streams.listen(KM_A, papers(authority, KM_A), HOST, 0)
            async with stranger(here.streams.port(KM_A), context) as visitor:
                visitor.writer.write(raw(encode(acknowledgement(1, "b"))))
                assert not await visitor.is_greeted()
            assert here.letters == []
            assert here.streams.statistics().connected == ()

    in_loop(loop, scene())


@invariant("Z1")
def test_a_dialler_that_is_refused_hears_the_cause_and_is_never_connected(
    authority: Authority, loop: Loop, tmp_path: Path
) -> None:
    foreign = papers(Authority.create(tmp_path / "foreign", "net", NOW), KM_B)
    files = replace(foreign, trusted=authority.trusted, revoked=authority.revoked)

    async def scene() -> None:
        async with post(authority) as here:
            await here.streams.listen(KM_A, papers(authority, KM_A), HOST, 0)
            here.streams.dial(KM_B, KM_A, (HOST, here.streams.port(KM_A)), files)
            await here.until(lambda: len(here.changes) >= 3)
            assert {(own, peer, is_up) for own, peer, is_up, _ in here.changes} == {(KM_B, KM_A, False)}

    in_loop(loop, scene())


@invariant("Z1")
def test_revocation_ends_a_connection_and_no_other(authority: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with pair(authority) as here:
            address = HOST, here.streams.port(KM_B)
            here.streams.dial(KM_C, KM_B, address, papers(authority, KM_C))
            await here.connected((KM_C, KM_B), (KM_B, KM_C))
            here.streams.drop_denied()
            assert len(here.streams.statistics().connected) == 4
            authority.revoke_identity(Identity(Role.KM, "c"), NOW)
            here.streams.renew(KM_B)
            here.streams.drop_denied()
            assert here.accusations == [(KM_B, KM_C, "the peer's certificate is revoked")]
            await here.parted((KM_C, KM_B))
            await here.until(lambda: sum(change[:3] == (KM_C, KM_B, False) for change in here.changes) >= 2)
            assert set(here.streams.statistics().connected) == {(KM_A, KM_B), (KM_B, KM_A)}
            assert (KM_A, KM_B, False) not in {change[:3] for change in here.changes}

    in_loop(loop, scene())


def test_a_renewed_certificate_is_shown_from_then_on(authority: Authority, loop: Loop) -> None:
    async def shown(here: Post, files: LeafFiles) -> int:
        async with stranger(here.streams.port(KM_B), speaking(files)) as someone:
            assert await someone.is_greeted()
            octets = someone.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return hash(octets)

    async def scene() -> None:
        files = papers(authority, KM_A)
        async with post(authority) as here:
            own = papers(authority, KM_B)
            await here.streams.listen(KM_B, own, HOST, 0)
            first = await shown(here, files)
            before = leaf_in(own.certificate).serial_number
            papers(authority, KM_B)
            assert leaf_in(own.certificate).serial_number != before
            assert await shown(here, files) == first
            here.streams.renew(KM_B)
            assert await shown(here, files) != first

    in_loop(loop, scene())


# --- who breaks the protocol ----------------------------------------------------------------------------------------


@invariant("Z1")
@pytest.mark.parametrize(
    ("octets", "cause"),
    [
        (raw(encode(acknowledgement(1, "c"))), "km/b sends a KeysReceived in the name of another key manager"),
        (raw(encode(LinkKeyBlock(AB, 1, KeyMaterial(bytearray(4)), 0.0))), "km/b sends what is no message of its own"),
        (raw(b"\xc1"), "km/b sends what is no message of its own"),
        (b"GET / HTTP/1.1\r\n\r\n", "announces 1195725856 octets"),
        ((LARGEST_KEYS + 1).to_bytes(4), "announces 8388609 octets: 8388608 is the most"),
    ],
    ids=["another's name", "not its part", "no message", "http", "oversize"],
)
def test_who_breaks_the_protocol_is_thrown_out_and_named(
    shared: Authority, loop: Loop, octets: bytes, cause: str
) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            await here.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            async with stranger(here.streams.port(KM_A), speaking(papers(shared, KM_B))) as someone:
                assert await someone.is_greeted()
                good = raw(encode(acknowledgement(1, "b")))
                someone.writer.write(good + octets + good)
                await someone.is_thrown_out()
            assert [(own, peer) for own, peer, _ in here.accusations] == [(KM_A, KM_B)]
            assert cause in here.accusations[0][2]
            assert here.offsets == [1]
            assert here.streams.statistics().counts.violations == 1
            assert here.streams.statistics().connected == ()

    in_loop(loop, scene())


def test_an_oversize_frame_is_told_as_such(shared: Authority) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            await here.streams.listen(KM_A, papers(shared, KM_A), HOST, 0)
            async with stranger(here.streams.port(KM_A), speaking(papers(shared, KM_B))) as someone:
                someone.writer.write(b"\xff" * 4)
                await someone.is_thrown_out()
            assert isinstance(here.violations[0][2], Oversize)

    in_loop(asyncio.new_event_loop, scene())


def test_a_listener_that_speaks_before_it_greets_is_left(shared: Authority, loop: Loop) -> None:
    async def scene() -> None:
        async with post(shared) as here:
            octets = raw(encode(acknowledgement(1, "b")))
            async with serving(papers(shared, KM_B), lambda someone: someone.writer.write(octets)) as port:
                here.streams.dial(KM_A, KM_B, (HOST, port), papers(shared, KM_A))
                await here.until(lambda: len(here.violations) >= 1)
            assert here.accusations[0] == (KM_A, KM_B, "km/b sends before it has greeted")
            assert here.letters == []

    in_loop(loop, scene())


# --- how often one tries --------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_pauses_grow_to_their_limit_and_are_never_all_the_same(failures: int, seed: int) -> None:
    backoff = Backoff()
    pause = backoff.pause(failures, random.Random(seed))
    whole = min(0.05 * 2.0 ** min(failures, 10), 1.0)
    assert whole / 2 <= pause <= whole
    assert pause == backoff.pause(failures, random.Random(seed))
    assert pause != backoff.pause(failures, random.Random(seed + 1))
