"""Token bucket of a session, and lending from it to the session's other end. Paper B, 3.1.

Size = burst, rate = average. One bucket serves both ends of a session: in any window the two together draw at most
burst + rate x window from it (invariant A3). It stays at the first end; the second end borrows from it, a little ahead
of need, and spends nothing that was not lent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keytwin.vocabulary.units import (
    NANOSECONDS_PER_SECOND,
    START,
    Bits,
    BitsPerSecond,
    Duration,
    Instant,
    milliseconds,
    produced,
    seconds,
)

ADVANCE_SHARE: Final = 4  # the second end begins with a quarter of the burst
ADVANCE_SPAN: Final = seconds(1)  # later it keeps as much ahead as the rate gives in this time, far above a round trip
LOAN_TIME: Final = milliseconds(100)  # in which a loan arrives, if the first end has the tokens
COMES_BACK_WITHIN: Final = seconds(1)  # who was told to wait asks again this soon after, or its turn is over


@dataclass(slots=True)
class TokenBucket:
    """Tokens in bits; starts full. Time going back or standing still adds nothing (invariant A3)."""

    size: Bits
    rate: BitsPerSecond
    filled_at: Instant
    level: Bits

    def take(self, wanted: Bits, now: Instant) -> bool:
        """Draw `wanted` tokens; False, and nothing drawn, when they are not there yet."""
        self.fill(now)
        if wanted > self.level:
            return False
        self.level = Bits(self.level - wanted)
        return True

    def give_back(self, unused: Bits) -> None:
        """Return tokens of a request that got no key."""
        self.level = Bits(min(self.size, self.level + unused))

    def wait(self, wanted: int, now: Instant) -> Duration:
        """Time until `wanted` tokens have come in, to the nanosecond. Call it after a refused `take`.

        More than the bucket holds is the time for one draw after another.
        """
        if wanted <= self.level:
            return Duration(0)
        ready = self.filled_at + _rounded_up(wanted - self.level, self.rate)
        return Duration(max(0, ready - now))

    def fill(self, now: Instant) -> None:
        """Add what the rate has given since the last whole token, so that the fraction of a token is not lost."""
        gained = produced(self.rate, now - self.filled_at)
        if gained < 0:  # the clock went back
            return
        if self.level + gained >= self.size:
            # A full bucket gathers no fraction: else it would give its size and, at once, one token more.
            self.level, self.filled_at = self.size, now
        else:
            self.level = Bits(self.level + gained)
            # Rounded up: however often it is filled, never above the rate.
            self.filled_at = Instant(self.filled_at + _rounded_up(gained, self.rate))


@dataclass(slots=True)
class Lender:
    """The first end's side: its bucket, and what the second end has had of it in all.

    When both ends wait for tokens they take turns: what the other one waits for is kept back until it has had it, and
    after each loan the first end may draw as much before the next one.
    """

    bucket: TokenBucket
    lent: int = 0
    wanted: int = 0  # by the second end, in all
    turn: int = 0  # what the first end may draw before the second end's turn
    refused: int = 0  # what a request at this end was told to wait for
    refused_until: Instant = START  # when that request counts as given up

    def take(self, wanted: Bits, now: Instant) -> bool:
        """Draw tokens for a request at the first end."""
        self.bucket.fill(now)
        if self.bucket.level - self._kept_for_second() >= wanted and self.bucket.take(wanted, now):
            self.refused, self.turn = 0, max(0, self.turn - wanted)
            return True
        self.refused = wanted
        self.refused_until = Instant(now + self.wait(wanted, now) + COMES_BACK_WITHIN)
        return False

    def give_back(self, unused: Bits) -> None:
        """Return tokens of a request that got no key."""
        self.bucket.give_back(unused)

    def wait(self, wanted: int, now: Instant) -> Duration:
        """Time until a request of this size can be served."""
        return self.bucket.wait(wanted + self._kept_for_second(), now)

    def largest(self) -> Bits:
        """The largest request that can ever be served."""
        return self.bucket.size

    @property
    def owed(self) -> int:
        """What the second end wants and has not got yet."""
        return max(0, self.wanted - self.lent)

    def want(self, wanted: int, lent: int) -> None:
        """Note what the second end wants and has had in all; never owe more than one bucket at a time."""
        self.lent = max(self.lent, lent)
        self.wanted = max(self.wanted, min(wanted, self.lent + self.bucket.size))

    def lend(self, now: Instant) -> bool:
        """Move all that is owed, if the tokens are there; return whether nothing is owed any more."""
        self.bucket.fill(now)
        owed = self.owed
        if owed and self.bucket.level - self._kept_for_first(now) >= owed:
            self.bucket.take(Bits(owed), now)
            self.lent, self.turn = self.wanted, owed
        return not self.owed

    def wait_to_lend(self, now: Instant) -> Duration:
        """Time until `lend` is worth another try."""
        kept = self._kept_for_first(now)
        without = self.bucket.wait(self.owed, now)
        if not kept:
            return without
        given_up = max(without, self.refused_until - now)
        both = self.owed + kept
        return Duration(given_up if both > self.bucket.size else min(given_up, self.bucket.wait(both, now)))

    def _kept_for_second(self) -> int:
        return 0 if self.turn else self.owed

    def _kept_for_first(self, now: Instant) -> int:
        return self.refused if self.turn and now < self.refused_until else 0


@dataclass(slots=True)
class Borrower:
    """The second end's side: it can spend what the first end has lent. Counts go on for the life of the session."""

    size: Bits
    rate: BitsPerSecond
    lent: int = 0
    used: int = 0
    asked: int = 0
    told: int = 0  # for what a request was told to come back when the loan is there
    is_restored: bool = False  # what was used before a restart is not known: all of what was lent counts as used

    def take(self, wanted: Bits, now: Instant) -> bool:
        """Draw tokens for a request at the second end; `now` is not needed, tokens come from the first end only."""
        del now
        if self.lent - self.used < wanted:
            self.asked = max(self.asked, self.used + wanted)
            return False
        self.used += wanted
        return True

    def give_back(self, unused: Bits) -> None:
        """Return tokens of a request that got no key."""
        self.used -= unused

    def wait(self, wanted: int, now: Instant) -> Duration:
        """Time in which a loan arrives; when that was said before, what the first end's bucket needs if it is empty."""
        del now
        if self.asked > self.told:
            self.told = self.asked
            return LOAN_TIME
        missing = max(0, wanted - (self.lent - self.used))
        return _rounded_up(missing, self.rate)

    def largest(self) -> Bits:
        """The largest request that can ever be served."""
        return self.size

    def shortage(self) -> int:
        """Return how much to have asked for in all, 0 when the advance is still half there.

        The first end's own requests wait while it gathers an advance for this one: so it is but a moment's worth.
        """
        advance = min(self.size // ADVANCE_SHARE, produced(self.rate, ADVANCE_SPAN))
        if self.lent - self.used > advance // 2 and self.asked <= self.lent:
            return 0
        return max(self.asked, self.used + advance)

    def lend(self, lent: int) -> None:
        """Note what the first end has lent in all."""
        if self.is_restored:
            self.used, self.asked, self.is_restored = lent, lent, False
        self.lent = max(self.lent, lent)


Tokens = Lender | Borrower


def opening_tokens(burst: Bits, rate: BitsPerSecond, now: Instant, *, is_first: bool) -> Tokens:
    """Return what an end begins a session with: both know the second end's advance without a word."""
    advance = burst // ADVANCE_SHARE
    if not is_first:
        return Borrower(burst, rate, lent=advance)
    return Lender(TokenBucket(burst, rate, now, Bits(burst - advance)), lent=advance, wanted=advance)


def _rounded_up(tokens: int, rate: BitsPerSecond) -> Duration:
    """Return the time in which `rate` gives at least `tokens`."""
    return Duration(-(-tokens * NANOSECONDS_PER_SECOND // rate))
