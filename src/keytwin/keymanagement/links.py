"""All KM links of one key manager: which message goes to which link's ingest, outbox or watch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from keytwin.keymanagement.blocks import BlockOverdue, FirstIngest, SecondIngest
from keytwin.keymanagement.kmlink import KmLink, ResendDue, renounce
from keytwin.keymanagement.lease import LeaseDue
from keytwin.keymanagement.pads import FIRST_EPOCH
from keytwin.keymanagement.watch import ProbeDue, ProbeLost, ReportDue, Watch
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.errors import UnexpectedMessage, Violation
from keytwin.vocabulary.exchange_messages import KeysReceived
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, twin_of
from keytwin.vocabulary.link_messages import (
    AcceptBlock,
    AskLease,
    BlockReceived,
    ConfirmBlock,
    LeaseGranted,
    LeaseRefused,
    LinkKeyBlock,
    OfferBlock,
    ProbeAnswered,
    ProbeLink,
    RefuseBlock,
)
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.units import BITS_PER_BYTE, Instant

Leasing = AskLease | LeaseGranted | LeaseRefused | LeaseDue
FromNeighbour = (
    OfferBlock
    | AcceptBlock
    | ConfirmBlock
    | RefuseBlock
    | KeysReceived
    | ProbeLink
    | ProbeAnswered
    | AskLease
    | LeaseGranted
    | LeaseRefused
)
FromNode = LinkKeyBlock | BlockOverdue | ResendDue | ProbeDue | ProbeLost | ReportDue | LeaseDue
LinkMessage = FromNeighbour | FromNode
LINK_MESSAGES: Final[tuple[type[Message], ...]] = (
    OfferBlock,
    AcceptBlock,
    ConfirmBlock,
    RefuseBlock,
    KeysReceived,
    ProbeLink,
    ProbeAnswered,
    LinkKeyBlock,
    BlockOverdue,
    ResendDue,
    ProbeDue,
    ProbeLost,
    ReportDue,
    AskLease,
    LeaseGranted,
    LeaseRefused,
    LeaseDue,
)


class Links:
    """The links of one node."""

    def __init__(
        self,
        node: NodeId,
        links: Iterable[LinkId],
        key_management: KeyManagementSettings,
        monitoring: MonitoringSettings,
        seat: Seat = CENTRAL,
    ) -> None:
        capacity = key_management.store // BITS_PER_BYTE
        self.node = node
        self.kmlinks = {link: KmLink(link, node, capacity, key_management.split) for link in links}
        self.watches = {
            link: Watch(node, kmlink, monitoring, monitoring=seat.of_link(link).monitoring)
            for link, kmlink in self.kmlinks.items()
        }

    def receive(self, message: LinkMessage, now: Instant) -> list[Effect]:
        """Let the link that a message is about react, and report its stock when that has changed notably."""
        kmlink = self.kmlinks.get(message.link)
        if kmlink is None:
            raise UnexpectedMessage(f"{type(message).__name__} about {message.link}, which does not end at {self.node}")
        # Asked first of what comes by far the most often: each kind that it is not takes long to tell.
        if type(message) is KeysReceived or isinstance(message, FromNeighbour):
            if message.sender != kmlink.neighbour:
                raise Violation(f"{type(message).__name__} about {message.link} came from {message.sender}")
            if message.link_epoch != FIRST_EPOCH:  # of a link key that is not in use
                return []
        watch = self.watches[message.link]
        return [*_react(kmlink, watch, message, now), *watch.note_stock()]

    def drop_session(self, ksid: Ksid, epoch: int) -> None:
        """Forget what waits or is repeated for a session's routes up to `epoch`."""
        for kmlink in self.kmlinks.values():
            kmlink.drop_session(ksid, epoch)

    def begin_anew(self, beyond: int) -> None:
        """Begin behind all that an earlier incarnation can have used: what it had is lost."""
        for kmlink in self.kmlinks.values():
            kmlink.ingest.begin_anew(beyond)

    def resume(self, now: Instant) -> list[Effect]:
        """Go on after a start or restart."""
        effects: list[Effect] = []
        for link, kmlink in self.kmlinks.items():
            effects += [*kmlink.resume(now), *self.watches[link].begin(), *self.watches[link].note_stock()]
        return effects


def _react(kmlink: KmLink, watch: Watch, message: LinkMessage, now: Instant) -> list[Effect]:
    match message:
        case KeysReceived():
            return kmlink.on_keys_received(message, now)
        case ResendDue():
            return kmlink.on_resend_due(now)
        case ProbeDue() | ProbeLost() | ReportDue() | ProbeLink() | ProbeAnswered():
            return _watch(watch, message, now)
        case AskLease() | LeaseGranted() | LeaseRefused() | LeaseDue():
            return _lease(kmlink, message, now)
        case _:
            # A block that is taken in may be what somebody waits for.
            return [*_ingest(kmlink, message, now), *kmlink.pump(now)]


def _lease(kmlink: KmLink, message: Leasing, now: Instant) -> list[Effect]:
    match message:
        case AskLease():
            return kmlink.grants.on_ask_lease(message)
        case LeaseGranted():
            return [*kmlink.lease.on_lease_granted(message), *kmlink.pump(now)]
        case LeaseRefused():
            return kmlink.lease.on_lease_refused(message)
        case _:
            return kmlink.lease.on_lease_due()


def _watch(watch: Watch, message: LinkMessage, now: Instant) -> list[Effect]:
    match message:
        case ProbeLink():
            return watch.on_probe_link(message)
        case ProbeAnswered():
            return watch.on_probe_answered(message, now)
        case ProbeDue():
            return watch.on_probe_due(now)
        case ProbeLost():
            return watch.on_probe_lost(message)
        case _:
            return watch.on_report_due()


def _ingest(kmlink: KmLink, message: LinkMessage, now: Instant) -> list[Effect]:
    ingest = kmlink.ingest
    match message:
        case LinkKeyBlock():
            received = BlockReceived(message.link, kmlink.node, message.number, has_room=kmlink.has_room)
            return [*kmlink.ingest.receive_block(message, now), Send(twin_of(message.link), received)]
        case BlockOverdue():
            return kmlink.ingest.on_overdue(message, now)
        case AcceptBlock():
            first = _in_role(ingest, FirstIngest, message)
            is_awaited = first.offered is not None and first.offered.number == message.number
            given_up = renounce(kmlink) if message.is_anew and is_awaited else []
            return [*given_up, *first.on_accept_block(message, now)]
        case RefuseBlock():
            return ingest.on_refuse_block(message, now)
        case OfferBlock():
            return _in_role(ingest, SecondIngest, message).on_offer_block(message, now)
        case _:
            assert isinstance(message, ConfirmBlock)
            return _in_role(ingest, SecondIngest, message).on_confirm_block(message, now)


Role = TypeVar("Role")


def _in_role(ingest: object, role: type[Role], message: Message) -> Role:
    """Return the ingest in the role that such a message is for."""
    if not isinstance(ingest, role):
        raise Violation(f"{type(message).__name__} came to the wrong end of a link")
    return ingest
