"""Q-links: blocks from twins or devices, ingest agreed by both ends, active tests, reports. Paper B, 3.2."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from keytwin.vocabulary.identity import ElementName, LinkId, NodeId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant

NOT_TOLD: Final = -1  # earlier keytwins tell no block
ToldBlock: TypeAlias = Annotated[int, Meta(ge=NOT_TOLD)]  # all other numbers on the wire are at least 0

# --- twin (or device) and key manager: over their own authenticated stream ------------------------------------------


class LinkKeyBlock(Message, frozen=True, gc=False):
    """One end's copy of a distilled block; blocks of a link are numbered from 1 and never repeat a number."""

    link: LinkId
    number: int
    material: KeyMaterial
    qber: float


class BlockReceived(Message, frozen=True, gc=False):
    """The key manager at `node` has the block; the twin stops repeating it.

    `has_room` False is back-pressure: more key would only be thrown away.
    """

    link: LinkId
    node: NodeId
    number: int
    has_room: bool = True


# --- between the two key managers of a link -------------------------------------------------------------------------


class OfferBlock(Message, frozen=True, gc=False):
    """The link's first node proposes where a block goes in both directions; `digest` proves that the copies are equal.

    The first 32 octets of the block key a one-time digest of the rest and are never used again. Of the rest,
    `first_octets` go to the direction out of the link's first node, from `first_offset` on, then `second_octets` to the
    other; what is left finds no room and is discarded. `placed` is the number of the last block that the first node
    has taken in: an offer in between that it has not is given up. Repeated until answered.
    """

    sender: NodeId
    link: LinkId
    link_epoch: int
    number: int
    placed: int
    first_offset: int
    first_octets: int
    second_offset: int
    second_octets: int
    digest: bytes


class AcceptBlock(Message, frozen=True, gc=False):
    """The link's second node holds the block as offered, to be used when `ConfirmBlock` comes. Repeated until then.

    The shares are those of the offer: a first node that was restarted may offer the block anew, with other ones.
    `is_anew`: the second node has lost all blocks before this one, so nobody can use them any more.
    """

    sender: NodeId
    link: LinkId
    link_epoch: int
    number: int
    first_octets: int
    second_octets: int
    is_anew: bool = False


class ConfirmBlock(Message, frozen=True, gc=False):
    """The link's first node has taken the block in, so both may use it."""

    sender: NodeId
    link: LinkId
    link_epoch: int
    number: int


class RefuseBlock(Message, frozen=True, gc=False):
    """Either node will not use this block, as it lacks it, has given it up, or the copies differ: both discard it."""

    sender: NodeId
    link: LinkId
    link_epoch: int
    number: int
    differs: bool


class AskLease(Message, frozen=True, gc=False):
    """The sender of a direction asks its neighbour for the next octets of it, before it uses any of them.

    `generation` grows with each question, and is durable before it is asked; `started_at` tells incarnations apart.
    Below `mark` all counts as used, as far as the sender knows; `block` is the last block of the link that it has.
    Repeated until answered.
    """

    sender: NodeId
    link: LinkId
    link_epoch: int
    generation: int
    started_at: Instant
    mark: int
    octets: int
    block: ToldBlock = NOT_TOLD


class LeaseGranted(Message, frozen=True, gc=False):
    """[start, end) of the other's direction was granted to nobody before, as far as both know; durable here."""

    sender: NodeId
    link: LinkId
    link_epoch: int
    generation: int
    started_at: Instant
    start: int
    end: int


class LeaseRefused(Message, frozen=True, gc=False):
    """Somebody has asked with this number before, or with a higher one: `seen` is the highest.

    Or the link has a newer `block`, which the asker took in as well. Whoever was put back begins anew `beyond`.
    """

    sender: NodeId
    link: LinkId
    link_epoch: int
    generation: int
    started_at: Instant
    seen: int
    block: ToldBlock = NOT_TOLD
    beyond: int = 0


class ProbeLink(Message, frozen=True, gc=False):
    """Active test of a link: a tag under 32 octets of the sender's direction at `offset` (paper B, 3.2, monitoring)."""

    sender: NodeId
    link: LinkId
    link_epoch: int
    offset: int
    floor: int
    sequence: int
    tag: bytes


class ProbeAnswered(Message, frozen=True, gc=False):
    """The tag was right; the answer is tagged under the answerer's own direction, at its `offset`."""

    sender: NodeId
    link: LinkId
    link_epoch: int
    offset: int
    floor: int
    sequence: int
    tag: bytes


# --- reports to the control plane, over the bus: figures only -------------------------------------------------------


class LinkMeasured(Message, frozen=True, gc=False):
    """A twin's statistics of one block: secret bits a second over the block, and its error rate."""

    link: LinkId
    number: int
    rate: BitsPerSecond
    qber: float


class StockReported(Message, frozen=True, gc=False):
    """What a key manager holds ready to send in its own direction of a link."""

    link: LinkId
    node: NodeId
    stock: Bits
    capacity: Bits


class ProbeReported(Message, frozen=True, gc=False):
    """The outcome of one active test, seen from `node`: delay there and back, None = no answer came in time."""

    link: LinkId
    node: NodeId
    sequence: int
    delay: Duration | None
    usable: Bits


class LinkPerformance(Message, frozen=True, gc=False):
    """Monitoring's picture of a link, for routing and admission; None = not measured yet.

    `stocks` and `usable` are those of the two directions, out of the first and the second node.
    """

    link: LinkId
    at: Instant
    rate: BitsPerSecond | None
    qber: float | None
    stocks: tuple[Bits | None, Bits | None]
    delay: Duration | None
    lost: float


class SubscribePerformance(Message, frozen=True, gc=False):
    """Ask monitoring for its present picture of every link; the changes follow anyway."""

    reply_to: ElementName
