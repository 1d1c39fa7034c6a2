"""The requests for keys of one app at one of its SAEs, as master and as slave, and the book of what came of them.

The master tells the slave the identifiers of its keys outside the network, a way that ETSI GS QKD 014 V1.1.1
(clause 5) leaves to the applications. Of each key only a salted digest is kept, for comparing both ends after a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from keytwin.service.encoding import fingerprint
from keytwin.service.turns import Asking, Turns
from keytwin.vocabulary.errors import Oversize, UnexpectedMessage, Violation
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, SaeId, sae_element
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Message, RequestId, Send, StartTimer, StopTimer
from keytwin.vocabulary.operator_messages import AskForKeys
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

PATIENCE: Final = seconds(120)  # outlasts the first block of a slow Q-link, about a minute in paper B
GRACE: Final = seconds(5)  # no answer even then: the key manager has died
FETCH_PATIENCE: Final = seconds(10)  # what a slave fetches is there already
MOST_TRIES: Final = 100  # of one request; both masters may compete for one token bucket
MOST_WAITING: Final = 64  # requests of one errand under way at once; the next one waits for an answer
MOST_ERRANDS: Final = 64
MOST_KEYS: Final = 1_000_000  # digests kept of each role


class KeysAnnounced(Message, frozen=True, gc=False):
    """From SAE to SAE, outside the network: these keys are there for you to fetch."""

    app: AppId
    key_ids: tuple[KeyId, ...]


class NextRequest(Message, frozen=True, gc=False):
    """Timer: the next request of an errand is due."""

    app: AppId
    errand: int


class AskAgain(Message, frozen=True, gc=False):
    """Timer: the wait that a refusal asked for is over."""

    app: AppId
    request_id: RequestId


class WaitedTooLong(Message, frozen=True, gc=False):
    """Timer: no answer came."""

    app: AppId
    request_id: RequestId


@dataclass(slots=True)
class Errand:
    """What is left of one `AskForKeys`."""

    number: int
    size: Bits | None
    left: int
    every: Duration
    waiting: int = 0
    is_late: bool = False  # a request was due while too many were under way


@dataclass(slots=True)
class Book:
    """What one end of an app asked and got; what is neither got nor refused is still waited for."""

    asked: int = 0  # keys, as master
    refused: int = 0  # keys that were refused for good, or that the session was lost or closed before
    throttled: int = 0  # times that a request was put off, the granted rate being used up
    repeated: int = 0  # keys that came a second time: never, if the network keeps invariant K1
    first_answer: Instant | None = None
    last_answer: Instant | None = None
    waits: list[Duration] = field(default_factory=list)  # of a master's requests
    as_master: dict[KeyId, bytes] = field(default_factory=dict)
    as_slave: dict[KeyId, bytes] = field(default_factory=dict)

    def enter(self, digests: list[tuple[KeyId, bytes]], asking: Asking, now: Instant) -> None:
        """Note an answer."""
        role = self.as_slave if asking.key_ids else self.as_master
        self.repeated += sum(key_id in role for key_id, _ in digests)
        role.update(digests)
        self.first_answer = now if self.first_answer is None else self.first_answer
        self.last_answer = now
        if not asking.key_ids:
            self.waits.append(Duration(now - asking.asked_at))


@dataclass(slots=True)
class KeyRequests:
    """Asks while a session is open (`ksid` is set), tries again a bounded number of times, wipes what it gets."""

    app: AppId
    sae: SaeId
    peer: SaeId
    km: ElementName
    salt: bytes
    new_request: Callable[[], RequestId]
    ksid: Ksid | None = None
    errands: dict[int, Errand] = field(default_factory=dict)
    errands_begun: int = 0
    asking: dict[RequestId, Asking] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    book: Book = field(default_factory=Book)

    @property
    def held(self) -> int:
        """Keys that are wanted and not asked for yet: no session is open, or too many requests are under way."""
        held = [each for each in self.errands.values() if each.left and (not self.ksid or each.is_late)]
        return sum(each.number * (1 if self.ksid else each.left) for each in held)

    @property
    def unanswered(self) -> int:
        """Keys that this end waits for as master, those that are held among them."""
        return self.held + self.turns.keys + sum(each.number for each in self.asking.values() if not each.key_ids)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case KeyDelivered():
                return self.on_key_delivered(message, now)
            case KeyRefused():
                return self.on_key_refused(message, now)
            case KeysAnnounced():
                return self.on_keys_announced(message, now)
            case AskForKeys():
                return self.on_ask_for_keys(message, now)
            case NextRequest():
                return self._ask_next(message.errand, now)
            case AskAgain():
                return self.on_ask_again(message, now)
            case WaitedTooLong():
                return self._give_up(message.request_id, now)
            case _:
                raise UnexpectedMessage(f"no request for keys takes {type(message).__name__}")

    def open(self, ksid: Ksid, now: Instant) -> list[Effect]:
        """Begin with what has been waiting for the session."""
        self.ksid = ksid
        return [effect for errand in list(self.errands) for effect in self._ask_next(errand, now)]

    def close(self) -> list[Effect]:
        """Refuse what has not been asked yet; answers under way may still come."""
        timers: list[Effect] = [StopTimer(_next_timer(self.app, errand)) for errand in self.errands]
        never_asked = sum(errand.left * errand.number for errand in self.errands.values())
        self.book.asked += never_asked
        self.book.refused += never_asked + self.turns.keys
        self.ksid = None
        self.errands.clear()
        self.turns.clear()
        return [*timers, StopTimer(_again_timer(self.app))]

    # --- as master ----------------------------------------------------------------------------------------------

    def on_ask_for_keys(self, message: AskForKeys, now: Instant) -> list[Effect]:
        promised = sum(errand.left * errand.number for errand in self.errands.values()) + len(self.book.as_master)
        if promised + message.number * message.times > MOST_KEYS or len(self.errands) >= MOST_ERRANDS:
            raise Oversize(f"{self.sae} is asked for more than {MOST_KEYS} keys, or for too many things at once")
        self.errands_begun += 1
        self.errands[self.errands_begun] = Errand(message.number, message.size, message.times, message.every)
        return self._ask_next(self.errands_begun, now) if self.ksid else []

    def _ask_next(self, number: int, now: Instant) -> list[Effect]:
        errand = self.errands.get(number)
        if errand is None or not errand.left:
            return []
        errand.is_late = errand.waiting >= MOST_WAITING
        if errand.is_late:
            return []
        errand.left, errand.waiting = errand.left - 1, errand.waiting + 1
        self.book.asked += errand.number
        asking = Asking(errand.number, errand.size, number, now)
        effects: list[Effect] = []
        if self.turns.is_anyone_before:
            self.turns.put_off(asking)
        else:
            effects = self._ask(asking, self.new_request())
        if errand.every and errand.left:
            effects.append(StartTimer(_next_timer(self.app, number), errand.every, NextRequest(self.app, number)))
        return effects

    # --- as slave -----------------------------------------------------------------------------------------------

    def on_keys_announced(self, message: KeysAnnounced, now: Instant) -> list[Effect]:
        is_under_way = any(asking.key_ids == message.key_ids for asking in self.asking.values())
        if is_under_way or message.key_ids[0] in self.book.as_slave:
            return []
        if len(self.book.as_slave) + len(message.key_ids) > MOST_KEYS:
            raise Oversize(f"{self.sae} holds digests of {MOST_KEYS} keys already")
        return self._ask(Asking(len(message.key_ids), None, 0, now, key_ids=message.key_ids), self.new_request())

    # --- answers ------------------------------------------------------------------------------------------------

    def on_key_delivered(self, message: KeyDelivered, now: Instant) -> list[Effect]:
        asking = self.asking.pop(message.request_id, None)
        digests = [(key.key_id, _digest(key, self.salt)) for key in message.keys]
        if asking is None:
            return []
        if len(digests) != asking.number:
            raise Violation(f"{self.sae} asked for {asking.number} keys and got {len(digests)}")
        self.book.enter(digests, asking, now)
        stop = StopTimer(_timer(message.request_id))
        if asking.key_ids:
            return [stop]
        told = KeysAnnounced(self.app, tuple(key_id for key_id, _ in digests))
        return [stop, Send(sae_element(self.peer), told), *self._done(asking, message.request_id, now)]

    def on_key_refused(self, message: KeyRefused, now: Instant) -> list[Effect]:
        asking = self.asking.get(message.request_id)
        if asking is None:
            return []
        if not message.retry_after or asking.tries >= MOST_TRIES or not (asking.key_ids or self.ksid):
            return self._give_up(message.request_id, now)
        again = AskAgain(self.app, message.request_id)
        if asking.key_ids:
            return [StartTimer(_timer(message.request_id), message.retry_after, again)]
        del self.asking[message.request_id]
        self.turns.put_off(asking, message.request_id)
        self.book.throttled += message.reason is Reason.RATE_EXCEEDED
        return [StopTimer(_timer(message.request_id)), StartTimer(_again_timer(self.app), message.retry_after, again)]

    def on_ask_again(self, message: AskAgain, now: Instant) -> list[Effect]:
        fetching = self.asking.pop(message.request_id, None)
        return self._ask(fetching, self.new_request()) if fetching else self._ask_oldest()

    # --- both ---------------------------------------------------------------------------------------------------

    def _ask(self, asking: Asking, request_id: RequestId) -> list[Effect]:
        """Send a request under a fresh identifier and wait for its answer."""
        reply_to = sae_element(self.sae)
        self.asking[request_id] = msgspec.structs.replace(asking, tries=asking.tries + 1)
        too_long = WaitedTooLong(self.app, request_id)
        if asking.key_ids:
            fetch = GetKeyById(request_id, reply_to, self.sae, asking.key_ids)
            return [Send(self.km, fetch), StartTimer(_timer(request_id), FETCH_PATIENCE, too_long)]
        assert self.ksid is not None
        request = GetKey(request_id, reply_to, self.ksid, self.sae, asking.number, asking.size, PATIENCE)
        return [Send(self.km, request), StartTimer(_timer(request_id), Duration(PATIENCE + GRACE), too_long)]

    def _ask_oldest(self) -> list[Effect]:
        """Ask again for whom it has been put off longest; the next one's turn comes with the answer."""
        request_id = self.new_request()
        oldest = self.turns.next(request_id)
        return self._ask(oldest, request_id) if oldest else []

    def _give_up(self, request_id: RequestId, now: Instant) -> list[Effect]:
        asking = self.asking.pop(request_id, None)
        if asking is None:
            return []
        self.book.refused += asking.number
        return [StopTimer(_timer(request_id)), *self._done(asking, request_id, now)]

    def _done(self, asking: Asking, request_id: RequestId, now: Instant) -> list[Effect]:
        """Make the next request: one that was put off first, then what an errand has waited with."""
        effects = self._ask_oldest() if self.turns.end(request_id) else []
        errand = self.errands.get(asking.errand)
        if errand is None:
            return effects
        errand.waiting -= 1
        if not errand.left and not errand.waiting:
            del self.errands[asking.errand]
        elif self.ksid and (errand.is_late or not errand.every):
            effects += self._ask_next(asking.errand, now)
        return effects


def _digest(key: Key, salt: bytes) -> bytes:
    digest = fingerprint(key.material, salt)
    key.material.wipe()
    return digest


def _next_timer(app: AppId, errand: int) -> str:
    return f"next/{app}/{errand}"


def _again_timer(app: AppId) -> str:
    return f"again/{app}"


def _timer(request_id: RequestId) -> str:
    return f"answer/{request_id}"
