"""Whose business a message is, where each node has an admission of its own.

A key manager knows the admission of its node and no other: that passes on what concerns a session of another one, so
that no key manager learns between which nodes a session is (invariant R3). Which admission has a session both ends
must agree on before they have met, so a rule decides: that of the end whose node's name sorts first. The order of
opening, which makes the master, cannot be it: each end would have to be told by the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from msgspec.structs import replace

from keytwin.control.keeper import Keeper
from keytwin.vocabulary.blueprint import App
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, km_of
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.placement import Seat
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    OpenId,
    SessionAccepted,
    SessionClosing,
    SessionDeleted,
)

Name = TypeVar("Name", OpenId, Ksid)
MOST_OPENED: Final = 100_000  # registrations and sessions of others that are remembered


def owner_of(app: App, seat: Seat) -> ElementName:
    """Return the admission that has an app's sessions."""
    return seat.of_pair(app.ends[0].node, app.ends[1].node).admission


@dataclass(slots=True)
class Switchboard:
    """What passes through one node's admission to another, and back."""

    seat: Seat
    owners: Mapping[AppId, ElementName]
    keeper: Keeper
    opened: dict[OpenId, ElementName] = field(default_factory=dict)  # of others' sessions that end here
    sessions: dict[Ksid, ElementName] = field(default_factory=dict)

    def pass_on(self, message: Message, is_known: Callable[[Ksid], bool]) -> list[Effect] | None:
        """Send a message where it belongs; None when that is here."""
        if self.seat.is_central:
            return None
        match message:
            case ConfigureSession():
                return self._register(message)
            case SessionAccepted():
                owner = self.opened.get(message.open_id)
                if owner is not None:
                    self.sessions[message.ksid] = owner
                    _forget_oldest(self.sessions)
                return self._to_own(message)
            case ConfigurationRefused():
                return self._to_own(message)
            case HopConfigured() | HopMissing() | KeyRequested() | SessionClosing() | SessionDeleted():
                owner = self.keeper.owner(message.ksid) or self.sessions.get(message.ksid)
                is_ours = is_known(message.ksid) or owner in (None, self.seat.admission)
                return None if is_ours or owner is None else [Send(owner, message)]
            case _:
                return None

    def _register(self, request: ConfigureSession) -> list[Effect] | None:
        owner = self.owners.get(request.app, self.seat.admission)
        if owner == self.seat.admission:
            return None
        self.opened[request.open_id] = owner
        _forget_oldest(self.opened)
        return [Send(owner, replace(request, reply_to=self.seat.admission))]

    def _to_own(self, message: SessionAccepted | ConfigurationRefused) -> list[Effect]:
        assert self.seat.node is not None
        return [Send(km_of(self.seat.node), message)]


def _forget_oldest(table: dict[Name, ElementName]) -> None:
    if len(table) > MOST_OPENED:
        del table[next(iter(table))]
