"""Whose turn it is: a master's request that was put off goes before every younger one of its app.

Without it fresh requests would draw each token as it comes, and one that was refused once would starve.
"""

from __future__ import annotations

from bisect import insort_left
from dataclasses import dataclass, field

import msgspec

from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.machine import RequestId
from keytwin.vocabulary.units import Bits, Instant


class Asking(msgspec.Struct, frozen=True):
    """A request that waits for its answer or its turn; `key_ids` are those a slave fetches, () = a master's request."""

    number: int
    size: Bits | None
    errand: int
    asked_at: Instant
    tries: int = 0
    key_ids: tuple[KeyId, ...] = ()


@dataclass(slots=True)
class Turns:
    """The requests of a master that were put off, the oldest first; `trying` is the one that is asked again."""

    waiting: list[Asking] = field(default_factory=list)
    trying: RequestId = ""

    @property
    def is_anyone_before(self) -> bool:
        """Whether a fresh request has to wait for older ones."""
        return bool(self.waiting or self.trying)

    @property
    def keys(self) -> int:
        """How many keys are waited for."""
        return sum(asking.number for asking in self.waiting)

    def put_off(self, asking: Asking, request_id: RequestId = "") -> None:
        """Let a request wait among the others in the order of first asking."""
        insort_left(self.waiting, asking, key=lambda each: each.asked_at)
        self.end(request_id)

    def end(self, request_id: RequestId) -> bool:
        """Whether this was the request that was asked again; then it is the next one's turn."""
        is_ended = bool(request_id) and request_id == self.trying
        if is_ended:
            self.trying = ""
        return is_ended

    def next(self, request_id: RequestId) -> Asking | None:
        """Return the oldest request, which is asked again under this name; None while another one is tried."""
        if self.trying or not self.waiting:
            return None
        self.trying = request_id
        return self.waiting.pop(0)

    def clear(self) -> None:
        """Forget them all."""
        self.waiting.clear()
        self.trying = ""
