"""Domain events: what elements publish. Trace, metrics, figures and pages are made from these and nothing else.

No event holds key material. `node` is where it happened; an event of the control plane has none. The element that
published it and the instant are added by the runtime.
"""

from __future__ import annotations

from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration

# --- sessions, at a key manager (the marks of paper B, Fig. 4) ------------------------------------------------------


class SessionRequested(Event, frozen=True, gc=False):
    """An SAE asked for a session."""

    node: NodeId
    app: AppId
    sae: SaeId


class UserAuthenticated(Event, frozen=True, gc=False):
    """Access control accepted the SAE."""

    node: NodeId
    app: AppId
    sae: SaeId


class SessionConfigured(Event, frozen=True, gc=False):
    """Admission configured this key manager for the session; a transit node does not know the app."""

    node: NodeId
    ksid: Ksid
    epoch: int
    app: AppId | None


class SessionOver(Event, frozen=True, gc=False):
    """The session is terminated at this key manager and nothing is reserved there any more."""

    node: NodeId
    ksid: Ksid
    reason: str


# --- keys, at a key manager -----------------------------------------------------------------------------------------


class KeyAsked(Event, frozen=True, gc=False):
    """A master asked for keys."""

    node: NodeId
    ksid: Ksid
    sae: SaeId
    number: int


class KeysReady(Event, frozen=True, gc=False):
    """Keys are available at both ends, seen from the end that made them."""

    node: NodeId
    ksid: Ksid
    number: int
    hops: int


class KeysRelayed(Event, frozen=True, gc=False):
    """A trusted node re-encrypted keys for its next hop."""

    node: NodeId
    ksid: Ksid
    number: int


class KeysAnswered(Event, frozen=True, gc=False):
    """Keys were handed to an SAE, as master or as slave."""

    node: NodeId
    ksid: Ksid
    sae: SaeId
    key_ids: tuple[KeyId, ...]
    is_master: bool
    waited: Duration


class KeyDenied(Event, frozen=True, gc=False):
    """A request for keys was refused."""

    node: NodeId
    sae: SaeId
    reason: str


class FallbackBegun(Event, frozen=True, gc=False):
    """An end makes keys as `fallback` says, because there is no quantum key for what `mode` says: an alarm."""

    node: NodeId
    ksid: Ksid
    app: AppId
    mode: str
    fallback: str


class FallbackOver(Event, frozen=True, gc=False):
    """An end that had fallen back makes keys as `mode` says again: the alarm is over."""

    node: NodeId
    ksid: Ksid
    app: AppId
    mode: str


class SecretRefused(Event, frozen=True, gc=False):
    """Keys were not taken: their maker does not prove that it has the post-quantum secret that this end has.

    `number` 0: no secret was agreed, for what was said in the other end's name was not vouched for by its node.
    """

    node: NodeId
    ksid: Ksid
    number: int
    generation: int


class KeysGone(Event, frozen=True, gc=False):
    """Keys that nobody had asked for were wiped: expired, voided, or their session ended."""

    node: NodeId
    ksid: Ksid
    number: int
    cause: str


# --- links ----------------------------------------------------------------------------------------------------------


class BlockDistilled(Event, frozen=True, gc=False):
    """A twin's block: secret bits (0 = the estimator found none), error rate, and the time it took.

    `is_kept` False: the key managers had no room, so it was thrown away where it was made.
    """

    link: LinkId
    number: int
    size: Bits
    qber: float
    taken: Duration
    is_kept: bool = True


class BlockPlaced(Event, frozen=True, gc=False):
    """Both ends agreed on a block; this end took it in."""

    node: NodeId
    link: LinkId
    number: int
    size: Bits


class BlockDiscarded(Event, frozen=True, gc=False):
    """A block was not taken in: no room, or the copies differ."""

    node: NodeId
    link: LinkId
    number: int
    size: Bits
    cause: str


class LinkProbed(Event, frozen=True, gc=False):
    """An active test ended; None = unanswered."""

    node: NodeId
    link: LinkId
    delay: Duration | None


class LinkStatusChanged(Event, frozen=True, gc=False):
    """The controller changed a link's status."""

    link: LinkId
    status: str
    cause: str


class AlarmRaised(Event, frozen=True, gc=False):
    """Monitoring warns, or takes a warning back."""

    link: LinkId
    cause: str
    is_on: bool


class PadsDoubted(Event, frozen=True, gc=False):
    """A neighbour has shown that this node's disk was put back or copied; pads are safe, and an operator must know."""

    node: NodeId
    link: LinkId
    what: str


class StockSeen(Event, frozen=True, gc=False):
    """Monitoring's latest figures of a link, for plots."""

    link: LinkId
    rate: BitsPerSecond | None
    qber: float | None
    stocks: tuple[Bits | None, Bits | None]


# --- control --------------------------------------------------------------------------------------------------------


class SessionAdmitted(Event, frozen=True, gc=False):
    """Both peers are there and this route is reserved for the session."""

    ksid: Ksid
    app: AppId
    epoch: int
    route: Route
    rate: BitsPerSecond
    mode: str = "qkd-only"


class SessionRejected(Event, frozen=True, gc=False):
    """Access or admission refused a session: the explanation is for the operator, the SAE hears only the reason."""

    app: AppId
    sae: SaeId
    reason: str
    explanation: str


class SessionOnStock(Event, frozen=True, gc=False):
    """A session whose only way is dark lives on what is in stock of these links, at the longest for `longest`.

    With a `fallback` it stays even after that.
    """

    ksid: Ksid
    app: AppId
    links: tuple[LinkId, ...]
    longest: Duration
    fallback: str = "none"


class SessionReleased(Event, frozen=True, gc=False):
    """Nothing of the session is reserved anywhere: confirmed, or surely expired."""

    ksid: Ksid
    app: AppId
    reason: str


# --- trouble --------------------------------------------------------------------------------------------------------


class ViolationSeen(Event, frozen=True, gc=False):
    """A peer broke the protocol; the message had no effect."""

    kind: str
    about: str


class JournalDamaged(Event, frozen=True, gc=False):
    """Rows of the journal were put aside when it was opened: its elements give up all key of before and begin anew."""

    damage: str


class ElementStopped(Event, frozen=True, gc=False):
    """An element of a live network ended, by an operator's hand or because it crashed."""

    name: ElementName
    cause: str


class ElementRestarted(Event, frozen=True, gc=False):
    """An element of a live network runs again, from what was durable of it."""

    name: ElementName
