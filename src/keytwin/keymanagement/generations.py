"""The post-quantum secrets of all sessions that end at one key manager: those it makes keys with, and the other ends'.

How one is agreed is in `agreement.py`; what is made of it in `hybrid.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.agreement import (
    Agreeing,
    Agreement,
    AgreementOverdue,
    EndAgreement,
    Own,
    Performed,
    discard,
    timer_of,
)
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.hybrid import BatchMessage, Generation
from keytwin.keymanagement.orders import ReplenishDue
from keytwin.vocabulary.events import SecretRefused
from keytwin.vocabulary.exchange_messages import AnswerCiphertext, OfferPublicKey
from keytwin.vocabulary.identity import Ksid, NodeId, km_of
from keytwin.vocabulary.kem_messages import (
    ML_KEM_768,
    AgreementId,
    Encapsulate,
    KeyPairMade,
    PeerDoubted,
    SecretEncapsulated,
)
from keytwin.vocabulary.key import is_secret_agreed
from keytwin.vocabulary.machine import Effect, Perform, Publish, RequestId, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import START, Duration, Instant, hours, seconds

LONGEST_USE: Final = hours(1)  # then a new generation is agreed, whatever is left of the old one
MOST_KEPT: Final = 4  # of the other end's: batches of the one before may be on their way, or wait for quantum key
PAUSE: Final = seconds(5)  # after an agreement that failed
AT_ONCE: Final = Duration(0)


@dataclass(slots=True)
class Generations:
    """Both roles of one key manager: it makes keys with secrets of its own, and takes them with the other ends'."""

    node: NodeId
    forwarding: Forwarding
    most: int  # keys that one secret goes into
    own: dict[Ksid, Own] = field(default_factory=dict)
    theirs: dict[Ksid, dict[int, Generation]] = field(default_factory=dict)
    asked: dict[RequestId, Agreement] = field(default_factory=dict)  # of the port, by the making end
    answering: dict[RequestId, OfferPublicKey] = field(default_factory=dict)  # of the port, by the other

    def take(self, ksid: Ksid, number: int, now: Instant) -> tuple[Generation | None, list[Effect]]:
        """Return a copy of the secret for so many keys; None while none is agreed. The next is begun in good time."""
        own = self.own.setdefault(ksid, Own())
        is_good = own.generation is not None and (own.used == 0 or own.used + number <= self.most)
        is_worn = not is_good or own.used + number > self.most // 2 or now - own.since > LONGEST_USE
        effects = self._begin(ksid, own) if is_worn and own.under_way is None else []
        if not is_good or own.generation is None:
            return None, effects
        own.used += number
        return own.generation.copy(), effects

    def distrust(self, ksid: Ksid, number: int) -> None:
        """Use a generation no more: the other end does not have it."""
        own = self.own.get(ksid)
        if own is not None and own.generation is not None and own.generation.number == number:
            own.wipe()

    def shared(self, batch: BatchMessage) -> Generation | None:
        """Return the secret that a batch was made with; None when it is not here, or its maker does not prove it."""
        generation = self.theirs.get(batch.ksid, {}).get(batch.generation)
        return generation if generation is not None and generation.proves(batch) else None

    # --- along the route --------------------------------------------------------------------------------------------

    def on_offer(self, offer: OfferPublicKey) -> list[Effect]:
        """Make a secret for whoever offers a public key; the same answer to the same offer."""
        end = self.forwarding.end(offer.ksid)
        if end is None or not is_secret_agreed(end.mode, end.fallback):
            return []
        known = self.theirs.get(offer.ksid, {}).get(offer.generation)
        if known is not None and known.public == offer.public:
            return [self._answer(offer, known)]
        request_id = f"{offer.ksid}/encapsulate"
        if request_id in self.answering:
            return []  # one at a time: it will be offered again
        self.answering[request_id] = offer
        agreement = AgreementId(offer.ksid, offer.generation, offer.onward)
        return [Perform(ML_KEM_768, Encapsulate(request_id, agreement, offer.public, offer.voucher, end.peer_mark))]

    def on_answer(self, answer: AnswerCiphertext, now: Instant) -> list[Effect]:
        """Open the secret of the generation that is being agreed; an answer to an older offer is passed over."""
        agreement = self._under_way(answer.ksid)
        if agreement is None or agreement.number != answer.generation or agreement.state is not Agreeing.OFFERED:
            return []
        self.asked[agreement.request("open")] = agreement
        return agreement.receive(answer, now)

    def on_overdue(self, overdue: AgreementOverdue, now: Instant) -> list[Effect]:
        """Offer the public key again, or give this generation up."""
        agreement = self._under_way(overdue.ksid)
        return self._step(agreement, overdue, now) if agreement else []

    # --- what the port says -----------------------------------------------------------------------------------------

    def on_performed(self, answer: Performed, now: Instant) -> list[Effect]:
        """Go on with what the port has done."""
        offer = self.answering.pop(answer.request_id, None)
        if offer is not None:
            return self._made_for(offer, answer)
        agreement = self.asked.pop(answer.request_id, None)
        if agreement is None or agreement.state in (Agreeing.AGREED, Agreeing.FAILED):
            discard(answer)
            if agreement is not None:
                agreement.wipe()
            return []
        doubts = [self._doubt(agreement.ksid, agreement.number)] if isinstance(answer, PeerDoubted) else []
        return [*doubts, *self._step(agreement, answer, now)]

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self, ksid: Ksid) -> list[Effect]:
        """Wipe everything of a session."""
        for generation in self.theirs.pop(ksid, {}).values():
            generation.wipe()
        own = self.own.pop(ksid, None)
        if own is None:
            return []
        own.wipe()
        if own.under_way is not None:
            own.under_way.receive(EndAgreement(ksid), START)
        return [StopTimer(timer_of(ksid)), StopTimer(_pause_timer(ksid))]

    # --- how --------------------------------------------------------------------------------------------------------

    def _begin(self, ksid: Ksid, own: Own) -> list[Effect]:
        end = self.forwarding.end(ksid)
        if end is None:
            return []
        own.last += 1
        own.under_way = agreement = Agreement(ksid, own.last, onward=end.is_first, peer=end.peer_mark)
        self.asked[agreement.request("pair")] = agreement
        return agreement.begin()

    def _under_way(self, ksid: Ksid) -> Agreement | None:
        own = self.own.get(ksid)
        return own.under_way if own else None

    def _step(self, agreement: Agreement, message: Performed | AgreementOverdue, now: Instant) -> list[Effect]:
        effects = agreement.receive(message, now)
        if agreement.state is Agreeing.OFFERED and isinstance(message, KeyPairMade | AgreementOverdue):
            return [*self._offer(agreement), *effects]
        own = self.own.get(agreement.ksid)
        if own is None or own.under_way is not agreement:
            return effects
        if agreement.state is Agreeing.AGREED:
            own.wipe()
            own.generation, own.used, own.since, own.under_way = agreement.generation, 0, now, None
            return [*effects, StopTimer(timer_of(agreement.ksid)), _look_again(agreement.ksid, AT_ONCE)]
        if agreement.state is Agreeing.FAILED:
            own.under_way = None
            return [*effects, StopTimer(timer_of(agreement.ksid)), _look_again(agreement.ksid, PAUSE)]
        return effects

    def _offer(self, agreement: Agreement) -> list[Effect]:
        """Send the public key along the session's present route."""
        hop, end = self.forwarding.hops.get(agreement.ksid), self.forwarding.end(agreement.ksid)
        towards = hop.towards(onward=end.is_first) if hop and end else None
        if hop is None or end is None or towards is None:
            return []
        epoch = hop.configuration.epoch
        offer = OfferPublicKey(
            self.node,
            agreement.ksid,
            epoch,
            end.is_first,
            generation=agreement.number,
            public=agreement.public,
            voucher=agreement.voucher,
        )
        return [Send(km_of(towards.node), offer)]

    def _made_for(self, offer: OfferPublicKey, answer: Performed) -> list[Effect]:
        """Keep the secret that was made for an offer, and answer it."""
        if not isinstance(answer, SecretEncapsulated) or offer.ksid not in self.forwarding.hops:
            discard(answer)  # no public key at all, somebody else's, or a session that is over
            return [self._doubt(offer.ksid, offer.generation)] if isinstance(answer, PeerDoubted) else []
        kept = self.theirs.setdefault(offer.ksid, {})
        older = kept.pop(offer.generation, None)  # of an earlier incarnation, which counted from one, too
        if older is not None:
            older.wipe()
        while len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept))).wipe()
        kept[offer.generation] = made = Generation(
            offer.generation, offer.public, answer.ciphertext, answer.secret, answer.voucher
        )
        return [self._answer(offer, made)]

    def _answer(self, offer: OfferPublicKey, made: Generation) -> Effect:
        answer = AnswerCiphertext(
            self.node,
            offer.ksid,
            offer.epoch,
            not offer.onward,
            generation=offer.generation,
            ciphertext=made.ciphertext,
            voucher=made.voucher,
        )
        return Send(km_of(offer.sender), answer)

    def _doubt(self, ksid: Ksid, generation: int) -> Effect:
        return Publish(SecretRefused(self.node, ksid, 0, generation))


def _pause_timer(ksid: Ksid) -> str:
    return f"{ksid}/agreed"


def _look_again(ksid: Ksid, wait: Duration) -> Effect:
    """Have the session look at what it wants: at once when there is a secret, later when there is none."""
    return StartTimer(_pause_timer(ksid), wait, ReplenishDue(ksid))
