"""One connection of a face: requests in, one at a time and in their order, answers out, and a deadline for each wait.

Who asks is told by the certificate alone (ETSI GS QKD 014 V1.1.1 clause 5): looked at when the handshake is over and
again at each request, because a connection may outlive it. A request makes no task and no future.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from keytwin.runtime.crash import Supervise
from keytwin.runtime.edge_exchange import Asker, Exchange
from keytwin.runtime.edge_limits import LIMITS, EdgeLimits
from keytwin.runtime.edge_reader import CONTINUE, RequestReader
from keytwin.runtime.edge_tls import TlsWire
from keytwin.runtime.edge_usual import Received
from keytwin.runtime.edge_watch import Phase, Watch
from keytwin.runtime.edge_wire import DateLine, transmit
from keytwin.runtime.identities import Role, UnknownPeer
from keytwin.runtime.tls import Doorkeeper, Peer
from keytwin.service.conversation import Face
from keytwin.service.etsi014_errors import error, unauthorised
from keytwin.service.http import Header, Response
from keytwin.vocabulary.session_messages import Reason

Misbehave = Callable[[Response, Callable[[Response], None]], None]
"""Given an answer and how to write it: writes it, another one, later or never."""

SOON: Final[Header] = ("Retry-After", "1")
FAILED: Final = error(503, Reason.UNAVAILABLE.value, headers=(SOON,))
LATE: Final = error(503, Reason.TIMED_OUT.value, headers=(SOON,))
TOO_SLOW: Final = error(408, "the request took too long to arrive")
UNAUTHORISED: Final = unauthorised()

# To look a member up in its Enum costs more than a call: those of each request are at hand.
CLOSING: Final = Phase.CLOSING
IDLE: Final = Phase.IDLE
ANSWERING: Final = Phase.ANSWERING


class Reader(Protocol):
    """Makes requests of octets; `RequestReader` says what each member is."""

    awaits_continue: bool

    def __init__(self, limits: EdgeLimits) -> None: ...

    @property
    def is_between(self) -> bool:
        """Whether nothing has come of a request that is not whole yet."""
        ...

    @property
    def has_unread(self) -> bool:
        """Whether octets wait here."""
        ...

    def take(self, octets: bytes) -> None:
        """Keep what has come."""
        ...

    def next(self) -> Received | Response | None:
        """Return the next whole request."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Transmit(Protocol):
    """Writes an answer; `edge_wire.transmit` says how."""

    def __call__(
        self, wire: TlsWire, response: Response, received: Received | None, date: bytes, *, is_last: bool
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class EdgeSetup:
    """What a face is made of; `label` begins its request identifiers and is unique among those that ask elements."""

    label: str
    role: Role
    context: ssl.SSLContext
    doorkeeper: Doorkeeper
    face: Face
    asker: Asker
    supervise: Supervise
    now: Callable[[], datetime]
    limits: EdgeLimits = LIMITS
    misbehave: Misbehave | None = None
    reader: type[Reader] = RequestReader
    transmit: Transmit = transmit


@dataclass(slots=True)
class Register:
    """The connections of a face and what it has counted; newcomers and idle ones in their order."""

    label: str
    connections: set[EdgeConnection] = field(default_factory=set)
    newcomers: dict[EdgeConnection, None] = field(default_factory=dict)
    idle: dict[EdgeConnection, None] = field(default_factory=dict)
    known: int = 0  # those of peers who have shown a certificate
    date: DateLine = field(default_factory=DateLine)
    requests: int = 0
    refused: int = 0  # requests that broke HTTP or a limit
    strangers: int = 0  # peers that shook hands and are nobody here
    failed_handshakes: int = 0
    failures: int = 0  # of the face or an element, as nobody expected

    def next_request_id(self) -> str:
        """Return an identifier that was not used before."""
        self.requests += 1
        return f"{self.label}-{self.requests}"

    def admit(self, newcomer: EdgeConnection, most: int) -> None:
        """Let somebody shake hands. Whoever has been at it for longest makes way, and nobody who is known does."""
        if len(self.newcomers) >= most:
            self.failed_handshakes += 1
            next(iter(self.newcomers)).close(at_once=True)
        self.connections.add(newcomer)
        self.newcomers[newcomer] = None

    def has_room(self, most: int) -> bool:
        """Whether one more peer that is known may stay; the one that has been idle for longest makes way for it."""
        self.known += 1
        oldest = next(iter(self.idle), None)
        if self.known > most and oldest is not None:
            oldest.close(at_once=True)
        return self.known <= most or oldest is not None


class EdgeConnection:
    """Reads, asks, writes. At any time it is in one phase, with one deadline."""

    __slots__ = (
        "_exchange", "_has_ended", "_heard_out", "_is_going", "_reader", "_received", "_register", "_setup", "_watch",
        "peer", "wire",
    )  # fmt: skip

    def __init__(self, setup: EdgeSetup, register: Register, loop: asyncio.AbstractEventLoop) -> None:
        self._setup = setup
        self._register = register
        self._reader = setup.reader(setup.limits)
        self._watch = Watch(loop, setup.limits.receipt_seconds, self._time_out)
        self.wire = TlsWire(setup.context, self)
        self._exchange: Exchange | None = None
        self._received: Received | None = None
        self._has_ended = self._is_going = False
        self._heard_out = 0  # octets that nobody looks at any more
        self.peer: Peer | None = None

    def close(self, *, at_once: bool = False) -> None:
        """End the connection; what was written still goes out unless `at_once`, what was asked is abandoned."""
        self._watch.enter(Phase.CLOSING, self._setup.limits.drain_seconds)
        self._register.idle.pop(self, None)
        self._register.newcomers.pop(self, None)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abandon()
        self.wire.close(at_once=at_once)

    # --- called by the wire -------------------------------------------------------------------------------------------

    def joined(self, wire: TlsWire) -> None:
        """Wait for the handshake."""
        del wire
        self._watch.enter(Phase.SHAKING, self._setup.limits.handshake_seconds)
        self._register.admit(self, self._setup.limits.newcomers)

    def shaken(self, peer: ssl.SSLObject) -> None:
        """Look who it is, and wait for what it asks, if there is room for one more."""
        self._register.newcomers.pop(self, None)
        try:
            self.peer = self._setup.doorkeeper.meet(peer, self._setup.now())
        except UnknownPeer:
            self._register.strangers += 1
            self.close()
            return
        if self._register.has_room(self._setup.limits.connections):
            self._settle()
        else:
            self.close(at_once=True)

    def heard(self, octets: bytes) -> None:
        """Take what the peer sends."""
        if self._watch.phase is CLOSING:
            # Heard out, so that the peer reads why it was refused, and not that it was cut off; not for ever.
            self._heard_out += len(octets)
            if self._heard_out > self._setup.limits.body:
                self.wire.read_on(wanted=False)
            return
        self._register.idle.pop(self, None)
        self._has_ended = not octets
        self._reader.take(octets)
        if not self._setup.supervise(self._go_on):
            self.failed()

    def drained(self) -> None:
        """Go on, as far as the peer reads."""
        phase = self._watch.phase
        if phase is not CLOSING and phase is not Phase.SHAKING and not self._setup.supervise(self._go_on):
            self.failed()

    def lost(self) -> None:
        """Let go of everything."""
        if self._watch.phase is Phase.SHAKING:
            self._register.failed_handshakes += 1
        self.close()
        self._watch.stop()
        self._register.connections.discard(self)
        self._register.known -= self.peer is not None
        self._reader.close()

    # --- called by an exchange ----------------------------------------------------------------------------------------

    def answered(self, exchange: Exchange, response: Response) -> None:
        """Write the answer, or let it be spoilt first where that is asked for."""
        if self._setup.misbehave is None:
            self._deliver(exchange, response)
        else:
            self._setup.misbehave(response, partial(self._deliver, exchange))

    def failed(self) -> None:
        """Answer that it does not go now, as far as there is a request to answer."""
        self._register.failures += 1
        if self._exchange is None:
            self.close(at_once=True)
        else:
            self._end_with(FAILED)

    # --- one request after the other ----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Read on and begin requests until one waits for its answer, or nothing is left to read."""
        if self._is_going:
            return  # an answer that came at once: the loop below goes on by itself
        self._is_going = True
        try:
            while self._exchange is None and not self.wire.is_clogged and self._watch.phase is not CLOSING:
                received = self._reader.next()
                if received is None:
                    break
                if isinstance(received, Response):
                    self._register.refused += 1
                    self._end_with(received)
                else:
                    self._begin(received)
        finally:
            self._is_going = False
        if self._watch.phase is not CLOSING:
            self._settle()

    def _settle(self) -> None:
        """Wait for whatever comes next; read no more than is going to be looked at soon."""
        limits, reader, watch, wire = self._setup.limits, self._reader, self._watch, self.wire
        if self._exchange is not None:
            pass
        elif wire.is_clogged:
            if watch.phase is not Phase.DRAINING:
                watch.enter(Phase.DRAINING, limits.drain_seconds)
        elif self._has_ended:
            self.close()
        elif reader.is_between:
            watch.enter(IDLE, limits.idle_seconds)
            self._register.idle[self] = None
        else:
            if watch.phase is not Phase.RECEIVING:  # not each time: a trickle gets no more time than a torrent
                watch.enter(Phase.RECEIVING, limits.receipt_seconds)
            if reader.awaits_continue:
                reader.awaits_continue = False
                wire.write(CONTINUE)
        if wire.is_reading is reader.has_unread:
            wire.read_on(wanted=not wire.is_reading)

    def _begin(self, received: Received) -> None:
        setup, peer = self._setup, self.peer
        assert peer is not None
        try:
            setup.doorkeeper.recheck(peer, setup.now())
        except UnknownPeer:
            self._register.strangers += 1
            self.close()
            return
        exchange = Exchange(self._register.next_request_id(), setup.asker, setup.supervise, self)
        self._exchange, self._received = exchange, received
        self._watch.enter(ANSWERING, setup.limits.answer_seconds)
        if peer.identity.role is setup.role:
            exchange.begin(setup.face, peer.identity.name, received.request)
        else:
            self._deliver(exchange, UNAUTHORISED)

    def _deliver(self, exchange: Exchange, response: Response) -> None:
        received = self._received
        if self._exchange is not exchange or received is None:
            response.wipe()  # its time is over, or the peer has gone
            return
        self._exchange = self._received = None
        is_last = not received.keeps_alive
        self._setup.transmit(self.wire, response, received, self._register.date.at(self._setup.now()), is_last=is_last)
        if is_last:
            self.close()
        else:
            self._go_on()

    def _end_with(self, response: Response) -> None:
        """Refuse for good; the peer is heard out for a moment, for it may still be sending."""
        received, self._received = self._received, None
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abandon()
        self._setup.transmit(self.wire, response, received, self._register.date.at(self._setup.now()), is_last=True)
        self.wire.read_on(wanted=True)
        self._watch.enter(Phase.CLOSING, self._setup.limits.linger_seconds)

    def _time_out(self) -> None:
        match self._watch.phase:
            case Phase.RECEIVING:
                self._register.refused += 1
                self._end_with(TOO_SLOW)
            case Phase.ANSWERING:
                self._end_with(LATE)
            case Phase.IDLE:
                self.close()
            case Phase.DRAINING | Phase.SHAKING:
                self.close(at_once=True)
            case Phase.CLOSING:
                # Heard out; when that was done already, its transport has had its time to end well.
                self.close(at_once=not self.wire.is_open)
