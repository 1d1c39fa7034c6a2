"""What a supervisor tells the process of a part of its network, and what that tells it. No key is in any of it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from keytwin.service.operator_values import ElementStatus, SessionStatus
from keytwin.vocabulary.identity import AppId, ElementName, SaeId
from keytwin.vocabulary.machine import RequestId


class Frame(msgspec.Struct, frozen=True, tag=True):
    """One of either side; messages and events are in it as octets of `bus_codec`."""


# --- from the process -------------------------------------------------------------------------------------------------


class Opened(Frame, frozen=True):
    """Its elements run, and its faces accept."""


class Failed(Frame, frozen=True):
    """It cannot run, in words for the operator; it ends."""

    reason: str


class Told(Frame, frozen=True):
    """An element has published an event."""

    element: ElementName
    event: bytes


class Shown(Frame, frozen=True):
    """How its elements and their standing sessions are now."""

    elements: tuple[ElementStatus, ...] = ()
    sessions: tuple[tuple[SaeId, AppId, SessionStatus | None], ...] = ()


class Answered(Frame, frozen=True):
    """An element has answered a question."""

    request_id: RequestId
    message: bytes


FromPart: TypeAlias = Opened | Failed | Told | Shown | Answered

# --- from the supervisor ----------------------------------------------------------------------------------------------


class Posted(Frame, frozen=True):
    """A message for an element."""

    to: ElementName
    message: bytes


class Asked(Frame, frozen=True):
    """A question to an element."""

    to: ElementName
    request_id: RequestId
    message: bytes


class Forgotten(Frame, frozen=True):
    """Nobody waits for the answer any more."""

    request_id: RequestId


class Renewed(Frame, frozen=True):
    """There is a new certificate of an identity."""

    role: str
    name: str


class Denied(Frame, frozen=True):
    """The certificates of an identity are revoked."""

    role: str
    name: str


class Ended(Frame, frozen=True):
    """The network stops: so shall the process."""


FromSupervisor: TypeAlias = Posted | Asked | Forgotten | Renewed | Denied | Ended
