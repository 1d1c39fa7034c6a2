"""The verdict on a run: which expectations were not met, and what the operator is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.vocabulary.events import (
    AlarmRaised,
    FallbackBegun,
    FallbackOver,
    LinkStatusChanged,
    SessionAdmitted,
    SessionConfigured,
    SessionOnStock,
    SessionOver,
    SessionRejected,
    SessionReleased,
    ViolationSeen,
)
from keytwin.vocabulary.evidence import AppEvidence
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, LinkId, NodeId
from keytwin.vocabulary.key import Fallback
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import Action, DistrustNode, Expectations, RestartElement, StopElement
from keytwin.vocabulary.topology_messages import LinkStatus
from keytwin.vocabulary.units import START, Instant, in_seconds

MOST_NOTICES: Final = 200  # different ones; what comes after is only counted
MOST_LINKS: Final = 6  # named in one notice


@dataclass(slots=True)
class Notice:
    """When something was first told, when last, and how often."""

    first: Instant
    last: Instant
    times: int = 1

    def show(self, text: str) -> str:
        """Write it for the operator, with its time."""
        often = "" if self.times == 1 else f" ({self.times} times, until {_clock(self.last)})"
        return f"{_clock(self.first)}: {text}{often}"


@dataclass(slots=True)
class Witness:
    """Watches the events of a run: sessions that have not ended, and what an operator would want to be told."""

    admitted: set[Ksid] = field(default_factory=set)
    configured: set[tuple[NodeId, Ksid]] = field(default_factory=set)
    hops: dict[AppId, int] = field(default_factory=dict)  # of the newest route
    dark: set[LinkId] = field(default_factory=set)
    alarms: dict[str, dict[LinkId, bool]] = field(default_factory=dict)  # cause -> where it has been, and still is
    alarmed: dict[str, Instant] = field(default_factory=dict)  # when a cause was first heard of
    told: dict[str, Notice] = field(default_factory=dict)
    untold: int = 0
    stopped: set[ElementName] = field(default_factory=set)

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Take one event down."""
        match event:
            case SessionAdmitted():
                self.admitted.add(event.ksid)
                self.hops[event.app] = event.route.hops
                if event.epoch > 1:
                    self._tell(at, f"{event.app} goes another way now: {' - '.join(event.route.nodes)}")
            case SessionOnStock() | FallbackBegun() | FallbackOver():
                self._see_supply(at, event)
            case SessionReleased():
                self.admitted.discard(event.ksid)
            case SessionConfigured():
                self.configured.add((event.node, event.ksid))
            case SessionOver():
                self.configured.discard((event.node, event.ksid))
            case AlarmRaised():
                self._see_alarm(at, event)
            case LinkStatusChanged():
                self._see_status(at, event)
            case SessionRejected():
                self._tell(at, f"{event.app} of {event.sae} was refused, {event.reason}: {event.explanation}")
            case ViolationSeen():
                self._tell(at, f"{element} saw a violation, {event.kind}: {event.about}")
            case _:
                return

    def step(self, at: Instant, action: Action) -> None:
        """Take down what the timeline does to the network, where no event tells of it."""
        match action:
            case StopElement(element=element):
                self.stopped.add(element)
                self._tell(at, f"{element} is stopped")
            case RestartElement(element=element):
                self.stopped.discard(element)
                self._tell(at, f"{element} is restarted")
            case DistrustNode(node=node):
                self._tell(at, f"{node} is not trusted any more")
            case _:
                return

    def _see_alarm(self, at: Instant, event: AlarmRaised) -> None:
        self.alarms.setdefault(event.cause, {})[event.link] = event.is_on
        if event.is_on:
            self.alarmed.setdefault(event.cause, at)

    def _see_supply(self, at: Instant, event: SessionOnStock | FallbackBegun | FallbackOver) -> None:
        """Tell what an app lives on while the quantum layer is dark, and after."""
        match event:
            case SessionOnStock(app=app, links=links):
                bound = f"for {in_seconds(event.longest):g} s at most"
                if event.fallback != Fallback.NONE.value:
                    bound = f"and after that falls back to {event.fallback}"
                self._tell(at, f"{app} lives on the stock of {', '.join(links)}, {bound}")
            case FallbackBegun(app=app, mode=mode, node=node):
                self._tell(at, f"{app} falls back from {mode} to {event.fallback} at {node}")
            case FallbackOver(app=app, mode=mode, node=node):
                self._tell(at, f"{app} makes keys by {mode} again at {node}")

    def _see_status(self, at: Instant, event: LinkStatusChanged) -> None:
        """Tell when light goes out and when it is back; that a link begins to work is no news."""
        is_lit = event.status in {LinkStatus.ACTIVE, LinkStatus.PENDING}
        if not is_lit or event.link in self.dark:
            self._tell(at, f"{event.link} is {event.status}: {event.cause}")
        (self.dark.discard if is_lit else self.dark.add)(event.link)

    def _tell(self, at: Instant, text: str) -> None:
        if text in self.told:
            notice = self.told[text]
            notice.times, notice.last = notice.times + 1, at
        elif len(self.told) < MOST_NOTICES:
            self.told[text] = Notice(at, at)
        else:
            self.untold += 1

    def notices(self) -> Iterator[str]:
        """Give what the operator is told, each different thing once and in the order of its first appearance."""
        # Steps of the timeline are known before anything happens.
        for text, notice in sorted(self.told.items(), key=lambda each: each[1].first):
            yield notice.show(text)
        if self.untold:
            yield f"... and {self.untold} further notices"
        for cause, links in self.alarms.items():
            still = sum(links.values())
            state = f"still on at {still} of {len(links)}" if still else "taken back since"
            yield f"{_clock(self.alarmed.get(cause, START))}: alarm, {cause}: {_some(sorted(links))} ({state})"

    def leftovers(self) -> Iterator[str]:
        """Give every session of which something is still reserved."""
        stopped = f" ({', '.join(sorted(self.stopped))} stopped and not restarted)" if self.stopped else ""
        for ksid in sorted(self.admitted):
            yield f"session {ksid} still has its reservation at admission control{stopped}"
        for node, ksid in sorted(self.configured):
            yield f"session {ksid} is still configured at {node}{stopped}"


def _clock(at: Instant) -> str:
    return f"{in_seconds(at):,.2f} s"


def _some(links: Sequence[LinkId]) -> str:
    shown = ", ".join(links[:MOST_LINKS])
    return shown if len(links) <= MOST_LINKS else f"{shown} and {len(links) - MOST_LINKS} more"


def unmet(expect: Expectations, apps: Iterable[AppEvidence], witness: Witness) -> Iterator[str]:
    """Give every expectation that the run did not meet."""
    seen = list(apps)
    yield from _unmet_keys(expect, seen)
    if expect.answered_last is not None and (last := _last_answered(seen)) != expect.answered_last:
        yield f"expected {expect.answered_last} to be answered last: it was {last or 'nobody'}"
    if expect.sessions_end:
        yield from (f"expected every session to end: {leftover}" for leftover in witness.leftovers())


def _unmet_keys(expect: Expectations, seen: Sequence[AppEvidence]) -> Iterator[str]:
    pairs, equal = sum(app.pairs for app in seen), sum(app.equal for app in seen)
    if expect.keys_equal and equal != pairs:
        yield f"expected equal keys at both ends: {equal} of {pairs} are"
    if expect.keys is not None and pairs != expect.keys:
        yield f"expected {expect.keys} keys at both ends: there are {pairs}"
    if expect.keys_for_all:
        yield from (f"expected keys for every app: {each.app} got none" for each in seen if not each.pairs)


def _last_answered(apps: list[AppEvidence]) -> str:
    answered = [app for app in apps if app.last_answer is not None]
    return max(answered, key=lambda app: app.last_answer or START).app if answered else ""
