"""What a node's admission has promised of its own link directions, to whichever admission has the session.

Only where control is per node. Durable, and held by a lease: after a restart every promise gets a full lease again,
and one that its session's admission does not renew runs out. A promise that was given back does not come back with a
late repeat of the question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from keytwin.control.capacity import Hold, Ledger
from keytwin.vocabulary.identity import ElementName, Ksid, LinkId
from keytwin.vocabulary.machine import Effect, Record, Save, Send
from keytwin.vocabulary.reservation_messages import (
    LinksRefused,
    LinksReserved,
    LinksShort,
    ReleaseLinks,
    ReserveLinks,
)
from keytwin.vocabulary.units import Duration, Instant, after, show_rate

MOST_GONE: Final = 100_000  # promises remembered as given back

Promise = tuple[Ksid, int]
"""Names a promise: session and epoch."""


class PromiseKept(Record, frozen=True, gc=False):
    """A promise holds."""

    asked: ReserveLinks


class PromiseGone(Record, frozen=True, gc=False):
    """A promise was given back, or its lease has run out."""

    ksid: Ksid
    epoch: int


@dataclass(slots=True)
class _Kept:
    asked: ReserveLinks
    until: Instant


@dataclass(slots=True)
class Keeper:
    """The promises of one node, entered into its ledger."""

    ledger: Ledger
    lease: Duration
    kept: dict[Ksid, dict[int, _Kept]] = field(default_factory=dict)  # of each session by epoch
    gone: dict[Promise, None] = field(default_factory=dict)

    def owner(self, ksid: Ksid) -> ElementName | None:
        """Return the admission that has a session which passes this node."""
        of_session = self.kept.get(ksid)
        return next(iter(of_session.values())).asked.owner if of_session else None

    def reserve(self, asked: ReserveLinks, now: Instant) -> list[Effect]:
        """Promise, or say what is lacking; a repeat renews."""
        if (asked.ksid, asked.epoch) in self.gone:  # given back before: this number can never be used again
            return [Send(asked.owner, LinksRefused(asked.ksid, asked.epoch, asked.node, ()))]
        reserved = Send(asked.owner, LinksReserved(asked.ksid, asked.epoch, asked.node))
        known = self.kept.get(asked.ksid, {}).get(asked.epoch)
        if known is not None and (known.asked.links, known.asked.cost) == (asked.links, asked.cost):
            known.until = after(now, self.lease)
            return [reserved]
        # Its admission has been restarted in between, and has found another route under the same number.
        self._drop(asked.ksid, asked.epoch)
        if not asked.is_held and not all(map(self.ledger.rates.knows, asked.links)):
            return []  # whoever asked has heard of a link before us, and will ask again
        hold = Hold(asked.links, asked.cost)
        lacking = () if asked.is_held else self.ledger.lacking(asked.ksid, hold, now)
        if lacking:
            return [Send(asked.owner, LinksRefused(asked.ksid, asked.epoch, asked.node, lacking))]
        self._enter(asked, now)
        return [Save(PromiseKept(asked)), reserved]

    def release(self, given: ReleaseLinks) -> list[Effect]:
        """Give back; also what was never promised is not taken any more."""
        was_kept = self._drop(given.ksid, given.epoch)
        self.gone[given.ksid, given.epoch] = None
        if len(self.gone) > MOST_GONE:
            del self.gone[next(iter(self.gone))]
        return [Save(PromiseGone(given.ksid, given.epoch))] if was_kept else []

    def expire(self, now: Instant) -> list[Effect]:
        """Give back what nobody has renewed."""
        late = [
            (ksid, epoch)
            for ksid, of_session in self.kept.items()
            for epoch, kept in of_session.items()
            if kept.until <= now
        ]
        for ksid, epoch in late:
            self._drop(ksid, epoch)
        return [Save(PromiseGone(ksid, epoch)) for ksid, epoch in late]

    def short(self, link: LinkId, now: Instant) -> list[Effect]:
        """Tell whose sessions must leave a link that makes too little: lowest priority first, then the youngest.

        Until they have, equal questions get equal answers, so that nobody is sent away in vain.
        """
        excess = self.ledger.overdraft(link, now)
        if not excess:
            return []
        costs = self.ledger.costs(link)
        cause = f"{link} makes only {show_rate(self.ledger.rates.rate(link, now))}"
        newest = [of_session[max(of_session)].asked for ksid, of_session in self.kept.items() if ksid in costs]
        effects: list[Effect] = []
        for _, asked in sorted(enumerate(newest), key=lambda item: (-item[1].priority, -item[0])):
            if excess <= 0:
                break
            excess -= costs[asked.ksid]
            effects.append(Send(asked.owner, LinksShort(asked.ksid, asked.epoch, link, cause)))
        return effects

    def restore(self, records: Iterable[Record], now: Instant) -> None:
        """Take up every promise that was not given back."""
        asked: dict[Promise, ReserveLinks] = {}
        for record in records:
            match record:
                case PromiseKept():
                    asked[record.asked.ksid, record.asked.epoch] = record.asked
                case PromiseGone():
                    asked.pop((record.ksid, record.epoch), None)
                    self.gone[record.ksid, record.epoch] = None
                case _:
                    pass
        for each in asked.values():
            self._enter(each, now)

    def _enter(self, asked: ReserveLinks, now: Instant) -> None:
        self.ledger.take_over(asked.ksid, asked.epoch, Hold(asked.links, asked.cost))
        self.kept.setdefault(asked.ksid, {})[asked.epoch] = _Kept(asked, after(now, self.lease))

    def _drop(self, ksid: Ksid, epoch: int) -> bool:
        of_session = self.kept.get(ksid, {})
        if of_session.pop(epoch, None) is None:
            return False
        self.ledger.free(ksid, epoch)
        if not of_session:
            del self.kept[ksid]
        return True
