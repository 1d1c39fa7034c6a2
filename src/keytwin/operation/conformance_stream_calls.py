"""Questions by ETSI GS QKD 004 V2.1.1 to a key manager that is not ours: JSON over HTTPS, or binary frames over TLS.

As in `conformance_calls`, nothing that a stranger does is an error here.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import msgspec

from keytwin.operation.conformance_calls import PATIENCE, Asker, Party, Visitor, context_of, unanswered
from keytwin.operation.conformance_stream_frames import (
    LARGEST_PAYLOAD,
    NO_SERVICE,
    close_frame,
    frame,
    get_frame,
    open_frame,
    payload_length,
    told_in_frame,
)
from keytwin.operation.conformance_stream_reading import told_in_json
from keytwin.operation.conformance_stream_values import Function, Opening, Told
from keytwin.service.etsi004_frames import HEAD
from keytwin.service.etsi004_wire import CLOSE, GET_KEY, OPEN_CONNECT
from keytwin.service.etsi004_wire import PREFIX as USUAL_PATH
from keytwin.vocabulary.errors import Mistake

BINARY: Final = "tls"
BINARY_PORT: Final = 25_575  # where the public server of the framing listens


@dataclass(frozen=True, slots=True)
class Clock:
    """What measures waits and waits."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK: Final = Clock()


class Speaker(Protocol):
    """Whoever can call the three functions, and say what is none of them."""

    def open_connect(self, wanted: Opening) -> Told:
        """Call OPEN_CONNECT."""
        ...

    def get_key(self, ksid: str, index: int | None, room: int) -> Told:
        """Call GET_KEY; without an index for whatever comes next."""
        ...

    def close(self, ksid: str) -> Told:
        """Call CLOSE."""
        ...

    def babble(self) -> Told:
        """Say what is no call at all."""
        ...


StreamVisit: TypeAlias = Callable[[Party], Speaker]
Exchange: TypeAlias = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class JsonSpeaker:
    """Speaks JSON: one POST a call, below a path."""

    asker: Asker
    path: str = USUAL_PATH
    now: Callable[[], float] = time.monotonic

    def open_connect(self, wanted: Opening) -> Told:
        """Call OPEN_CONNECT; what the network is to choose is null, but for an empty media type."""
        chosen = {name: value or None for name, value in msgspec.structs.asdict(wanted.qos).items()}
        qos = {**chosen, "metadata_mimetype": wanted.qos.metadata_mimetype}
        body = {"source": wanted.source, "destination": wanted.destination, "key_stream_id": wanted.ksid, "qos": qos}
        return self._call(Function.OPEN_CONNECT, OPEN_CONNECT, msgspec.json.encode(body))

    def get_key(self, ksid: str, index: int | None, room: int) -> Told:
        """Call GET_KEY."""
        body = {"key_stream_id": ksid, "index": index, "metadata_size": room}
        return self._call(Function.GET_KEY, GET_KEY, msgspec.json.encode(body))

    def close(self, ksid: str) -> Told:
        """Call CLOSE."""
        return self._call(Function.CLOSE, CLOSE, msgspec.json.encode({"key_stream_id": ksid}))

    def babble(self) -> Told:
        """Post half of a JSON object."""
        return self._call(Function.GET_KEY, GET_KEY, b'{"key_stream_id":')

    def _call(self, function: Function, target: str, body: bytes) -> Told:
        began = self.now()
        reply = self.asker.ask("POST", self.path + target.removeprefix(USUAL_PATH), body)
        return replace(told_in_json(function, reply), seconds=self.now() - began)


@dataclass(frozen=True, slots=True)
class BinarySpeaker:
    """Speaks frames: one each way a call."""

    exchange: Exchange
    now: Callable[[], float] = time.monotonic

    def open_connect(self, wanted: Opening) -> Told:
        """Call OPEN_CONNECT."""
        return self._call(Function.OPEN_CONNECT, open_frame(wanted))

    def get_key(self, ksid: str, index: int | None, room: int) -> Told:
        """Call GET_KEY."""
        return self._call(Function.GET_KEY, get_frame(ksid, index, room))

    def close(self, ksid: str) -> Told:
        """Call CLOSE."""
        return self._call(Function.CLOSE, close_frame(ksid))

    def babble(self) -> Told:
        """Send a frame of a service that nobody has."""
        return self._call(Function.GET_KEY, frame(NO_SERVICE, b"?"))

    def _call(self, function: Function, octets: bytes) -> Told:
        began = self.now()
        try:
            told = told_in_frame(function, self.exchange(octets))
        except (OSError, EOFError) as error:
            reply = unanswered(error)
            told = Told(why=reply.why, is_refused_in_tls=reply.is_refused_in_tls)
        return replace(told, seconds=self.now() - began)


@dataclass(frozen=True, slots=True)
class Wire:
    """Sends one frame and reads one, over a TLS connection of its own."""

    address: tuple[str, int]
    context: ssl.SSLContext

    def __call__(self, octets: bytes) -> bytes:
        """Exchange them; OSError or EOFError when nothing whole comes back."""
        with (
            socket.create_connection(self.address, timeout=PATIENCE) as plain,
            self.context.wrap_socket(plain, server_hostname=self.address[0]) as secured,
        ):
            secured.sendall(octets)
            head = _exactly(secured, HEAD)
            length = payload_length(head)
            if length > LARGEST_PAYLOAD:
                raise EOFError(f"a frame of {length} octets")
            return head + _exactly(secured, length)


def speaker_of(party: Party) -> Speaker:
    """Return one who speaks as this SAE in the framing of its URL; as nobody, where its certificate is not there."""
    place = place_of(party.url)
    if place.is_binary:
        return BinarySpeaker(Wire(place.address, context_of(party.trusted, party.papers)))
    host, port = place.address
    named = f"[{host}]" if ":" in host else host
    return JsonSpeaker(Visitor(f"https://{named}:{port}", party.trusted, party.papers), place.path)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face is and how it is spoken to."""

    is_binary: bool
    address: tuple[str, int]
    path: str


def place_of(url: str) -> Place:
    """Read the URL of a face; Mistake when it is neither JSON's nor the frames'."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Mistake(f"{url!r} is no URL: it is https://HOST:PORT or tls://HOST:PORT") from None
    is_bare = not parts.query and not parts.fragment and parts.username is None and parts.hostname
    is_binary = parts.scheme == BINARY
    if not is_bare or parts.scheme not in {BINARY, "https"} or (is_binary and parts.path not in {"", "/"}):
        raise Mistake(
            f"{url!r} is no face of ETSI GS QKD 004: it is https://HOST:PORT for JSON, with a path where that is not "
            f"{USUAL_PATH}, or tls://HOST:PORT for binary frames"
        )
    path = USUAL_PATH if parts.path in {"", "/"} else f"{parts.path.rstrip('/')}/"
    return Place(is_binary, (str(parts.hostname), port or (BINARY_PORT if is_binary else 443)), path)


def _exactly(secured: ssl.SSLSocket, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        more = secured.recv(count - len(octets))
        if not more:
            raise EOFError(f"the connection ended after {len(octets)} octets")
        octets += more
    return octets
