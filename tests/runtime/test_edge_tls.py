"""The server's end of TLS by itself, shaken by real hands over memory: what goes out, and when."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keytwin.runtime.edge_tls import TlsWire
from keytwin.runtime.pki import Authority
from keytwin.runtime.tls import client_context, server_context
from tests.marks import clause, invariant
from tests.runtime.papers import KM0, NOW, SAE

TLS = "RFC 8446"


class Line(asyncio.Transport):
    """A TCP connection that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.ended = ""
        self.is_reading_ = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        self.written += data

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def pause_reading(self) -> None:
        self.is_reading_ = False

    def resume_reading(self) -> None:
        self.is_reading_ = True


class Listener:
    """Who speaks over the wire in these tests: keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.octets = b""

    def joined(self, wire: TlsWire) -> None:
        assert wire.is_open
        self.events.append("joined")

    def shaken(self, peer: ssl.SSLObject) -> None:
        assert peer.getpeercert()
        self.events.append("shaken")

    def heard(self, octets: bytes) -> None:
        self.octets += octets
        if not octets:
            self.events.append("ended")

    def drained(self) -> None:
        self.events.append("drained")

    def lost(self) -> None:
        self.events.append("lost")


class Scene:
    """A wire, and a client that is joined to it by memory."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.line, self.listener = Line(), Listener()
        self.wire = TlsWire(server, self.listener)
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.to_client, self.to_server, server_hostname="localhost")
        self.wire.connection_made(self.line)

    def shake(self) -> Scene:
        for _ in range(4):
            with suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.carry()
        return self

    def carry(self, size: int = 1_000_000) -> None:
        """Carry what either has said to the other, in pieces of a size."""
        octets = self.to_server.read()
        for start in range(0, len(octets), size):
            self.wire.data_received(octets[start : start + size])
        self.to_client.write(bytes(self.line.written))
        self.line.written.clear()

    def read(self) -> bytes:
        octets = b""
        try:
            while piece := self.client.read(65_536):
                octets += piece
        except ssl.SSLWantReadError:
            pass
        return octets


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "pki", "star6", NOW)


@pytest.fixture
def scene(authority: Authority) -> Scene:
    return Scene(server_context(authority.issue(KM0, NOW)), client_context(authority.issue(SAE, NOW)))


def test_hands_are_shaken_and_octets_go_both_ways(scene: Scene) -> None:
    scene.shake()
    assert scene.client.write(b"question") == 8
    scene.carry()
    scene.wire.write(b"answer")
    scene.carry()
    assert (scene.listener.octets, scene.read()) == (b"question", b"answer")
    assert scene.listener.events == ["joined", "shaken"]


@clause(TLS, "6.2")
@invariant("Z1")
def test_who_shows_no_certificate_is_told_so_and_closed(authority: Authority) -> None:
    stranger = ssl.create_default_context(cafile=str(authority.trusted))
    scene = Scene(server_context(authority.issue(KM0, NOW)), stranger)
    scene.shake()
    assert scene.line.ended == "closed"
    with pytest.raises(ssl.SSLError, match="alert certificate required"):
        scene.read()
    assert scene.listener.events == ["joined"]


@clause(TLS, "6.2")
@invariant("Z9")
@given(octets=st.binary(min_size=1, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_what_is_no_tls_is_closed_or_waited_for(authority: Authority, octets: bytes) -> None:
    line, listener = Line(), Listener()
    wire = TlsWire(server_context(authority.issue(KM0, NOW)), listener)
    wire.connection_made(line)
    wire.data_received(octets)
    wire.data_received(octets * 20_000)  # beyond the longest record that its first octets may have announced
    assert listener.octets == b""
    assert listener.events == ["joined"]
    assert line.ended == "closed"


@invariant("Z5")
def test_what_is_written_may_be_overwritten_at_once(scene: Scene) -> None:
    scene.shake()
    for size in (1, 16_384, 16_385, 300_000):
        octets = bytearray(b"k" * size)
        scene.wire.write(octets)
        octets[:] = bytes(size)
        scene.carry()
        assert scene.read() == b"k" * size


@pytest.mark.parametrize("size", [1, 7, 1_000, 50_000])
def test_octets_come_whole_whatever_pieces_tcp_makes(scene: Scene, size: int) -> None:
    scene.shake()
    sent = bytes(range(256)) * 200
    scene.client.write(sent)
    scene.carry(size)
    assert scene.listener.octets == sent


@clause(TLS, "6.1")
def test_the_end_is_said_before_the_connection_closes(scene: Scene) -> None:
    scene.shake()
    scene.wire.write(b"last")
    scene.wire.close()
    scene.carry()
    assert scene.line.ended == "closed"
    assert scene.read() == b"last"  # and then the client reads an end, not a wait
    assert scene.client.read(1) == b""


@clause(TLS, "6.1")
def test_the_end_of_the_peers_sending_is_heard(scene: Scene) -> None:
    scene.shake()
    with pytest.raises(ssl.SSLWantReadError):
        scene.client.unwrap()
    scene.carry()
    assert scene.listener.events == ["joined", "shaken", "ended"]
    scene.wire.write(b"still answered")
    assert scene.line.written


def test_a_broken_record_ends_the_connection(scene: Scene) -> None:
    scene.shake()
    scene.client.write(b"question")
    octets = bytearray(scene.to_server.read())
    octets[-1] ^= 1
    scene.wire.data_received(bytes(octets))
    assert scene.listener.octets == b""
    assert scene.line.ended == "closed"


def test_nothing_is_written_to_who_has_gone_or_has_not_shaken_hands(scene: Scene) -> None:
    scene.wire.write(b"too early")
    assert scene.line.written == b""
    scene.shake()
    scene.wire.close(at_once=True)
    scene.wire.write(b"too late")
    scene.wire.read_on(wanted=False)
    scene.wire.connection_lost(None)
    scene.wire.close()
    assert (scene.line.ended, bytes(scene.line.written), scene.line.is_reading_) == ("aborted", b"", True)
    assert scene.listener.events[-1] == "lost"


def test_reading_and_writing_are_held_back_by_tcp(scene: Scene) -> None:
    scene.shake()
    scene.wire.read_on(wanted=False)
    assert not scene.line.is_reading_
    scene.wire.read_on(wanted=True)
    assert scene.line.is_reading_
    scene.wire.pause_writing()
    assert scene.wire.is_clogged
    scene.wire.resume_writing()
    assert (scene.wire.is_clogged, scene.listener.events[-1]) == (False, "drained")
