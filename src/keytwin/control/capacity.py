"""What is reserved on each link: the one ledger, which only admission writes (invariant A1).

A session reserves the same rate in both directions of each link of its route, because either end may be master. So one
figure a link and the scarcer of its directions decide. All arithmetic is in whole bits a second, costs rounded up and
capacities down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Instant, bits, minutes

TAG_KEY: Final = bits(KEY_OCTETS)  # one per relay message
TELEMETRY_LIFETIME: Final = minutes(15)  # three of the periods in which the whole picture is asked for (invariant C3)
_PARTS: Final = 1_000_000  # shares are counted in millionths
_NO_RATE: Final = BitsPerSecond(0)


def hop_cost(rate: BitsPerSecond, key_size: Bits, batch: int, hops: int, tags: int = 1) -> BitsPerSecond:
    """Return what a session of `rate` takes of each direction of each of its links.

    Adjacent nodes cut the key itself. A relay message of `batch` keys takes as much pad as key, and keys of `tags`.
    """
    if hops == 1:
        return rate
    payload = batch * key_size
    return BitsPerSecond(-(-rate * (payload + tags * TAG_KEY) // payload))


def rate_to_trust(
    registered: BitsPerSecond, measured: BitsPerSecond | None, measured_at: Instant, now: Instant
) -> BitsPerSecond:
    """Return the measured rate; one that is too old grants nothing more than the registered one (invariant C3)."""
    if measured is None:
        return registered
    return measured if now - measured_at <= TELEMETRY_LIFETIME else min(measured, registered)


class Hold(msgspec.Struct, frozen=True, gc=False):
    """A rate on each direction of some links."""

    links: tuple[LinkId, ...]
    cost: BitsPerSecond


@dataclass(slots=True)
class _Rate:
    registered: BitsPerSecond = _NO_RATE
    measured: BitsPerSecond | None = None
    measured_at: Instant = START


@dataclass(slots=True)
class LinkRates:
    """What each link makes, both directions together: registered at first, measured once there is a block."""

    _rates: dict[LinkId, _Rate] = field(default_factory=dict)

    def register(self, link: LinkId, rate: BitsPerSecond) -> None:
        """Set the analytic rate, which counts until a block is measured."""
        self._rates.setdefault(link, _Rate()).registered = rate

    def measure(self, link: LinkId, rate: BitsPerSecond, at: Instant) -> None:
        """Set the measured rate; an older figure than the known one is ignored."""
        known = self._rates.setdefault(link, _Rate())
        if known.measured is None or at >= known.measured_at:
            known.measured, known.measured_at = rate, at

    def rate(self, link: LinkId, now: Instant) -> BitsPerSecond:
        """Return the rate to reckon with, 0 for an unknown link."""
        known = self._rates.get(link)
        if known is None:
            return _NO_RATE
        return rate_to_trust(known.registered, known.measured, known.measured_at, now)

    def knows(self, link: LinkId) -> bool:
        """Whether the link has been heard of."""
        return link in self._rates

    def links(self) -> tuple[LinkId, ...]:
        """Return all known links."""
        return tuple(self._rates)


class Ledger:
    """What each session holds of each link. A session may hold routes of several epochs while it moves.

    It uses one of them at a time, so a link that several share counts once, at the dearest.
    """

    def __init__(self, rates: LinkRates, margin: float, split: float) -> None:
        self.rates: Final = rates
        self._usable: Final = round((1 - margin) * _PARTS)
        first = round(split * _PARTS)
        self._scarcer: Final = min(first, _PARTS - first)
        self._costs: Final[dict[LinkId, dict[Ksid, int]]] = {}
        self._reserved: Final[dict[LinkId, int]] = {}  # the sum of the costs: looked up far more often than changed
        self._holds: Final[dict[Ksid, dict[int, Hold]]] = {}
        self._changed: dict[LinkId, None] = {}

    def capacity(self, link: LinkId, now: Instant) -> BitsPerSecond:
        """Return what may be reserved at most in the scarcer direction."""
        return BitsPerSecond(self.rates.rate(link, now) * self._scarcer * self._usable // _PARTS**2)

    def reserved(self, link: LinkId) -> BitsPerSecond:
        """Return what is reserved in each direction."""
        return BitsPerSecond(self._reserved.get(link, 0))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is reserved of any link."""
        return not any(self._reserved.values())

    def overdraft(self, link: LinkId, now: Instant) -> int:
        """Return by how much the reservations exceed the capacity, 0 when they fit."""
        return max(0, self.reserved(link) - self.capacity(link, now))

    def costs(self, link: LinkId) -> dict[Ksid, int]:
        """Return what each session holds of a link."""
        return dict(self._costs.get(link, {}))

    def held(self, ksid: Ksid) -> tuple[LinkId, ...]:
        """Return the links on which a session holds something."""
        return tuple(dict.fromkeys(link for hold in self._holds.get(ksid, {}).values() for link in hold.links))

    def lacking(self, ksid: Ksid, hold: Hold, now: Instant) -> tuple[LinkId, ...]:
        """Return the links that have no room for the hold beside what others have."""
        return tuple(link for link in hold.links if not self._fits(ksid, link, hold.cost, now))

    def reserve(self, ksid: Ksid, epoch: int, hold: Hold, now: Instant) -> tuple[LinkId, ...]:
        """Reserve on all links, or on none and return those that have no room."""
        lacking = self.lacking(ksid, hold, now)
        if not lacking:
            self.take_over(ksid, epoch, hold)
        return lacking

    def take_over(self, ksid: Ksid, epoch: int, hold: Hold) -> None:
        """Enter what was reserved before a restart: the key managers have it, whatever the links make now."""
        holds = self._holds.setdefault(ksid, {})
        assert epoch not in holds, "an epoch is one route"
        holds[epoch] = hold
        self._recount(ksid, hold.links)

    def free(self, ksid: Ksid, epoch: int) -> None:
        """Give back what a session holds by one epoch; freeing twice is allowed."""
        holds = self._holds.get(ksid, {})
        hold = holds.pop(epoch, None)
        if hold is not None:
            self._recount(ksid, hold.links)
        if not holds:
            self._holds.pop(ksid, None)

    def take_changed(self) -> tuple[LinkId, ...]:
        """Return the links whose reservations have changed since the last call."""
        changed, self._changed = self._changed, {}
        return tuple(changed)

    def _fits(self, ksid: Ksid, link: LinkId, cost: int, now: Instant) -> bool:
        more = cost - self._costs.get(link, {}).get(ksid, 0)
        # Whoever is on the link already may stay: on one that has become too slow, admission says who must go.
        return more <= 0 or self.reserved(link) + more <= self.capacity(link, now)

    def _recount(self, ksid: Ksid, links: tuple[LinkId, ...]) -> None:
        holds = self._holds[ksid].values()
        for link in links:
            costs = self._costs.setdefault(link, {})
            cost = max((hold.cost for hold in holds if link in hold.links), default=0)
            self._reserved[link] = self._reserved.get(link, 0) + cost - costs.pop(ksid, 0)
            if cost:
                costs[ksid] = cost
            self._changed[link] = None
