"""The verdict on a run: which expectations were not met, and what the operator is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.vocabulary.events import (
    AlarmRaised,
    LinkStatusChanged,
    SessionAdmitted,
    SessionConfigured,
    SessionOver,
    SessionRejected,
    SessionReleased,
    ViolationSeen,
)
from keytwin.vocabulary.evidence import AppEvidence
from keytwin.vocabulary.identity import ElementName, Ksid, LinkId, NodeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import Expectations
from keytwin.vocabulary.topology_messages import LinkStatus
from keytwin.vocabulary.units import START, Instant

MOST_NOTICES: Final = 200  # different ones; what comes after is only counted
MOST_LINKS: Final = 6  # named in one notice


@dataclass(slots=True)
class Witness:
    """Watches the events of a run: sessions that have not ended, and what an operator would want to be told."""

    admitted: set[Ksid] = field(default_factory=set)
    configured: set[tuple[NodeId, Ksid]] = field(default_factory=set)
    dark: set[LinkId] = field(default_factory=set)
    alarms: dict[str, dict[LinkId, bool]] = field(default_factory=dict)  # cause -> where it has been, and still is
    told: Counter[str] = field(default_factory=Counter)
    untold: int = 0

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Take one event down."""
        match event:
            case SessionAdmitted():
                self.admitted.add(event.ksid)
            case SessionReleased():
                self.admitted.discard(event.ksid)
            case SessionConfigured():
                self.configured.add((event.node, event.ksid))
            case SessionOver():
                self.configured.discard((event.node, event.ksid))
            case AlarmRaised():
                self.alarms.setdefault(event.cause, {})[event.link] = event.is_on
            case LinkStatusChanged():
                self._see_status(event)
            case SessionRejected():
                self._tell(f"{event.app} of {event.sae} was refused, {event.reason}: {event.explanation}")
            case ViolationSeen():
                self._tell(f"{element} saw a violation, {event.kind}: {event.about}")
            case _:
                return

    def _see_status(self, event: LinkStatusChanged) -> None:
        """Tell when light goes out and when it is back; that a link begins to work is no news."""
        is_lit = event.status in {LinkStatus.ACTIVE, LinkStatus.PENDING}
        if not is_lit or event.link in self.dark:
            self._tell(f"{event.link} is {event.status}: {event.cause}")
        (self.dark.discard if is_lit else self.dark.add)(event.link)

    def _tell(self, notice: str) -> None:
        if notice in self.told or len(self.told) < MOST_NOTICES:
            self.told[notice] += 1
        else:
            self.untold += 1

    def notices(self) -> Iterator[str]:
        """Give what the operator is told, each different thing once and in the order of its first appearance."""
        for notice, times in self.told.items():
            yield notice if times == 1 else f"{notice} ({times} times)"
        if self.untold:
            yield f"... and {self.untold} further notices"
        for cause, links in self.alarms.items():
            still = sum(links.values())
            yield f"alarm, {cause}: {_some(sorted(links))} ({f'{still} still on' if still else 'over'})"

    def leftovers(self) -> Iterator[str]:
        """Give every session of which something is still reserved."""
        for ksid in sorted(self.admitted):
            yield f"session {ksid} still has its reservation at admission control"
        for node, ksid in sorted(self.configured):
            yield f"session {ksid} is still configured at {node}"


def _some(links: Sequence[LinkId]) -> str:
    shown = ", ".join(links[:MOST_LINKS])
    return shown if len(links) <= MOST_LINKS else f"{shown} and {len(links) - MOST_LINKS} more"


def unmet(expect: Expectations, apps: Iterable[AppEvidence], witness: Witness) -> Iterator[str]:
    """Give every expectation that the run did not meet."""
    seen = list(apps)
    pairs, equal = sum(app.pairs for app in seen), sum(app.equal for app in seen)
    if expect.keys_equal and equal != pairs:
        yield f"expected equal keys at both ends: {equal} of {pairs} are"
    if expect.keys is not None and pairs != expect.keys:
        yield f"expected {expect.keys} keys at both ends: there are {pairs}"
    if expect.answered_last is not None and (last := _last_answered(seen)) != expect.answered_last:
        yield f"expected {expect.answered_last} to be answered last: it was {last or 'nobody'}"
    if expect.sessions_end:
        yield from (f"expected every session to end: {leftover}" for leftover in witness.leftovers())


def _last_answered(apps: list[AppEvidence]) -> str:
    answered = [app for app in apps if app.last_answer is not None]
    return max(answered, key=lambda app: app.last_answer or START).app if answered else ""
