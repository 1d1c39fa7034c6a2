"""Opening, configuring and closing a session: paper B, Figs. 2a and 2b; ETSI GS QKD 004 V2.1.1 clause 6.

SAE -> KM -> access -> KM -> admission -> (routing) -> every KM of the route -> admission. A session is known by its
`Ksid`, minted by admission when the first end registers (docs/decisions/0005); until then the KM knows it by an
`OpenId` of its own. The end that registered first is the *first* end, the other one the *second*; signals of a session
travel hop by hop along its route, `onward` = from the first end to the second.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from keytwin.vocabulary.identity import AppId, ElementName, Ksid, LinkId, NodeId, SaeId, UserId
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration

OpenId = str
"""A key manager's own name for a session that has no Ksid yet; unique for that key manager, never reused."""


class Reason(StrEnum):
    """Why something was refused or ended, in the words that an SAE may hear. The network's inside is not in them."""

    CLOSED = "closed"
    INACTIVE = "inactive"
    NOT_ALLOWED = "not allowed"
    SLA_EXCEEDED = "service level exceeded"
    NO_ROUTE = "no route now"
    PEER_NOT_CONNECTED = "peer not connected"
    IN_USE = "session identifier in use"
    SESSION_UNKNOWN = "session unknown"
    KEY_UNAVAILABLE = "key unavailable"
    KEY_UNKNOWN = "key unknown"
    TOO_LARGE = "request larger than the burst"
    RATE_EXCEEDED = "rate exceeded"
    TIMED_OUT = "timed out"
    UNAVAILABLE = "temporarily unavailable"


class Qos(msgspec.Struct, frozen=True, gc=False):
    """What an SAE asks of a session; None = what its service level gives."""

    rate: BitsPerSecond | None = None
    burst: Bits | None = None
    priority: int | None = None
    key_size: Bits | None = None
    is_stream: bool = False  # a key stream of ETSI GS QKD 004: it never pairs with a session that is none


# --- SAE and key manager --------------------------------------------------------------------------------------------


class OpenSession(Message, frozen=True, gc=False):
    """An SAE wants keys in common with its peer. `ksid` None: admission mints one, or pairs mirrored endpoints."""

    request_id: RequestId
    reply_to: ElementName
    app: AppId
    sae: SaeId
    peer: SaeId
    ksid: Ksid | None = None
    qos: Qos = Qos()


class SessionRegistered(Message, frozen=True, gc=False):
    """This end is accepted; the peer is not there yet (004 status 1)."""

    request_id: RequestId
    ksid: Ksid


class SessionOpened(Message, frozen=True, gc=False):
    """Both ends are there and the route is configured: keys may be asked for (004 status 0)."""

    request_id: RequestId
    ksid: Ksid
    key_size: Bits
    rate: BitsPerSecond
    burst: Bits
    hops: int
    is_first: bool = True  # this end registered before the other one


class SessionRefused(Message, frozen=True, gc=False):
    """The session will not open. `retry_after` 0 = trying again is of no use."""

    request_id: RequestId
    reason: Reason
    retry_after: Duration


class CloseSession(Message, frozen=True, gc=False):
    """An SAE wants no more keys of this session."""

    ksid: Ksid
    sae: SaeId


class SessionEnded(Message, frozen=True, gc=False):
    """The closing signal to an SAE (paper B, Fig. 2a)."""

    ksid: Ksid
    reason: Reason


# --- key manager and access -----------------------------------------------------------------------------------------


class AuthenticateUser(Message, frozen=True, gc=False):
    """May this SAE, seen at this node, open a session of this app with this peer?"""

    open_id: OpenId
    node: NodeId
    reply_to: ElementName
    app: AppId
    sae: SaeId
    peer: SaeId


class UserAccepted(Message, frozen=True, gc=False):
    """It may, on behalf of this user."""

    open_id: OpenId
    user: UserId


class UserRefused(Message, frozen=True, gc=False):
    """It may not."""

    open_id: OpenId
    reason: Reason


# --- key manager and admission --------------------------------------------------------------------------------------


class ConfigureSession(Message, frozen=True, gc=False):
    """A key manager asks admission for the configuration of a session whose user is accepted."""

    open_id: OpenId
    node: NodeId
    reply_to: ElementName
    user: UserId
    app: AppId
    sae: SaeId
    peer: SaeId
    ksid: Ksid | None
    qos: Qos


class SessionAccepted(Message, frozen=True, gc=False):
    """The service level allows it; admission waits for the peer. No route is reserved yet (paper B, Fig. 2b)."""

    open_id: OpenId
    ksid: Ksid


class ConfigurationRefused(Message, frozen=True, gc=False):
    """Deletion signal for a session that has no configuration; the reason is fit for an SAE's ears."""

    open_id: OpenId
    reason: Reason
    retry_after: Duration


class Neighbour(msgspec.Struct, frozen=True, gc=False):
    """A neighbouring node on a session's route and the Q-link that leads there."""

    node: NodeId
    link: LinkId


class Lane(Neighbour, frozen=True, gc=False):
    """The first step of one of several disjoint ways of a session, and how many Q-links that way crosses."""

    hops: int


class EndConfiguration(msgspec.Struct, frozen=True, gc=False):
    """What only the two ends of a session learn.

    With several `lanes` each key is the XOR of as many shares, and each share goes by its own lane; the first of them
    is the way that signals take. `mode` and `fallback` come from here alone: no message between ends lowers them.
    `is_barred`: the key of a link of this route is in doubt, so none is taken; the session makes do with its fallback.
    `peer_mark`: a digest by which the other end's node is known once it shows itself; it is not named here (R3).
    """

    open_id: OpenId
    is_first: bool  # the end that registered first; it keeps the session's token bucket
    app: AppId
    sae: SaeId
    peer: SaeId
    hops: int
    rate: BitsPerSecond
    burst: Bits
    key_size: Bits
    algorithm: str
    lanes: tuple[Lane, ...] = ()
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE
    is_barred: bool = False
    peer_mark: bytes = b""


class ConfigureHop(Message, frozen=True, gc=False):
    """Admission configures one key manager of a session's route; a higher `epoch` is a newer route.

    `previous` leads to the first end, `next` to the second; an end has only one of them. The entry is gone when
    nothing renews it for `lease`. A key manager never learns more of the route (invariant R3).
    """

    ksid: Ksid
    epoch: int
    priority: int
    lease: Duration
    batch: int
    previous: Neighbour | None = None
    next: Neighbour | None = None
    end: EndConfiguration | None = None


class HopConfigured(Message, frozen=True, gc=False):
    """The key manager has the configuration of this epoch or a newer one."""

    ksid: Ksid
    epoch: int
    node: NodeId


class KeyRequested(Message, frozen=True, gc=False):
    """The key-request signal: the session is in use. Sent at most once in an eighth of the lease."""

    ksid: Ksid
    node: NodeId


class RenewLease(Message, frozen=True, gc=False):
    """Admission still wants this session; a key manager that does not know it answers `HopMissing`."""

    ksid: Ksid
    epoch: int


class HopMissing(Message, frozen=True, gc=False):
    """A key manager was asked to keep a configuration it does not have: admission sends it again."""

    ksid: Ksid
    node: NodeId


class SessionClosing(Message, frozen=True, gc=False):
    """One end is through with the session, or has lost it."""

    ksid: Ksid
    node: NodeId
    reason: Reason


class DeleteSession(Message, frozen=True, gc=False):
    """Deletion signal: forget every configuration of this session up to `epoch`; a later one up to it is refused."""

    ksid: Ksid
    epoch: int
    reason: Reason


class SessionDeleted(Message, frozen=True, gc=False):
    """Nothing of the session up to `epoch` is left at this node."""

    ksid: Ksid
    epoch: int
    node: NodeId


# --- admission and routing ------------------------------------------------------------------------------------------


class FindRoute(Message, frozen=True, gc=False):
    """Admission asks for routes that carry `rate` in both directions, relay cost included by `batch` and `tags`.

    `held` links already carry the session, so it needs no more room there; `excluded` ones have no room in admission's
    books, which are the newer ones. With `shares` above 1 a route is so many ways that share no node but the ends.
    """

    request_id: RequestId
    reply_to: ElementName
    ksid: Ksid
    source: NodeId
    target: NodeId
    rate: BitsPerSecond
    key_size: Bits
    batch: int
    held: tuple[LinkId, ...] = ()
    excluded: tuple[LinkId, ...] = ()
    shares: int = 1
    tags: int = 1


class RouteFound(Message, frozen=True, gc=False):
    """Node-disjoint candidates, best first by the routing metric."""

    request_id: RequestId
    ksid: Ksid
    routes: tuple[Route, ...]


class NoRoute(Message, frozen=True, gc=False):
    """There is none; `explanation` is for the operator only."""

    request_id: RequestId
    ksid: Ksid
    explanation: str
