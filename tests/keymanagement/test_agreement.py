"""One agreement on a secret, at the end that makes keys: every state has its exits, and no private key stays behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from keytwin.keymanagement.agreement import (
    AGREEMENT_TABLE,
    LONGEST_OFFER,
    MOST_OFFERS,
    OFFER_AGAIN,
    Agreeing,
    Agreement,
    AgreementOverdue,
    EndAgreement,
    Own,
    Performed,
    discard,
)
from keytwin.vocabulary.exchange_messages import AnswerCiphertext
from keytwin.vocabulary.kem_messages import (
    ML_KEM_768,
    AgreementId,
    Decapsulate,
    KeyPairMade,
    MakeKeyPair,
    PeerDoubted,
    SecretEncapsulated,
    SecretOpened,
)
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Effect, Message, Perform, PortFailed
from tests.keymanagement.parts import KSID, START, B, started
from tests.machines import assert_every_state_has_exits, assert_table_is_total
from tests.marks import invariant

MESSAGES: list[type[Message]] = [
    KeyPairMade,
    AnswerCiphertext,
    SecretOpened,
    PeerDoubted,
    PortFailed,
    AgreementOverdue,
    EndAgreement,
]
OVERDUE, END = AgreementOverdue(KSID), EndAgreement(KSID)
ANSWER = AnswerCiphertext(B, KSID, 1, onward=False, generation=1, ciphertext=b"ciphertext", voucher=b"theirs")
ID, PEER = AgreementId(KSID, 1, onward=True), b"mark"
DOUBTED = PeerDoubted("any")
FAILED = PortFailed("any", "no luck")


def material() -> KeyMaterial:
    return KeyMaterial(bytearray(b"octets"))


def pair() -> KeyPairMade:
    return KeyPairMade("any", material(), b"public", b"mine")


def after(*messages: Message) -> Agreement:
    agreement = Agreement(KSID, 1, onward=True, peer=PEER)
    for message in messages:
        agreement.receive(message, START)
    return agreement


def performed(effects: list[Effect]) -> list[object]:
    assert all(effect.port == ML_KEM_768 for effect in effects if isinstance(effect, Perform))
    return [effect.request for effect in effects if isinstance(effect, Perform)]


@invariant("S4")
def test_every_state_has_a_time_out_and_an_error_exit() -> None:
    assert_every_state_has_exits(AGREEMENT_TABLE, timeouts=[AgreementOverdue], errors=[EndAgreement, PortFailed])


def test_every_message_is_answered_or_ignored_in_every_state() -> None:
    assert_table_is_total(AGREEMENT_TABLE, MESSAGES, Agreement)


def test_it_goes_from_a_key_pair_by_an_answer_to_a_secret() -> None:
    agreement = Agreement(KSID, 1, onward=True, peer=PEER)
    assert performed(agreement.begin()) == [MakeKeyPair(f"{KSID}/1/pair", ID)]
    made = pair()
    assert not performed(agreement.receive(made, START))
    assert (agreement.state, agreement.public, agreement.voucher) == (Agreeing.OFFERED, b"public", b"mine")
    (asked,) = performed(agreement.receive(ANSWER, START))
    assert asked == Decapsulate(f"{KSID}/1/open", ID, made.private, b"public", b"ciphertext", b"theirs", PEER)
    secret = material()
    agreement.receive(SecretOpened("any", secret), START)
    assert agreement.state is Agreeing.AGREED
    agreed = agreement.generation
    assert agreed
    assert (agreed.number, agreed.public, agreed.ciphertext, agreed.secret) == (1, b"public", b"ciphertext", secret)


@invariant("K5")
def test_the_private_key_is_wiped_when_the_secret_is_open() -> None:
    made = pair()
    after(made, ANSWER, SecretOpened("any", material()))
    assert made.private.is_wiped


@pytest.mark.parametrize("messages", [(END,), (*[OVERDUE] * MOST_OFFERS,)], ids=["over", "offered often enough"])
def test_the_private_key_is_wiped_when_nothing_came_of_it(messages: tuple[Message, ...]) -> None:
    made = pair()
    assert after(made, *messages).state is Agreeing.FAILED
    assert made.private.is_wiped


@pytest.mark.parametrize("message", [OVERDUE, END])
def test_while_the_port_works_with_the_private_key_nobody_wipes_it(message: Message) -> None:
    made = pair()
    agreement = after(made, ANSWER, message)
    assert agreement.state is Agreeing.FAILED
    assert not made.private.is_wiped
    agreement.wipe()
    assert made.private.is_wiped


def test_a_port_that_fails_ends_it() -> None:
    made = pair()
    assert after(FAILED).state is Agreeing.FAILED
    assert after(made, ANSWER, FAILED).state is Agreeing.FAILED
    assert made.private.is_wiped


def test_who_is_doubted_does_not_end_it() -> None:
    made = pair()
    agreement = after(made, ANSWER, DOUBTED)
    assert agreement.state is Agreeing.OFFERED
    assert not made.private.is_wiped
    assert performed(agreement.receive(ANSWER, START))
    assert after(made, ANSWER, DOUBTED, ANSWER, SecretOpened("any", material())).state is Agreeing.AGREED


def test_an_offer_is_repeated_ever_more_rarely_and_not_for_ever() -> None:
    agreement = Agreement(KSID, 1, onward=True, peer=PEER)
    waits = [*started(agreement.receive(pair(), START)).values()]
    while agreement.state is Agreeing.OFFERED:
        waits += started(agreement.receive(OVERDUE, START)).values()
    assert len(waits) == MOST_OFFERS
    assert waits[0] == OFFER_AGAIN
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_OFFER


@pytest.mark.parametrize(
    "messages", [(pair(), ANSWER, SecretOpened("any", material())), (END,)], ids=["agreed", "ended"]
)
def test_an_agreement_that_is_over_takes_nothing_more(messages: tuple[Message, ...]) -> None:
    agreement = after(*messages)
    state = agreement.state
    for message in (pair(), ANSWER, SecretOpened("any", material()), FAILED, OVERDUE, END):
        assert agreement.receive(message, START) == []
    assert agreement.state is state


@pytest.mark.parametrize(
    "kind",
    [
        SecretOpened,
        partial(SecretEncapsulated, ciphertext=b"c", voucher=b"v"),
        partial(KeyPairMade, public=b"p", voucher=b"v"),
    ],
)
def test_what_nobody_waits_for_is_wiped(kind: Callable[[str, KeyMaterial], Performed]) -> None:
    held = material()
    discard(kind("x", held))
    discard(FAILED)
    discard(DOUBTED)
    assert held.is_wiped


def test_forgetting_twice_is_allowed() -> None:
    own = Own()
    own.wipe()
    own.wipe()
    assert own.generation is None
