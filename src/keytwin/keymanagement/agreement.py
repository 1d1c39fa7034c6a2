"""How the two ends of a session agree on post-quantum secrets: ML-KEM-768 (FIPS 203) along the session's route.

Each end that makes keys has secrets of its own: it sends a public key, the other end answers with a ciphertext, and the
port of the runtime does what neither may do itself. A secret, with what was said about it, is a *generation*; it goes
into so many keys at most, and its successor is agreed while it is still good. Nothing of it is saved: an end that has
been restarted agrees anew, and one that is shown a generation it does not have says so.

Each end vouches for what it says, by the port, and takes only what the session's other node vouches for: a node between
that answers in the name of the other end is doubted. Who copies all that is carried learns no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.keymanagement.hybrid import Generation
from keytwin.vocabulary.exchange_messages import AnswerCiphertext
from keytwin.vocabulary.identity import Ksid
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
from keytwin.vocabulary.machine import (
    Effect,
    Message,
    Perform,
    PortFailed,
    RequestId,
    StartTimer,
    StateTable,
    ignored,
    to,
)
from keytwin.vocabulary.units import START, Duration, Instant, seconds

OFFER_AGAIN: Final = seconds(1)  # a round trip, and the port at both ends
LONGEST_OFFER: Final = seconds(8)
MOST_OFFERS: Final = 8  # of one public key, which takes 47 s; then another one is made

Performed = KeyPairMade | SecretOpened | SecretEncapsulated | PeerDoubted | PortFailed


class Agreeing(StrEnum):
    """How far the making end has come with one generation."""

    PAIRING = "pairing"
    OFFERED = "offered"
    OPENING = "opening"
    AGREED = "agreed"
    FAILED = "failed"


class AgreementOverdue(Message, frozen=True, gc=False):
    """To oneself: the port, or the other end, has not answered."""

    ksid: Ksid


class EndAgreement(Message, frozen=True, gc=False):
    """The session is over."""

    ksid: Ksid


AGREEMENT_TABLE: Final = StateTable(
    "agreement on a post-quantum secret",
    Agreeing,
    {
        (Agreeing.PAIRING, KeyPairMade): to(Agreeing.OFFERED),
        (Agreeing.OFFERED, AnswerCiphertext): to(Agreeing.OPENING),
        (Agreeing.OPENING, SecretOpened): to(Agreeing.AGREED),
        (Agreeing.OPENING, PeerDoubted): to(Agreeing.OFFERED),
        (Agreeing.OFFERED, AgreementOverdue): to(
            Agreeing.OFFERED, Agreeing.FAILED, OFFERED="offered again", FAILED="offered often enough"
        ),
        **{
            (state, message): to(Agreeing.FAILED)
            for state in (Agreeing.PAIRING, Agreeing.OPENING)
            for message in (PortFailed, AgreementOverdue, EndAgreement)
        },
        (Agreeing.OFFERED, EndAgreement): to(Agreeing.FAILED),
        **ignored(Agreeing.PAIRING, (AnswerCiphertext, SecretOpened, PeerDoubted)),
        **ignored(Agreeing.OFFERED, (KeyPairMade, SecretOpened, PeerDoubted, PortFailed)),
        **ignored(Agreeing.OPENING, (KeyPairMade, AnswerCiphertext)),
        **ignored(
            Agreeing.AGREED,
            (KeyPairMade, AnswerCiphertext, SecretOpened, PeerDoubted, PortFailed, AgreementOverdue, EndAgreement),
        ),
        **ignored(
            Agreeing.FAILED,
            (KeyPairMade, AnswerCiphertext, SecretOpened, PeerDoubted, PortFailed, AgreementOverdue, EndAgreement),
        ),
    },
)


@dataclass(slots=True)
class Agreement:
    """One generation, at the end that makes keys with it."""

    ksid: Ksid
    number: int
    onward: bool
    peer: bytes  # mark of the node at the other end
    state: StrEnum = Agreeing.PAIRING
    private: KeyMaterial | None = None
    public: bytes = b""
    voucher: bytes = b""  # for the public key
    ciphertext: bytes = b""
    generation: Generation | None = None  # what came of it, until it is fetched
    offers: int = 0

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Make the agreement's next step."""
        return AGREEMENT_TABLE.step(self, message, now)

    @property
    def id(self) -> AgreementId:
        """How both ends call this agreement."""
        return AgreementId(self.ksid, self.number, self.onward)

    def request(self, step: str) -> RequestId:
        """Return the name of what a port is asked for this generation."""
        return f"{self.ksid}/{self.number}/{step}"

    def begin(self) -> list[Effect]:
        """Have a key pair made."""
        return [Perform(ML_KEM_768, MakeKeyPair(self.request("pair"), self.id)), _timer(self.ksid, OFFER_AGAIN)]

    def on_key_pair_made(self, made: KeyPairMade, now: Instant) -> list[Effect]:
        """It is time to offer the public key: `Generations` knows the way."""
        del now
        self.private, self.public, self.voucher = made.private, made.public, made.voucher
        self.state = Agreeing.OFFERED
        return self._offered()

    def on_agreement_overdue(self, overdue: AgreementOverdue, now: Instant) -> list[Effect]:
        """Offer it again, up to a limit."""
        del overdue, now
        if self.state is Agreeing.OFFERED and self.offers < MOST_OFFERS:
            return self._offered()
        self._fail()
        return []

    def on_answer_ciphertext(self, answer: AnswerCiphertext, now: Instant) -> list[Effect]:
        """Have the secret opened, if the other end has said this."""
        del now
        assert self.private
        self.state, self.ciphertext = Agreeing.OPENING, answer.ciphertext
        opened = Decapsulate(
            self.request("open"), self.id, self.private, self.public, answer.ciphertext, answer.voucher, self.peer
        )
        return [Perform(ML_KEM_768, opened), _timer(self.ksid, OFFER_AGAIN)]

    def on_peer_doubted(self, doubted: PeerDoubted, now: Instant) -> list[Effect]:
        """Wait for the other end's own answer: the timer of before still runs."""
        del doubted, now
        self.state = Agreeing.OFFERED
        return []

    def on_secret_opened(self, opened: SecretOpened, now: Instant) -> list[Effect]:
        """Here is the secret; that the other end has it still, the first proof shows."""
        del now
        self.state = Agreeing.AGREED
        self.generation = Generation(self.number, self.public, self.ciphertext, opened.secret)
        self.wipe()
        return []

    def on_port_failed(self, failed: PortFailed, now: Instant) -> list[Effect]:
        """Begin anew some other time."""
        del failed, now
        self._fail()
        self.wipe()  # the port has answered: it works with the private key no more
        return []

    def on_end_agreement(self, end: EndAgreement, now: Instant) -> list[Effect]:
        """Nobody wants it any more."""
        del end, now
        self._fail()
        return []

    def wipe(self) -> None:
        """Wipe the private key."""
        if self.private is not None:
            self.private.wipe()

    def _offered(self) -> list[Effect]:
        wait = min(OFFER_AGAIN << self.offers, LONGEST_OFFER)
        self.offers += 1
        return [_timer(self.ksid, Duration(wait))]

    def _fail(self) -> None:
        # While the port opens the secret it works with this private key: then it is wiped when it has answered.
        if self.state is not Agreeing.OPENING:
            self.wipe()
        self.state = Agreeing.FAILED


@dataclass(slots=True)
class Own:
    """What the making end has of one session: the generation it makes keys with, and how far that is used."""

    generation: Generation | None = None
    last: int = 0  # the highest number begun; numbers begin anew after a restart, which a proof would show
    used: int = 0
    since: Instant = START
    under_way: Agreement | None = None

    def wipe(self) -> None:
        """Forget the secret."""
        if self.generation is not None:
            self.generation.wipe()
            self.generation = None


def discard(answer: Performed) -> None:
    """Wipe what a port has answered when nobody waits for it any more."""
    match answer:
        case KeyPairMade(private=material) | SecretOpened(secret=material) | SecretEncapsulated(secret=material):
            material.wipe()
        case PeerDoubted() | PortFailed():
            pass


def _timer(ksid: Ksid, wait: Duration) -> Effect:
    return StartTimer(timer_of(ksid), wait, AgreementOverdue(ksid))


def timer_of(ksid: Ksid) -> str:
    """Return the name of the timer of a session's agreement."""
    return f"{ksid}/agreement"
