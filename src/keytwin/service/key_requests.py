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
from keytwin.vocabulary.errors import Oversize, UnexpectedMessage, Violation
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, SaeId, sae_element
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Message, RequestId, Send, StartTimer, StopTimer
from keytwin.vocabulary.operator_messages import AskForKeys
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


class Asking(msgspec.Struct, frozen=True):
    """A request that waits for its answer; `key_ids` are those a slave fetches, () = a master's request."""

    number: int
    size: Bits | None
    errand: int
    asked_at: Instant
    tries: int = 1
    key_ids: tuple[KeyId, ...] = ()


@dataclass(slots=True)
class Book:
    """What one end of an app asked and got."""

    asked: int = 0  # keys, as master
    refused: int = 0  # requests that stayed without keys
    repeated: int = 0  # keys that came a second time: never, if the network keeps invariant K1
    first_answer: Instant | None = None
    last_answer: Instant | None = None
    waits: list[Duration] = field(default_factory=list)  # of a master's requests
    as_master: dict[KeyId, bytes] = field(default_factory=dict)
    as_slave: dict[KeyId, bytes] = field(default_factory=dict)


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
    book: Book = field(default_factory=Book)

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
        """Drop what has not been asked yet; answers under way may still come."""
        timers: list[Effect] = [StopTimer(self._next_timer(errand)) for errand in self.errands]
        self.ksid = None
        self.errands.clear()
        return timers

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
        effects = self._ask(Asking(errand.number, errand.size, number, now))
        if errand.every and errand.left:
            effects.append(StartTimer(self._next_timer(number), errand.every, NextRequest(self.app, number)))
        return effects

    # --- as slave -----------------------------------------------------------------------------------------------

    def on_keys_announced(self, message: KeysAnnounced, now: Instant) -> list[Effect]:
        is_under_way = any(asking.key_ids == message.key_ids for asking in self.asking.values())
        if is_under_way or message.key_ids[0] in self.book.as_slave:
            return []
        if len(self.book.as_slave) + len(message.key_ids) > MOST_KEYS:
            raise Oversize(f"{self.sae} holds digests of {MOST_KEYS} keys already")
        return self._ask(Asking(len(message.key_ids), None, 0, now, key_ids=message.key_ids))

    # --- answers ------------------------------------------------------------------------------------------------

    def on_key_delivered(self, message: KeyDelivered, now: Instant) -> list[Effect]:
        asking = self.asking.pop(message.request_id, None)
        digests = [(key.key_id, self._digest(key)) for key in message.keys]
        if asking is None:
            return []
        if len(digests) != asking.number:
            raise Violation(f"{self.sae} asked for {asking.number} keys and got {len(digests)}")
        self._enter(digests, asking, now)
        stop = StopTimer(_timer(message.request_id))
        if asking.key_ids:
            return [stop]
        told = KeysAnnounced(self.app, tuple(key_id for key_id, _ in digests))
        return [stop, Send(sae_element(self.peer), told), *self._done(asking, now)]

    def on_key_refused(self, message: KeyRefused, now: Instant) -> list[Effect]:
        asking = self.asking.get(message.request_id)
        if asking is None:
            return []
        if message.retry_after and asking.tries < MOST_TRIES and (asking.key_ids or self.ksid):
            again = AskAgain(self.app, message.request_id)
            return [StartTimer(_timer(message.request_id), message.retry_after, again)]
        return self._give_up(message.request_id, now)

    def on_ask_again(self, message: AskAgain, now: Instant) -> list[Effect]:
        asking = self.asking.get(message.request_id)
        if asking is None:
            return []
        if not asking.key_ids and not self.ksid:
            return self._give_up(message.request_id, now)
        del self.asking[message.request_id]
        return self._ask(msgspec.structs.replace(asking, tries=asking.tries + 1))

    # --- both ---------------------------------------------------------------------------------------------------

    def _ask(self, asking: Asking) -> list[Effect]:
        """Send a request under a fresh identifier and wait for its answer."""
        request_id, reply_to = self.new_request(), sae_element(self.sae)
        self.asking[request_id] = asking
        too_long = WaitedTooLong(self.app, request_id)
        if asking.key_ids:
            fetch = GetKeyById(request_id, reply_to, self.sae, asking.key_ids)
            return [Send(self.km, fetch), StartTimer(_timer(request_id), FETCH_PATIENCE, too_long)]
        assert self.ksid is not None
        request = GetKey(request_id, reply_to, self.ksid, self.sae, asking.number, asking.size, PATIENCE)
        return [Send(self.km, request), StartTimer(_timer(request_id), Duration(PATIENCE + GRACE), too_long)]

    def _enter(self, digests: list[tuple[KeyId, bytes]], asking: Asking, now: Instant) -> None:
        book = self.book
        role = book.as_slave if asking.key_ids else book.as_master
        book.repeated += sum(key_id in role for key_id, _ in digests)
        role.update(digests)
        book.first_answer = now if book.first_answer is None else book.first_answer
        book.last_answer = now
        if not asking.key_ids:
            book.waits.append(Duration(now - asking.asked_at))

    def _give_up(self, request_id: RequestId, now: Instant) -> list[Effect]:
        asking = self.asking.pop(request_id, None)
        if asking is None:
            return []
        self.book.refused += 1
        return [StopTimer(_timer(request_id)), *self._done(asking, now)]

    def _done(self, asking: Asking, now: Instant) -> list[Effect]:
        """Make the next request of an errand when it has only waited for this one."""
        errand = self.errands.get(asking.errand)
        if errand is None:
            return []
        errand.waiting -= 1
        if not errand.left and not errand.waiting:
            del self.errands[asking.errand]
            return []
        return self._ask_next(asking.errand, now) if self.ksid and (errand.is_late or not errand.every) else []

    def _digest(self, key: Key) -> bytes:
        digest = fingerprint(key.material, self.salt)
        key.material.wipe()
        return digest

    def _next_timer(self, errand: int) -> str:
        return f"next/{self.app}/{errand}"


def _timer(request_id: RequestId) -> str:
    return f"answer/{request_id}"
