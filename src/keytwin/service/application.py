"""The machine `sae/<id>`: an emulated application that opens sessions and asks for keys as a scenario tells it.

It is the network's customer and no part of it: what it was promised and what it got is what a run is judged by. It
saves nothing; one that restarts waits to be told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keytwin.service.app_session import AppSession, OpenAgain
from keytwin.service.encoding import SALT_OCTETS
from keytwin.service.key_requests import AskAgain, Book, KeyRequests, KeysAnnounced, NextRequest, WaitedTooLong
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, km_of
from keytwin.vocabulary.machine import Effect, Message, Record, RecordsLost, RequestId, Send
from keytwin.vocabulary.operator_messages import AskForKeys, StartSession, StopSession
from keytwin.vocabulary.session_messages import (
    CloseSession,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.units import START, Instant

MOST_APPS: Final = 256  # of one SAE


class Application:
    """All apps of one SAE: `peers` names, for each of them, the SAE at the other end. Both ends share `salt`."""

    def __init__(self, sae: SaeId, node: NodeId, peers: Mapping[AppId, SaeId], salt: bytes) -> None:
        assert len(salt) == SALT_OCTETS
        assert len(peers) <= MOST_APPS
        self.sae = sae
        self._km = km_of(node)
        self._began = START
        self._requests_made = 0
        self.sessions = {app: AppSession(app, sae, peer, self._km, self._new_request) for app, peer in peers.items()}
        self.requests = {
            app: KeyRequests(app, sae, peer, self._km, salt, self._new_request) for app, peer in peers.items()
        }

    def book(self, app: AppId) -> Book:
        """Return what this SAE asked and got for an app."""
        return self.requests[app].book

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        assert all(isinstance(record, RecordsLost) for record in records), "an application saves nothing"
        self._began = now
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case StartSession() | StopSession() | OpenAgain():
                return self._session(self.sessions[message.app], message, now)
            case SessionRegistered() | SessionOpened() | SessionRefused():
                return self._opening_answered(message, now)
            case SessionEnded():
                return self._ended(message, now)
            case KeyDelivered() | KeyRefused():
                return self._keys_answered(message, now)
            case AskForKeys() | NextRequest() | AskAgain() | WaitedTooLong() | KeysAnnounced():
                return self.requests[message.app].receive(message, now)
            case _:
                raise UnexpectedMessage(f"an application does not take {type(message).__name__}")

    def _session(self, session: AppSession, message: Message, now: Instant) -> list[Effect]:
        """Let a session react, and its requests begin or stop with it."""
        before, was_closed = session.ksid if session.is_open else None, session.is_closed
        effects = session.receive(message, now)
        if session.is_open and session.ksid and not before:
            return [*effects, *self.requests[session.app].open(session.ksid, now)]
        if session.is_closed and not was_closed:
            return [*effects, *self.requests[session.app].close()]
        return effects

    def _opening_answered(
        self, message: SessionRegistered | SessionOpened | SessionRefused, now: Instant
    ) -> list[Effect]:
        for session in self.sessions.values():
            if session.opening == message.request_id:
                return self._session(session, message, now)
        if isinstance(message, SessionRefused):
            return []
        return [Send(self._km, CloseSession(message.ksid, self.sae))]  # given up meanwhile, and started anew

    def _ended(self, message: SessionEnded, now: Instant) -> list[Effect]:
        for session in self.sessions.values():
            if session.ksid == message.ksid:
                return self._session(session, message, now)
        return []

    def _keys_answered(self, message: KeyDelivered | KeyRefused, now: Instant) -> list[Effect]:
        for requests in self.requests.values():
            if message.request_id in requests.asking:
                return requests.receive(message, now)
        if isinstance(message, KeyDelivered):  # the request was given up: the keys count for nothing
            for key in message.keys:
                key.material.wipe()
        return []

    def _new_request(self) -> RequestId:
        """Return an identifier that no other application uses, nor this one after a restart."""
        self._requests_made += 1
        return f"{self.sae}/{self._began}/{self._requests_made}"
