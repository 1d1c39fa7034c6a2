"""Event lanes as data: what happened at each key manager, session by session (paper B, Fig. 4).

The drawings in `lanes_text` and `lanes_svg` are made from this and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keytwin.vocabulary.events import (
    BlockDistilled,
    KeysAnswered,
    KeysReady,
    KeysRelayed,
    SessionAdmitted,
    SessionConfigured,
    SessionRejected,
    SessionRequested,
    UserAuthenticated,
)
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, NodeId, SaeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Instant

MOST_ALIKE: Final = 4  # marks of one kind in a row of a lane; of more only the first and the last are drawn
MOST_MARKS: Final = 200_000  # kept of a run


class Mark(StrEnum):
    """What a mark in a lane stands for, in the order in which they happen."""

    REQUESTED = "request"
    AUTHENTICATED = "authenticated"
    CONFIGURED = "configured"
    READY = "key ready"
    RELAYED = "relayed"
    ANSWERED = "answered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LaneMark:
    """One mark; `count` > 1 says that it is the last of so many alike that are not drawn one by one."""

    at: Instant
    node: NodeId
    app: AppId
    mark: Mark
    count: int = 1


@dataclass(frozen=True, slots=True)
class Session:
    """A session as the legend names it."""

    app: AppId
    ends: tuple[NodeId, ...]

    @property
    def label(self) -> str:
        """The app and the nodes of its ends."""
        return f"{self.app}  {' - '.join(self.ends)}" if self.ends else str(self.app)


@dataclass(frozen=True, slots=True)
class Lanes:
    """A lane per node, in it a row per session; `marks` in the order in which they happened."""

    nodes: tuple[NodeId, ...]
    sessions: tuple[Session, ...]
    marks: tuple[LaneMark, ...]
    first_block: Instant | None = None  # when the first Q-link had key

    def row(self, node: NodeId, app: AppId) -> tuple[LaneMark, ...]:
        """Return the marks of one session at one node."""
        return tuple(mark for mark in self.marks if mark.node == node and mark.app == app)

    def rows(self, node: NodeId) -> tuple[Session, ...]:
        """Return the sessions that have a row in a node's lane."""
        here = {mark.app for mark in self.marks if mark.node == node}
        return tuple(session for session in self.sessions if session.app in here)


@dataclass(slots=True)
class LaneRecorder:
    """Collects lanes while a network runs: hand `see` to whoever publishes events."""

    seen: list[tuple[Instant, NodeId, AppId | Ksid, Mark]] = field(default_factory=list)
    app_of: dict[Ksid, AppId] = field(default_factory=dict)
    ends: dict[AppId, set[NodeId]] = field(default_factory=lambda: defaultdict(set))
    node_of: dict[SaeId, NodeId] = field(default_factory=dict)  # control does not say where it refused somebody
    begun: set[tuple[str, Ksid, Mark]] = field(default_factory=set)
    first_block: Instant | None = None

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Take one event down, if it belongs in a lane."""
        match event:
            case SessionRequested():
                self.ends[event.app].add(event.node)
                self.node_of[event.sae] = event.node
                self._note(at, event.node, event.app, Mark.REQUESTED)
            case UserAuthenticated():
                self._note(at, event.node, event.app, Mark.AUTHENTICATED)
            case SessionAdmitted():
                self.app_of[event.ksid] = event.app
            case SessionConfigured():
                self._note_configured(at, event)
            case KeysReady():
                self._note_first(at, event.node, event.ksid, Mark.READY)
            case KeysRelayed():
                self._note_first(at, event.node, event.ksid, Mark.RELAYED)
            case KeysAnswered():
                self._note(at, event.node, event.ksid, Mark.ANSWERED)
            case SessionRejected() if event.sae in self.node_of:
                self._note(at, self.node_of[event.sae], event.app, Mark.REFUSED)
            case BlockDistilled() if event.size and self.first_block is None:
                self.first_block = at
            case _:
                return

    def _note(self, at: Instant, node: NodeId, whose: AppId | Ksid, mark: Mark) -> None:
        if len(self.seen) < MOST_MARKS:
            self.seen.append((at, node, whose, mark))

    def _note_configured(self, at: Instant, event: SessionConfigured) -> None:
        if event.app is not None:  # of a selfpair nobody else tells, for it needs no admission
            self.app_of.setdefault(event.ksid, event.app)
        self._note(at, event.node, event.ksid, Mark.CONFIGURED)

    def _note_first(self, at: Instant, node: NodeId, ksid: Ksid, mark: Mark) -> None:
        """Note when a session has its first key, and when a node relays for it first: pools are filled all the time."""
        where = "" if mark is Mark.READY else node
        if (where, ksid, mark) not in self.begun:
            self.begun.add((where, ksid, mark))
            self._note(at, node, ksid, mark)

    def lanes(self, order: Sequence[NodeId] = ()) -> Lanes:
        """Return what has been seen; lanes in this order, nodes without a mark left out."""
        marks = [mark for seen in self.seen for mark in self._marks(*seen)]
        # A node that only relays has marks too; one that did nothing would be an empty lane.
        here = {mark.node for mark in marks}
        nodes = [node for node in order if node in here] + sorted(here.difference(order))
        apps = dict.fromkeys(mark.app for mark in marks)
        sessions = tuple(Session(app, tuple(sorted(self.ends.get(app, ())))) for app in sorted(apps))
        return Lanes(tuple(nodes), sessions, tuple(_thinned(marks)), self.first_block)

    def _marks(self, at: Instant, node: NodeId, whose: AppId | Ksid, mark: Mark) -> Iterator[LaneMark]:
        """Give the marks of something seen: a key that is ready is so at both ends."""
        app = self.app_of.get(Ksid(whose), AppId(whose))
        yield LaneMark(at, node, app, mark)
        if mark is Mark.READY:
            yield from (LaneMark(at, other, app, mark) for other in sorted(self.ends[app] - {node}))


def lanes_of(events: Iterable[tuple[Instant, ElementName, Event]], order: Sequence[NodeId] = ()) -> Lanes:
    """Return the lanes of a finished run."""
    recorder = LaneRecorder()
    for at, element, event in events:
        recorder.see(at, element, event)
    return recorder.lanes(order)


def _thinned(marks: Sequence[LaneMark]) -> Iterable[LaneMark]:
    """Keep the first and the last of what would only make a smear, and say how many there were."""
    alike: dict[tuple[NodeId, AppId, Mark], list[int]] = defaultdict(list)
    for index, mark in enumerate(marks):
        alike[mark.node, mark.app, mark.mark].append(index)
    counts: dict[int, int] = {}
    for indices in alike.values():
        if len(indices) <= MOST_ALIKE:
            counts.update(dict.fromkeys(indices, 1))
        else:
            counts[indices[0]] = 1
            counts[indices[-1]] = len(indices)
    return [
        LaneMark(mark.at, mark.node, mark.app, mark.mark, counts[index])
        for index, mark in enumerate(marks)
        if index in counts
    ]
