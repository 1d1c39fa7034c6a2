"""The states of a session at admission control: paper B, Fig. 2b, with the exits it lacks.

The check against the service level comes before: a request that it refuses leaves no session behind.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.machine import Message, StateTable, ignored, to
from keytwin.vocabulary.reservation_messages import LinksRefused, LinksReserved
from keytwin.vocabulary.session_messages import (
    ConfigureSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    NoRoute,
    Reason,
    RouteFound,
    SessionClosing,
    SessionDeleted,
)


class AdmissionState(StrEnum):
    """Paper B, Fig. 2b; *routing* again is told apart, because key managers then hold something."""

    ACCEPTED = "accepted"
    ROUTING = "routing"
    CONFIGURING = "configuring"
    ACTIVE = "active"
    REROUTING = "re-routing"
    TERMINATING = "terminating"
    TERMINATED = "terminated"


_S = AdmissionState


class SessionTimedOut(Message, frozen=True, gc=False):
    """To oneself: the session's state has lasted as long as it may."""

    ksid: Ksid


class SessionRepeatDue(Message, frozen=True, gc=False):
    """To oneself: repeat what is unanswered, renew what is leased."""

    ksid: Ksid


class RouteBroken(Message, frozen=True, gc=False):
    """To oneself: the session's route does not serve any more; `lacking` links have too little rate for it."""

    ksid: Ksid
    cause: str
    lacking: tuple[LinkId, ...] = ()


class SessionEvicted(Message, frozen=True, gc=False):
    """To oneself: the session may not go on."""

    ksid: Ksid
    reason: Reason
    explanation: str


_CHOOSING: Final = {"CONFIGURING": "a candidate has room", "ROUTING": "none has: asked again", "TERMINATED": "given up"}
_MOVING: Final = {
    "CONFIGURING": "a candidate has room",
    "REROUTING": "none has: asked again",
    "TERMINATING": "given up",
}
_LOST: Final = "a key manager cannot take this epoch any more"
_UNCONFIGURED: Final = (_S.ACCEPTED, _S.ROUTING)
_CONFIGURED: Final = (_S.CONFIGURING, _S.ACTIVE, _S.REROUTING)
_FROM_ROUTING: Final = (RouteFound, NoRoute, LinksReserved, LinksRefused)
_ENDINGS: Final = (SessionClosing, SessionTimedOut, SessionEvicted)

ADMISSION_TABLE: Final = StateTable(
    "session at admission",
    AdmissionState,
    {
        (_S.ACCEPTED, ConfigureSession): to(
            _S.ACCEPTED, _S.ROUTING, ACCEPTED="repeated by the first end", ROUTING="the peer has registered"
        ),
        # No route is looked for before both ends are there (invariant S5).
        (_S.ROUTING, RouteFound): to(_S.CONFIGURING, _S.ROUTING, _S.TERMINATED, **_CHOOSING),
        (_S.ROUTING, NoRoute): to(_S.ROUTING, _S.TERMINATED, ROUTING="a late answer", TERMINATED="explained"),
        # Where each node keeps its own reservations, a candidate is one of which all nodes have promised theirs.
        (_S.ROUTING, LinksReserved): to(
            _S.CONFIGURING, _S.ROUTING, CONFIGURING="all have promised", ROUTING="others are missing, or late"
        ),
        (_S.ROUTING, LinksRefused): to(_S.ROUTING, _S.TERMINATED, ROUTING="asked again", TERMINATED="given up"),
        (_S.CONFIGURING, HopConfigured): to(
            _S.CONFIGURING, _S.ACTIVE, CONFIGURING="others are missing", ACTIVE="all have confirmed"
        ),
        (_S.CONFIGURING, SessionDeleted): to(
            _S.CONFIGURING, _S.REROUTING, CONFIGURING="of an older route", REROUTING=_LOST
        ),
        (_S.ACTIVE, SessionDeleted): to(_S.ACTIVE, _S.REROUTING, ACTIVE="of an older route", REROUTING=_LOST),
        (_S.ACTIVE, HopConfigured): to(_S.ACTIVE),
        # The old route stays configured and reserved while another one is looked for.
        (_S.REROUTING, RouteFound): to(_S.CONFIGURING, _S.REROUTING, _S.TERMINATING, **_MOVING),
        (_S.REROUTING, LinksReserved): to(
            _S.CONFIGURING, _S.REROUTING, CONFIGURING="all have promised", REROUTING="others are missing, or late"
        ),
        (_S.REROUTING, LinksRefused): to(_S.REROUTING, _S.TERMINATING, REROUTING="asked again", TERMINATING="given up"),
        (_S.REROUTING, NoRoute): to(
            _S.REROUTING, _S.TERMINATING, REROUTING="late, or on stock", TERMINATING="explained"
        ),
        **{(_S.REROUTING, message): to(_S.REROUTING) for message in (HopConfigured, SessionDeleted)},
        **{(state, message): to(state) for state in _CONFIGURED for message in (KeyRequested, HopMissing)},
        **{(state, RouteBroken): to(_S.REROUTING) for state in _CONFIGURED},
        **{(state, SessionRepeatDue): to(state) for state in (*_CONFIGURED, _S.ROUTING, _S.TERMINATING)},
        # A key manager repeats its registration until it has an answer, and now and then while it waits.
        **{(state, ConfigureSession): to(state) for state in _S if state is not _S.ACCEPTED},
        **{(state, message): to(_S.TERMINATED) for state in _UNCONFIGURED for message in _ENDINGS},
        **{(state, message): to(_S.TERMINATING) for state in _CONFIGURED for message in _ENDINGS},
        **ignored(_S.CONFIGURING, _FROM_ROUTING),
        **ignored(_S.ACTIVE, _FROM_ROUTING),
        # A dead key manager never confirms: then the time-out is the end of the longest lease.
        (_S.TERMINATING, SessionDeleted): to(
            _S.TERMINATING, _S.TERMINATED, TERMINATING="others are missing", TERMINATED="all have confirmed"
        ),
        (_S.TERMINATING, SessionTimedOut): to(_S.TERMINATED),
        **ignored(_S.TERMINATING, (*_FROM_ROUTING, HopConfigured, HopMissing, KeyRequested)),
        **ignored(_S.TERMINATING, (SessionClosing, SessionEvicted, RouteBroken)),
        # Whoever still knows the session is told once more that it is over.
        **{(_S.TERMINATED, message): to(_S.TERMINATED) for message in (HopConfigured, KeyRequested, SessionClosing)},
        **ignored(_S.TERMINATED, (*_FROM_ROUTING, HopMissing, SessionDeleted, SessionRepeatDue, SessionTimedOut)),
        **ignored(_S.TERMINATED, (SessionEvicted, RouteBroken)),
    },
)
