"""What becomes of a request for a session: it joins one, begins one, or is refused. Paper B, Fig. 2b; decision 0005."""

from __future__ import annotations

from typing import Final

from keytwin.control.admission_session import AdmissionSession
from keytwin.control.admission_table import AdmissionState
from keytwin.control.office import Office
from keytwin.control.profiles import LATER, NEVER, Denial, Grant, Profiles
from keytwin.control.registry import Registry
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.session_messages import ConfigureSession, OpenId, Reason
from keytwin.vocabulary.units import Instant, show_rate

MOST_SESSIONS: Final = 100_000  # at 2 kB each, what one element may hold in memory
MOST_REFUSALS: Final = 10_000  # remembered, so that a late duplicate of a refused request is refused as well


class Reception:
    """Judges registrations by profiles, quota, bounds and pairing; equal requests get equal answers."""

    def __init__(self, profiles: Profiles, registry: Registry, office: Office) -> None:
        self._profiles: Final = profiles
        self._registry: Final = registry
        self._office: Final = office
        self._refused: Final[dict[tuple[NodeId, OpenId], Denial]] = {}

    def judge(self, request: ConfigureSession, now: Instant) -> AdmissionSession | Grant | Denial:
        """Return the session that the request belongs to, the grant for a new one, or why there is none."""
        repeated = self._registry.repeated(request)
        if repeated is not None:
            return repeated
        verdict = self._refused.get((request.node, request.open_id)) or self._verdict(request, now)
        if isinstance(verdict, Denial):
            self._remember(request, verdict)
        return verdict

    def _verdict(self, request: ConfigureSession, now: Instant) -> AdmissionSession | Grant | Denial:
        objection = self._profiles.objection(request) or self._obstacle(request, now)
        if objection is not None:
            return objection
        # The second end gets what the first was granted, whatever it asks: its own wishes are not judged.
        if request.ksid is None:
            return self._registry.mirrored(request) or self._bounded(request)
        session = self._registry.session(request.ksid)
        if session is None:
            return self._bounded(request)
        if session.state is AdmissionState.ACCEPTED and _mirrors(session, request):
            return session
        return Denial(Reason.IN_USE, NEVER, f"session {request.ksid} has both its ends, is another's, or is over")

    def _obstacle(self, request: ConfigureSession, now: Instant) -> Denial | None:
        view = self._office.view
        if view.is_stale(now):
            return Denial(Reason.UNAVAILABLE, LATER, view.age(now))
        if request.node in view.nodes and not view.is_trusted(request.node):
            return Denial(Reason.NOT_ALLOWED, NEVER, f"{request.node} is not trusted")
        return None

    def _bounded(self, request: ConfigureSession) -> Grant | Denial:
        """Grant a new session within the user's quota and the bounds on what one user or all may hold."""
        grant = self._profiles.grant(request)
        if isinstance(grant, Denial):
            return grant
        user, quota = request.user, self._profiles.quota(request.user)
        if quota is not None and self._registry.rate(user) + grant.rate > quota:
            spent = f"{user} has {show_rate(self._registry.rate(user))} of a quota of {show_rate(quota)}"
            return Denial(Reason.SLA_EXCEEDED, LATER, f"{spent} and asked for {show_rate(grant.rate)} more")
        most = self._office.settings.half_open_sessions
        if self._registry.half_open(user) >= most:
            return Denial(Reason.UNAVAILABLE, LATER, f"{most} sessions of {user} wait for their peer")
        if len(self._registry) >= MOST_SESSIONS:
            return Denial(Reason.UNAVAILABLE, LATER, f"there are {MOST_SESSIONS} sessions")
        return grant

    def _remember(self, request: ConfigureSession, denial: Denial) -> None:
        self._refused[request.node, request.open_id] = denial
        if len(self._refused) > MOST_REFUSALS:
            del self._refused[next(iter(self._refused))]


def _mirrors(session: AdmissionSession, request: ConfigureSession) -> bool:
    return session.app == request.app and session.first.sae == request.peer
