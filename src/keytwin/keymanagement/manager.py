"""The key manager of a node: paper B, 3.1; the KMA and KSA of ITU-T Y.3803 in one element.

It hands every message to the part whose business it is: the KM links, the sessions of the node's SAEs and the routes of
others, the workshop where keys are made, the carriage of what comes from neighbours, the collection by slaves, and the
apps that have but one SAE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import msgspec

from keytwin.keymanagement.agreement import AgreementOverdue
from keytwin.keymanagement.algorithms import KeyManagementAlgorithm
from keytwin.keymanagement.blocks import BlockDecided, BlockHeld
from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.collection import Collection, ExpiryDue
from keytwin.keymanagement.desk import LendDue, RequestOverdue
from keytwin.keymanagement.exchange import BatchOverdue
from keytwin.keymanagement.fallback import FallbackKept
from keytwin.keymanagement.forwarding import Forwarding, HopForgotten, HopKept, LeaseOverdue, TombstoneOverdue
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.handout import HandOutsDue
from keytwin.keymanagement.health import Health, SyntheticKeyKept
from keytwin.keymanagement.kept import BooksKept, StockKept, take_up_books, take_up_stock, together
from keytwin.keymanagement.kmlink import IncomingMark, account, restore_link
from keytwin.keymanagement.lease import GrantKept, OutgoingMark
from keytwin.keymanagement.links import LINK_MESSAGES, Links
from keytwin.keymanagement.multicast import Multicast, MulticastOverdue
from keytwin.keymanagement.named import take_named
from keytwin.keymanagement.orders import ReplenishDue
from keytwin.keymanagement.partials import SharesOverdue
from keytwin.keymanagement.pool import (
    SLAVE_MARGIN,
    BatchGone,
    KeyBooks,
    KeysHandedOut,
    KeysKept,
    Pool,
    Shelf,
    bound_lives,
)
from keytwin.keymanagement.put_back import Restored, WitnessesOverdue, take_up, unless_withheld
from keytwin.keymanagement.selfpair import SelfPair, SelfPairKept, SelfPairMessage, SelfPairs
from keytwin.keymanagement.session import SessionOverdue
from keytwin.keymanagement.sessions import SessionKept, Sessions, describe_pool, hear_peer, pools_of, tell_peer
from keytwin.keymanagement.summing import ask_again, take_sum
from keytwin.keymanagement.sums import SumOverdue
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.evidence import KeyAccount, LinkAccount
from keytwin.vocabulary.exchange_messages import (
    AnswerCiphertext,
    AskStored,
    AssignKeys,
    BorrowCredit,
    CreditLent,
    DescribePool,
    GetKey,
    GetKeyById,
    KeysFailed,
    KeysStored,
    KeysVoided,
    NameKeys,
    OfferPublicKey,
    PeerWord,
    RelayKeys,
    SessionSignal,
    VoidKeys,
)
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, link_ends
from keytwin.vocabulary.kem_messages import KeyPairMade, PeerDoubted, SecretEncapsulated, SecretOpened
from keytwin.vocabulary.link_messages import LeaseGranted, LeaseRefused, OfferBlock
from keytwin.vocabulary.machine import Effect, Message, PortFailed, Record, RecordsLost
from keytwin.vocabulary.operator_messages import CheckHealth
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.point_messages import XorSummed
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import (
    CloseSession,
    ConfigurationRefused,
    ConfigureHop,
    DeleteSession,
    OpenSession,
    RenewLease,
    SessionAccepted,
    UserAccepted,
    UserRefused,
)
from keytwin.vocabulary.stream_messages import TellPeer
from keytwin.vocabulary.units import Duration, Instant, minutes

Reaction = Callable[..., list[Effect]]
"""Takes one type of message, and the present instant."""


class KmSetup(msgspec.Struct, frozen=True):
    """What a key manager is told when it is made."""

    node: NodeId
    links: tuple[LinkId, ...]
    key_management: KeyManagementSettings
    monitoring: MonitoringSettings
    algorithms: Mapping[str, KeyManagementAlgorithm]
    patience: Duration = minutes(10)  # of a session for its configuration: longer than admission's for the peer
    selfpairs: tuple[SelfPair, ...] = ()
    seat: Seat = CENTRAL


class KeyManager:
    """The element `km/<node>`."""

    def __init__(self, setup: KmSetup, entropy: Entropy) -> None:
        self.node = setup.node
        self.lifetime = setup.key_management.key_lifetime
        self.books = KeyBooks()
        self.shelf = Shelf()
        self.links = Links(setup.node, setup.links, setup.key_management, setup.monitoring, setup.seat)
        kmlinks = self.links.kmlinks
        self.forwarding = Forwarding(setup.node, admission=setup.seat.admission)
        self.generations = Generations(setup.node, self.forwarding, setup.key_management.generation)
        self.carriage = Carriage(
            setup.node, kmlinks, self.forwarding, self.shelf, self.books, self.lifetime, self.generations
        )
        self.workshop = Workshop(
            node=setup.node,
            links=kmlinks,
            forwarding=self.forwarding,
            generations=self.generations,
            shelf=self.shelf,
            books=self.books,
            entropy=entropy,
            settings=setup.key_management,
            algorithms=setup.algorithms,
        )
        self.sessions = Sessions(setup.node, self.links, self.forwarding, self.workshop, entropy, setup.patience)
        self.multicast = Multicast(setup.node, self.sessions, self.workshop, entropy)
        self.collection = Collection(setup.node, self.shelf, self.carriage, self.forwarding, self.books)
        self.selfpairs = SelfPairs(setup.node, entropy, self.carriage, self.collection)
        for pair in setup.selfpairs:
            self.selfpairs.add(pair)
        self.restored = Restored(setup.node, kmlinks, self.carriage, partial(pools_of, self.sessions))
        self.health = Health(setup.node, entropy)
        self._reactions = _reactions(self)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Answer one message."""
        reaction = self._reactions.get(type(message))
        if reaction is None:
            raise UnexpectedMessage(f"a key manager does not take {type(message).__name__}")
        effects = reaction(message, now)
        return [*effects, *self.multicast.settle(now)] if self.workshop.news else effects

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Take up what was saved: routes, sessions, stocks and pools; what was under way is made anew."""
        pools = defaultdict[Ksid, Pool](Pool)
        for record in together(records):
            self.take_up(record, pools)
        latest = Instant(now + self.lifetime)
        for pool in pools.values():
            bound_lives(pool.batches, latest)
        bound_lives(self.shelf.batches.values(), Instant(latest + SLAVE_MARGIN))
        # Links first: what sessions begin anew takes octets only behind the marks.
        effects = [*self.links.resume(now), *self.forwarding.resume(now), *self.sessions.resume(now)]
        self.workshop.fallen.clear()
        self.selfpairs.resume(now)
        for ksid, desk in self.sessions.desks():
            desk.pool = pools.pop(ksid, desk.pool)
            effects += desk.replenish(now)
        # What is left belonged to sessions that are over, or that were closing.
        kept = {ksid for ksid, _ in self.sessions.desks()} | self.selfpairs.booths.keys()
        released = sum(pool.wipe() for pool in pools.values())
        released += sum(self.shelf.release(ksid) for ksid in list(self.shelf.by_session) if ksid not in kept)
        self.books.released += released
        self.books.stored -= released
        return [*effects, *self.restored.resume(), *self._expire_by_all(now)]

    def link_accounts(self) -> tuple[LinkAccount, ...]:
        """Return the books of both directions of every link."""
        return tuple(
            account(kmlink, sender) for link, kmlink in self.links.kmlinks.items() for sender in link_ends(link)
        )

    def key_account(self) -> KeyAccount:
        """Return the books of end-to-end keys."""
        return self.books.account(self.node)

    # --- what concerns more than one part ---------------------------------------------------------------------------

    def on_lease_or_offer(self, message: LeaseGranted | LeaseRefused | OfferBlock, now: Instant) -> list[Effect]:
        """Let a link react, and look what it has told of the keys from before."""
        effects = self.links.receive(message, now)
        was_served = not self.restored.is_left_behind
        told = self.restored.look()
        if was_served and self.restored.is_left_behind:
            return [*effects, *told, *refuse_waiting(self, now)]
        for _, desk in self.sessions.desks() if told else ():
            told += desk.replenish(now)
        return [*effects, *told]

    def on_signal(self, signal: SessionSignal, now: Instant) -> list[Effect]:
        """Hand a signal on along its route, or react to it at its end."""
        passed_on = self.carriage.on_signal(signal)
        if passed_on is not None:
            return passed_on
        match signal:
            case KeysStored() | KeysFailed() | KeysVoided():
                return self._on_outcome(signal, now)
            case AskStored():
                return self.carriage.on_ask_stored(signal)
            case VoidKeys():
                return self.carriage.on_void_keys(signal)
            case BorrowCredit():
                desk = self.sessions.desk(signal.ksid)
                return desk.lend(now, signal) if desk else []
            case CreditLent():
                desk = self.sessions.desk(signal.ksid)
                return desk.take_loan(signal) if desk else []
            case PeerWord():
                return hear_peer(self.sessions, signal)
            case _:
                raise UnexpectedMessage(f"a key manager does not take {type(signal).__name__}")

    def on_batch_overdue(self, overdue: BatchOverdue, now: Instant) -> list[Effect]:
        """Let a batch ask again or give up, and its session make another."""
        return self.workshop.on_overdue(overdue, now)

    def on_due(self, due: LendDue | ReplenishDue | HandOutsDue, now: Instant) -> list[Effect]:
        """Lend, borrow, replenish, or tell the audit, now."""
        desk = self.sessions.desk(due.ksid)
        if desk is None:
            return []
        if isinstance(due, ReplenishDue):
            return desk.replenish(now)
        if isinstance(due, HandOutsDue):
            return desk.hand_outs.on_due(desk.end)
        return [*desk.lend(now), *desk.borrow_again()]  # one of the two, by which end this is

    def on_request_overdue(self, overdue: RequestOverdue, now: Instant) -> list[Effect]:
        """Let a session give a request up."""
        session = self.sessions.known.get(overdue.ksid)
        return self.sessions.step(session, overdue, now) if session else []

    def on_expiry_due(self, due: ExpiryDue, now: Instant) -> list[Effect]:
        """Wipe what is past its time, and fill pools up again."""
        del due
        effects = self.collection.expire(pools_of(self.sessions), now)
        for _, desk in self.sessions.desks():
            effects += desk.replenish(now)
        return [*effects, *self._expire_by_all(now)]

    def on_keys(self, message: RelayKeys | AssignKeys, now: Instant) -> list[Effect]:
        """Take keys that come from a neighbour."""
        if isinstance(message, RelayKeys):
            effects = self.carriage.on_relay_keys(message, now)
        else:
            effects = self.carriage.on_assign_keys(message, now)
        if message.link not in self.links.watches:  # `Carriage` has passed over what is not about our links
            return effects
        expiry = self.collection.expire_by(self.shelf.next_expiry(), now)
        return [*effects, *self.links.watches[message.link].note_stock(), *expiry]

    def _on_outcome(self, outcome: KeysStored | KeysFailed | KeysVoided, now: Instant) -> list[Effect]:
        """Put keys that have become available to their pool or request, and let the session go on."""
        ready, effects = self.workshop.on_outcome(outcome, now)
        session = self.sessions.known.get(outcome.ksid)
        if session is None or session.desk is None or isinstance(outcome, KeysVoided):
            return effects  # a session that is closing has no batches any more, so no keys are left over here
        if ready is not None:
            expiry = self.collection.expire_by(ready.batch.until, now)
            effects = [*effects, *session.desk.take_in(ready, now), *expiry]
        return [*effects, *self.sessions.step(session, outcome, now)]

    def _expire_by_all(self, now: Instant) -> list[Effect]:
        return self.collection.expire_by(self.collection.next_expiry(pools_of(self.sessions)), now)

    def take_up(self, record: Record, pools: defaultdict[Ksid, Pool]) -> None:
        """Take up one saved record, in the order they were saved; what masters have ready goes to `pools`."""
        match record:
            case KeysKept() | KeysHandedOut() | BatchGone():
                take_up(record, pools[record.ksid], self.carriage)
            case BlockHeld() | BlockDecided() | OutgoingMark() | IncomingMark() | GrantKept():
                restore_link(self.links.kmlinks[record.link], record)
            case StockKept():
                take_up_stock(self.links.kmlinks[record.link], record)
            case HopKept() | HopForgotten():
                self.forwarding.restore(record)
            case FallbackKept(ksid=ksid):
                self.workshop.fallen[ksid] = record
            case SessionKept(ksid=ksid):
                self.sessions.kept[ksid] = record
            case SelfPairKept():
                self.selfpairs.restore(record)
            case SyntheticKeyKept(material=material):
                material.wipe()
            case RecordsLost():
                self.links.begin_anew(record.beyond)
            case BooksKept():
                take_up_books(self.books, record)
                self.carriage.gone |= dict.fromkeys(record.gone)
                self.forwarding.tombstones |= record.tombstones
            case _:
                raise UnexpectedMessage(f"a key manager does not keep {type(record).__name__}")


def _reactions(km: KeyManager) -> dict[type[Message], Reaction]:
    """Return which part reacts to which message."""
    sessions, forwarding = km.sessions, km.forwarding
    opening = (UserAccepted, UserRefused, SessionAccepted, ConfigurationRefused, SessionOverdue)
    signals = (KeysStored, KeysFailed, KeysVoided, AskStored, VoidKeys, BorrowCredit, CreditLent, PeerWord)
    return {
        **dict.fromkeys(LINK_MESSAGES, km.links.receive),
        **dict.fromkeys((LeaseGranted, LeaseRefused, OfferBlock), km.on_lease_or_offer),
        **dict.fromkeys(opening, sessions.on_opening),
        **dict.fromkeys(signals, km.on_signal),
        **dict.fromkeys((OfferPublicKey, AnswerCiphertext, NameKeys), lambda signal, now: on_secret(km, signal, now)),
        **dict.fromkeys(
            (KeyPairMade, SecretEncapsulated, SecretOpened, PeerDoubted, PortFailed), km.generations.on_performed
        ),
        AgreementOverdue: km.generations.on_overdue,
        **dict.fromkeys((RelayKeys, AssignKeys), km.on_keys),
        **dict.fromkeys((LendDue, ReplenishDue, HandOutsDue), km.on_due),
        XorSummed: lambda summed, now: on_sum(km, summed, now),
        SumOverdue: lambda overdue, now: ask_again(km.carriage, overdue, now),
        OpenSession: _or_selfpair(km.selfpairs, sessions.on_open_session),
        ConfigureHop: sessions.on_configure_hop,
        DeleteSession: sessions.on_delete_session,
        LeaseOverdue: sessions.on_lease_overdue,
        GetKey: unless_withheld(
            km.restored, _or_multicast(km.multicast, _or_selfpair(km.selfpairs, sessions.on_get_key))
        ),
        WitnessesOverdue: km.restored.on_overdue,
        MulticastOverdue: km.multicast.on_overdue,
        DescribePool: _or_selfpair(km.selfpairs, lambda ask, _: describe_pool(sessions, ask)),
        CloseSession: _or_selfpair(km.selfpairs, sessions.on_close_session),
        TellPeer: lambda tell, _: tell_peer(sessions, tell),
        GetKeyById: unless_withheld(km.restored, km.collection.on_get_key_by_id),
        RenewLease: forwarding.on_renew_lease,
        TombstoneOverdue: forwarding.on_tombstone_overdue,
        RequestOverdue: km.on_request_overdue,
        BatchOverdue: km.on_batch_overdue,
        ExpiryDue: km.on_expiry_due,
        SharesOverdue: km.carriage.on_shares_overdue,
        CheckHealth: km.health.on_check_health,
    }


def refuse_waiting(km: KeyManager, now: Instant) -> list[Effect]:
    """Refuse whoever waits for keys: another copy has taken over, and this one hands out nothing any more."""
    effects: list[Effect] = []
    for ksid, desk in km.sessions.desks():
        for request_id in (*desk.queue, *desk.special):
            effects += km.on_request_overdue(RequestOverdue(ksid, request_id), now)
    for ksid, request_id in list(km.multicast.casts):
        effects += km.multicast.on_overdue(MulticastOverdue(ksid, request_id), now)
    return effects


def on_secret(km: KeyManager, signal: OfferPublicKey | AnswerCiphertext | NameKeys, now: Instant) -> list[Effect]:
    """Hand a signal about a post-quantum secret on along its route, or react to it at its end."""
    passed_on = km.carriage.on_signal(signal)
    if passed_on is not None:
        return passed_on
    match signal:
        case OfferPublicKey():
            return km.generations.on_offer(signal)
        case AnswerCiphertext():
            return km.generations.on_answer(signal, now)
        case NameKeys():
            named = take_named(km.carriage, signal, now)
            return [*named, *km.collection.expire_by(km.shelf.next_expiry(), now)]


def on_sum(km: KeyManager, summed: XorSummed, now: Instant) -> list[Effect]:
    """Take the keys that the central point's sum leads to."""
    taken = take_sum(km.carriage, summed, now)
    return [*taken, *km.collection.expire_by(km.shelf.next_expiry(), now)]


def _or_multicast(multicast: Multicast, usual: Reaction) -> Reaction:
    """Return the reaction to a master that asks for keys, for one slave or for several."""

    def react(ask: GetKey, now: Instant) -> list[Effect]:
        return multicast.on_get_key(ask, now) if ask.further else usual(ask, now)

    return react


def _or_selfpair(selfpairs: SelfPairs, theirs: Reaction) -> Reaction:
    """Return the reaction to what an SAE asks of its session, whichever kind that is."""
    if not selfpairs.booths:
        return theirs

    def react(message: SelfPairMessage, now: Instant) -> list[Effect]:
        effects = selfpairs.receive(message, now)
        return theirs(message, now) if effects is None else effects

    return react
