"""Which sessions there are: by Ksid, by registration, by user, and which wait for their peer. docs/decisions/0005."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final, TypeAlias

from keytwin.control.admission_session import AdmissionSession
from keytwin.control.admission_table import AdmissionState
from keytwin.control.office import Office
from keytwin.vocabulary.identity import AppId, Ksid, NodeId, SaeId, UserId
from keytwin.vocabulary.session_messages import ConfigureSession, OpenId
from keytwin.vocabulary.units import Instant

MOST_TOMBSTONES: Final = 200_000  # the oldest go first; each is under 1 kB

_Place: TypeAlias = tuple[AppId, SaeId, bool]
"""Where a session waits: its app, the SAE that is there, and whether it is a key stream."""

_OVER: Final = AdmissionState.TERMINATED
_WAITING: Final = AdmissionState.ACCEPTED


class Registry:
    """All sessions of admission, and those that are over for as long as late messages about them may come."""

    def __init__(self, office: Office) -> None:
        self._office: Final = office
        self._sessions: Final[dict[Ksid, AdmissionSession]] = {}
        self._by_registration: Final[dict[tuple[NodeId, OpenId], Ksid]] = {}
        self._waiting: Final[dict[_Place, dict[Ksid, None]]] = {}  # oldest first
        self._rates: Final[dict[UserId, int]] = {}
        self._half_open: Final[dict[UserId, int]] = {}
        self._tombstones: Final[deque[tuple[Instant, Ksid]]] = deque()
        self._serial = 0

    @property
    def is_central(self) -> bool:
        """Whether the ledger beside it holds all that the sessions hold."""
        return self._office.seat.is_central

    def __len__(self) -> int:
        return len(self._sessions) - len(self._tombstones)

    def next_serial(self) -> int:
        """Return a number above all given before."""
        self._serial += 1
        return self._serial

    def session(self, ksid: Ksid) -> AdmissionSession | None:
        """Return a session, or the tombstone of one."""
        return self._sessions.get(ksid)

    def live(self) -> list[AdmissionSession]:
        """Return the sessions that are not over."""
        return [session for session in self._sessions.values() if session.state is not _OVER]

    def repeated(self, request: ConfigureSession) -> AdmissionSession | None:
        """Return the session of which the request is a registration, repeated."""
        ksid = self._by_registration.get((request.node, request.open_id))
        return None if ksid is None else self._sessions.get(ksid)

    def mirrored(self, request: ConfigureSession) -> AdmissionSession | None:
        """Return the oldest session that waits for this very peer: same app and kind, both ends exchanged."""
        waiting = self._waiting.get((request.app, request.peer, request.qos.is_stream))
        return self._sessions[next(iter(waiting))] if waiting else None

    def rate(self, user: UserId) -> int:
        """Return the sum of the rates of a user's sessions that are not over, each counted once."""
        return self._rates.get(user, 0)

    def half_open(self, user: UserId) -> int:
        """Return how many of a user's sessions wait for their peer (invariant S5)."""
        return self._half_open.get(user, 0)

    def add(self, session: AdmissionSession) -> None:
        """Take in a session in whatever state it is."""
        assert session.ksid not in self._sessions, "a Ksid names one session"
        self._sessions[session.ksid] = session
        self._index_ends(session)
        if session.state is _OVER:
            assert session.over_at is not None
            self._tombstones.append((session.over_at, session.ksid))
            return
        self._rates[session.user] = self.rate(session.user) + session.grant.rate
        if session.state is _WAITING:
            self._wait(session, 1)

    def moved(self, session: AdmissionSession, before: StrEnum) -> None:
        """Take note that a session has made a step."""
        if before is session.state:
            return  # most messages change no index
        self._index_ends(session)
        if before is _WAITING:
            self._wait(session, -1)
        if session.state is _OVER:
            assert session.over_at is not None
            self._rates[session.user] -= session.grant.rate
            self._tombstones.append((session.over_at, session.ksid))

    def purge(self, now: Instant) -> None:
        """Forget the tombstones whose time is over, and the oldest when there are too many."""
        lifetime = self._office.tombstone_lifetime
        while self._tombstones:
            over_at, ksid = self._tombstones[0]
            if over_at + lifetime > now and len(self._tombstones) <= MOST_TOMBSTONES:
                return
            self._tombstones.popleft()
            session = self._sessions.pop(ksid)
            for end in filter(None, (session.first, session.second)):
                self._by_registration.pop((end.node, end.open_id), None)

    def _index_ends(self, session: AdmissionSession) -> None:
        for end in filter(None, (session.first, session.second)):
            self._by_registration[end.node, end.open_id] = session.ksid

    def _wait(self, session: AdmissionSession, more: int) -> None:
        self._half_open[session.user] = self.half_open(session.user) + more
        place = (session.app, session.first.sae, session.grant.is_stream)
        waiting = self._waiting.setdefault(place, {})
        if more > 0:
            waiting[session.ksid] = None
            return
        del waiting[session.ksid]
        if not waiting:
            del self._waiting[place]
