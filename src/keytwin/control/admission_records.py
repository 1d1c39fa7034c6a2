"""What admission must find again after a restart: sessions with their epochs and routes, and tombstones."""

from __future__ import annotations

import msgspec

from keytwin.control.profiles import Grant
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, NodeId, SaeId, UserId
from keytwin.vocabulary.machine import Record
from keytwin.vocabulary.session_messages import ConfigureSession, OpenId, Reason
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Duration, Instant


class Registration(msgspec.Struct, frozen=True, gc=False):
    """One end of a session, as its key manager registered it."""

    node: NodeId
    open_id: OpenId
    reply_to: ElementName
    sae: SaeId

    def is_of(self, request: ConfigureSession) -> bool:
        """Whether the request is this registration, repeated."""
        return (self.node, self.open_id) == (request.node, request.open_id)


class HeldRoute(msgspec.Struct, frozen=True, gc=False):
    """A route that key managers may still hold, and so the ledger."""

    epoch: int
    route: Route


class AdmissionKept(Record, frozen=True, gc=False):
    """One session as it stands; the newest record of a Ksid counts. One that is over is its own tombstone."""

    ksid: Ksid
    app: AppId
    user: UserId
    first: Registration
    second: Registration | None
    grant: Grant
    state: str
    epoch: int
    routes: tuple[HeldRoute, ...]
    reason: Reason
    retry_after: Duration
    over_at: Instant | None
    dark_until: Instant | None = None
    is_barred: bool = False


def registration_of(request: ConfigureSession) -> Registration:
    """Return what is kept of a request."""
    return Registration(request.node, request.open_id, request.reply_to, request.sae)
