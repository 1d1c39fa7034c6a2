"""Two ends that agree on secrets over a wire on which a test does what it likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from keytwin.keymanagement.agreement import MOST_OFFERS, AgreementOverdue, Performed
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.generations import LONGEST_USE, MOST_KEPT, PAUSE, Generations
from keytwin.keymanagement.hybrid import Generation
from keytwin.keymanagement.orders import ReplenishDue
from keytwin.runtime.entropy import SeededEntropy
from keytwin.runtime.kem import KemPort, MlKem768, SeededKem, stated
from keytwin.runtime.notary import SeededNotary
from keytwin.vocabulary.errors import KemRefused
from keytwin.vocabulary.events import SecretRefused
from keytwin.vocabulary.exchange_messages import AnswerCiphertext, AssignKeys, OfferPublicKey
from keytwin.vocabulary.identity import Ksid, NodeId, km_of
from keytwin.vocabulary.kem_messages import AgreementId, KeyPairMade, PeerDoubted, SecretEncapsulated, SecretOpened
from keytwin.vocabulary.key import KeyMode
from keytwin.vocabulary.machine import (
    Effect,
    Message,
    Perform,
    PortFailed,
    Publish,
    Request,
    Send,
    StartTimer,
    StopTimer,
)
from keytwin.vocabulary.ports import Kem
from keytwin.vocabulary.units import Bits, Duration, Instant
from tests.keymanagement.parts import AB, KSID, START, A, B, hop, key_ids, later, sent, started
from tests.marks import invariant

MOST = 100


def generations(node: NodeId) -> Generations:
    configured = hop(node)
    assert configured.end
    forwarding = Forwarding(node)
    mixed = replace(configured, end=replace(configured.end, mode=KeyMode.HYBRID_CATKDF))
    forwarding.on_configure_hop(mixed, START)
    return Generations(node, forwarding, MOST)


def vouched(node: NodeId, *said: bytes, ksid: Ksid = KSID) -> bytes:
    """Return what a node says of the first generation."""
    return SeededNotary(node).vouch(stated(AgreementId(ksid, 1, onward=True), *said))


def seeded() -> SeededKem:
    return SeededKem(SeededEntropy(bytes(32)))


@dataclass
class Pair:
    """Both ends, each with a port; `spoil` may change or lose what one says to the other."""

    ends: dict[NodeId, Generations] = field(default_factory=lambda: {node: generations(node) for node in (A, B)})
    kem: Kem = field(default_factory=seeded)
    said: list[Message] = field(default_factory=list)
    timers: dict[str, object] = field(default_factory=dict)
    doubts: list[SecretRefused] = field(default_factory=list)
    is_cut: bool = False
    fails: bool = False

    def port(self, node: NodeId) -> KemPort:
        return KemPort(self.kem, SeededNotary(node))

    def take(self, number: int = 1, now: Instant = START) -> Generation | None:
        """Ask at A, and let everything that follows from it happen."""
        taken, effects = self.ends[A].take(KSID, number, now)
        self.perform(A, effects, now)
        return taken

    def agreed(self) -> Generation:
        assert self.take() is None
        agreed = self.take()
        assert agreed
        return agreed

    def perform(self, node: NodeId, effects: list[Effect], now: Instant = START) -> None:
        follow: list[tuple[NodeId, list[Effect]]] = []
        for effect in effects:
            match effect:
                case Perform(request=request):
                    follow.append((node, self.ends[node].on_performed(self._answer(node, request), now)))
                case Send(to=to, message=message):
                    self.said.append(message)
                    if not self.is_cut:
                        other = next(each for each in self.ends if km_of(each) == to)
                        follow.append((other, self.hear(other, message)))
                case StartTimer(name=name, message=due):
                    self.timers[name] = due
                case StopTimer(name=name):
                    self.timers.pop(name, None)
                case Publish(event=SecretRefused() as doubt):
                    self.doubts.append(doubt)
                case _:
                    raise AssertionError(effect)
        for other, later_on in follow:
            self.perform(other, later_on, now)

    def hear(self, node: NodeId, message: Message) -> list[Effect]:
        end = self.ends[node]
        if isinstance(message, OfferPublicKey):
            return end.on_offer(message)
        assert isinstance(message, AnswerCiphertext)
        return end.on_answer(message, START)

    def shares(self, mine: Generation) -> bool:
        """Whether B takes what A says it has made with this secret."""
        told = AssignKeys(A, AB, 1, 0, 0, KSID, 1, onward=True, batch_id="b", key_size=Bits(256), key_ids=key_ids("k"))
        return self.ends[B].shared(mine.proven(told)) is not None

    def _answer(self, node: NodeId, request: Request) -> Performed:
        if self.fails:
            return PortFailed(request.request_id, "no luck")
        try:
            answer = self.port(node).answer(request)
        except KemRefused as refusal:
            return PortFailed(request.request_id, str(refusal))
        assert isinstance(answer, KeyPairMade | SecretEncapsulated | SecretOpened | PeerDoubted)
        return answer


@invariant("K2")
@pytest.mark.parametrize("kem", [MlKem768, seeded], ids=["real", "stand-in"])
def test_both_ends_have_the_secret_after_one_round(kem: Callable[[], Kem]) -> None:
    pair = Pair(kem=kem())
    mine = pair.agreed()
    theirs = pair.ends[B].theirs[KSID][1]
    with mine.secret.exposed() as one, theirs.secret.exposed() as other:
        assert bytes(one) == bytes(other)
    assert pair.shares(mine)
    assert [type(each) for each in pair.said] == [OfferPublicKey, AnswerCiphertext]


def test_as_soon_as_there_is_a_secret_the_session_looks_at_what_it_wants() -> None:
    pair = Pair()
    pair.take()
    assert ReplenishDue(KSID) in pair.timers.values()
    assert AgreementOverdue(KSID) not in pair.timers.values()


def test_only_one_agreement_of_a_session_is_under_way() -> None:
    pair = Pair(is_cut=True)
    for _ in range(5):
        assert pair.take() is None
    assert len(pair.said) == 1


def test_what_is_lost_is_offered_again_with_the_same_public_key() -> None:
    pair = Pair(is_cut=True)
    pair.take()
    pair.is_cut = False
    pair.perform(A, pair.ends[A].on_overdue(AgreementOverdue(KSID), START))
    first, second, _ = pair.said
    assert first == second
    assert pair.take()


def test_a_repeated_offer_gets_the_same_answer() -> None:
    pair = Pair()
    mine = pair.agreed()
    offer, answer = pair.said
    assert isinstance(offer, OfferPublicKey)
    (again,) = sent(pair.ends[B].on_offer(offer), AnswerCiphertext)
    assert again == answer
    assert pair.shares(mine)


def test_an_answer_that_comes_twice_changes_nothing() -> None:
    pair = Pair()
    mine = pair.agreed()
    answer = pair.said[-1]
    assert isinstance(answer, AnswerCiphertext)
    assert pair.ends[A].on_answer(answer, START) == []
    assert pair.shares(mine)


def asked_and_answered() -> tuple[Pair, OfferPublicKey, AnswerCiphertext]:
    """Return two ends of which the second has answered, and what both have said: the answer has not arrived yet."""
    pair = Pair(is_cut=True)
    pair.take()
    offer = pair.said[0]
    assert isinstance(offer, OfferPublicKey)
    pair.perform(B, pair.ends[B].on_offer(offer))
    answer = pair.said[-1]
    assert isinstance(answer, AnswerCiphertext)
    return pair, offer, answer


@invariant("K2")
def test_an_answer_that_was_altered_on_the_way_is_doubted_and_the_right_one_taken_after_it() -> None:
    pair, _, answer = asked_and_answered()
    altered = bytes([answer.ciphertext[0] ^ 1]) + answer.ciphertext[1:]
    pair.perform(A, pair.ends[A].on_answer(replace(answer, ciphertext=altered), START))
    assert pair.take() is None
    assert pair.doubts == [SecretRefused(A, KSID, 0, 1)]
    pair.perform(A, pair.ends[A].on_answer(answer, START))
    mine = pair.take()
    assert mine
    assert pair.shares(mine)


@invariant("K2")
def test_whoever_answers_in_the_name_of_the_other_end_is_doubted() -> None:
    """A relay between that has a certificate of its own: it answers with a secret of its own, and signs it."""
    pair, offer, answer = asked_and_answered()
    secret, ciphertext = pair.kem.encapsulate(offer.public)
    vouchers = (
        vouched(NodeId("relay"), offer.public, ciphertext),
        vouched(B, offer.public, answer.ciphertext),  # B's own, for another ciphertext
        vouched(B, offer.public, ciphertext, ksid=Ksid("another")),
        b"",
    )
    for voucher in vouchers:
        spoken = replace(answer, ciphertext=ciphertext, voucher=voucher)
        pair.perform(A, pair.ends[A].on_answer(spoken, START))
        assert pair.take() is None
    assert len(pair.doubts) == len(vouchers)
    secret.wipe()


@invariant("K2")
def test_whoever_offers_in_the_name_of_the_other_end_gets_no_answer() -> None:
    pair = Pair()
    _, public = pair.kem.generate()
    for voucher in (vouched(NodeId("relay"), public), vouched(A, b"another"), vouched(B, public), b"nonsense"):
        offer = OfferPublicKey(A, KSID, 1, onward=True, generation=1, public=public, voucher=voucher)
        pair.perform(B, pair.ends[B].on_offer(offer))
    assert pair.said == []
    assert pair.doubts == [SecretRefused(B, KSID, 0, 1)] * 4
    assert not pair.ends[B].theirs
    assert pair.shares(pair.agreed())


def test_an_end_that_was_not_told_who_is_at_the_other_believes_nobody() -> None:
    pair = Pair()
    for end in pair.ends.values():
        configured = end.forwarding.hops[KSID].configuration
        assert configured.end
        told = replace(configured, epoch=2, end=replace(configured.end, peer_mark=b""))
        end.forwarding.on_configure_hop(told, START)
    assert pair.take() is None
    assert pair.take() is None
    assert {doubt.node for doubt in pair.doubts} == {B}


def test_what_is_no_public_key_is_not_answered() -> None:
    pair = Pair()
    offer = OfferPublicKey(A, KSID, 1, onward=True, generation=1, public=b"nonsense", voucher=vouched(A, b"nonsense"))
    pair.perform(B, pair.ends[B].on_offer(offer))
    assert pair.said == []
    assert not pair.ends[B].answering
    assert pair.shares(pair.agreed())


@invariant("K2")
def test_an_end_that_was_restarted_does_not_take_what_was_made_with_the_secret_it_has_lost() -> None:
    pair = Pair()
    mine = pair.agreed()
    pair.ends[B] = generations(B)
    assert not pair.shares(mine)
    pair.ends[A].distrust(KSID, mine.number)
    fresh = pair.agreed()
    assert fresh.number == mine.number + 1
    assert pair.shares(fresh)


@invariant("K2")
def test_a_maker_that_was_restarted_counts_anew_and_the_other_end_follows() -> None:
    pair = Pair()
    old = pair.agreed()
    pair.ends[A] = generations(A)
    fresh = pair.agreed()
    assert fresh.number == old.number
    assert pair.shares(fresh)
    assert not pair.shares(old)


def test_a_late_distrust_of_an_older_secret_changes_nothing() -> None:
    pair = Pair()
    mine = pair.agreed()
    pair.ends[A].distrust(KSID, mine.number + 1)
    assert pair.take()


def test_a_secret_goes_into_so_many_keys_at_most_and_the_next_is_there_before() -> None:
    pair = Pair()
    pair.take()
    numbers = []
    for _ in range(MOST):
        taken = pair.take(10)
        assert taken
        numbers.append(taken.number)
    counts = [numbers.count(number) for number in sorted(set(numbers))]
    assert max(counts) <= MOST // 10
    assert len(counts) > 10


def test_without_a_successor_a_secret_that_is_used_up_makes_no_more() -> None:
    pair = Pair()
    pair.take()
    pair.is_cut = True
    taken = [pair.take(10) for _ in range(20)]
    assert [each is not None for each in taken] == [True] * 10 + [False] * 10


def test_a_batch_larger_than_what_one_secret_is_for_has_one_of_its_own() -> None:
    pair = Pair()
    pair.take()
    first, second = pair.take(MOST * 2), pair.take(MOST * 2)
    assert first
    assert second
    assert first.number != second.number


def test_a_secret_that_is_an_hour_old_is_replaced() -> None:
    pair = Pair()
    old = pair.agreed()
    late = later(Duration(LONGEST_USE + 1))
    assert pair.take(now=late)
    fresh = pair.take(now=late)
    assert fresh
    assert fresh.number == old.number + 1


@invariant("K5")
def test_replaced_secrets_are_wiped_at_both_ends() -> None:
    pair = Pair()
    pair.take()
    seen = [pair.ends[A].own[KSID].generation]
    for _ in range(MOST_KEPT + 2):
        pair.ends[A].distrust(KSID, pair.ends[A].own[KSID].last)
        pair.agreed()
        seen.append(pair.ends[A].own[KSID].generation)
    assert all(each and each.secret.is_wiped for each in seen[:-1])
    assert len(pair.ends[B].theirs[KSID]) == MOST_KEPT


@invariant("S1")
def test_nothing_of_a_session_that_is_over_is_left() -> None:
    pair = Pair()
    pair.agreed()
    theirs = pair.ends[B].theirs[KSID][1]
    for node in (A, B):
        pair.perform(node, pair.ends[node].close(KSID))
    assert theirs.secret.is_wiped
    for end in pair.ends.values():
        assert [len(held) for held in (end.own, end.theirs, end.asked, end.answering)] == [0] * 4
    assert pair.timers == {}


def test_what_the_port_says_after_the_end_of_a_session_is_wiped() -> None:
    pair = Pair()
    _, effects = pair.ends[A].take(KSID, 1, START)
    request = next(effect.request for effect in effects if isinstance(effect, Perform))
    pair.ends[A].close(KSID)
    made = pair.port(A).answer(request)
    assert isinstance(made, KeyPairMade)
    assert pair.ends[A].on_performed(made, START) == []
    assert made.private.is_wiped
    assert not pair.ends[A].asked


def test_a_secret_made_for_a_session_that_has_gone_is_wiped() -> None:
    pair = Pair()
    _, public = seeded().generate()
    offer = OfferPublicKey(A, KSID, 1, onward=True, generation=1, public=public, voucher=vouched(A, public))
    (asked,) = [effect.request for effect in pair.ends[B].on_offer(offer) if isinstance(effect, Perform)]
    assert pair.ends[B].on_offer(offer) == []  # one at a time
    pair.ends[B].forwarding.forget(KSID, 1)
    made = pair.port(B).answer(asked)
    assert isinstance(made, SecretEncapsulated)
    assert pair.ends[B].on_performed(made, START) == []
    assert made.secret.is_wiped
    assert not pair.ends[B].theirs


def test_a_port_that_fails_is_tried_again_after_a_pause() -> None:
    pair = Pair(fails=True)
    _, effects = pair.ends[A].take(KSID, 1, START)
    (asked,) = [effect.request for effect in effects if isinstance(effect, Perform)]
    again = pair.ends[A].on_performed(PortFailed(asked.request_id, "no luck"), START)
    assert PAUSE in started(again).values()
    pair.fails = False
    assert pair.shares(pair.agreed())


def test_an_end_that_is_silent_for_long_is_offered_another_key_later() -> None:
    pair = Pair(is_cut=True)
    pair.take()
    for _ in range(MOST_OFFERS):
        pair.perform(A, pair.ends[A].on_overdue(AgreementOverdue(KSID), START))
    assert pair.ends[A].own[KSID].under_way is None
    pair.is_cut = False
    fresh = pair.agreed()
    assert fresh.number == 2


def test_an_end_whose_service_level_knows_no_secrets_answers_no_offer() -> None:
    plain = Forwarding(B)
    plain.on_configure_hop(hop(B), START)
    offer = OfferPublicKey(A, KSID, 1, onward=True, generation=1, public=b"public", voucher=b"")
    assert Generations(B, plain, MOST).on_offer(offer) == []
    assert Generations(B, Forwarding(B), MOST).on_offer(offer) == []
