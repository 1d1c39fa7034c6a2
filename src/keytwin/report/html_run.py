"""The report of a run, made from its trace and nothing else: lanes, sessions, keys, links, and what went wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.report.html_elements import Markup, code, counted, element, facts, folded, joined, section, table
from keytwin.report.html_svg import inlined
from keytwin.report.lanes import LaneRecorder, Lanes
from keytwin.report.lanes_svg import lanes_as_svg
from keytwin.report.time_axis import show_instant, show_span
from keytwin.runtime.trace import Happening, Trace
from keytwin.vocabulary.events import (
    AlarmRaised,
    BlockDistilled,
    ElementRestarted,
    ElementStopped,
    FallbackBegun,
    FallbackOver,
    KeyDenied,
    KeysAnswered,
    LinkStatusChanged,
    SecretRefused,
    SessionAdmitted,
    SessionOnStock,
    SessionOver,
    SessionRejected,
    SessionRequested,
    ViolationSeen,
)
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Duration, Instant, show_rate

MOST_ROWS: Final = 200  # of a table: a long run has millions of events
MOST_SESSIONS: Final = 40  # in the figure
WARNINGS: Final = frozenset({"alarm", "violation", "refused", "stopped"})
NANOSECONDS: Final = 1_000_000  # to which instants are told


def run_parts(trace: Trace, digest: str) -> list[Markup]:
    """Return the parts of the report of a run."""
    seen = _Seen()
    lanes = LaneRecorder()
    for each in trace.happenings:
        seen.see(each)
        lanes.see(each.at, each.element, each.event)
    return [
        _answer(trace, seen),
        _figure(lanes.lanes(), trace.header.name),
        _sessions(seen),
        _keys(seen),
        _links(seen),
        _notices(seen),
        _versions(trace, digest, seen),
    ]


@dataclass(slots=True)
class _Session:
    """What became of one session."""

    ksid: str
    app: str
    admitted: Instant
    route: str
    rate: int
    moved: int = 0
    first: Instant | None = None
    answered: int = 0
    ended: tuple[Instant, str] | None = None


@dataclass(slots=True)
class _Taker:
    """What one SAE got."""

    answers: int = 0
    keys: int = 0
    longest: Duration = Duration(0)


@dataclass(slots=True)
class _Link:
    """What became of one link."""

    blocks: int = 0
    empty: int = 0
    bits: int = 0
    worst: float = 0.0


@dataclass(slots=True)
class _Seen:
    """Everything that the tables tell."""

    counts: Counter[str] = field(default_factory=Counter)
    requested: dict[str, Instant] = field(default_factory=dict)
    sessions: dict[str, _Session] = field(default_factory=dict)
    takers: dict[str, _Taker] = field(default_factory=lambda: defaultdict(_Taker))
    links: dict[str, _Link] = field(default_factory=lambda: defaultdict(_Link))
    notices: list[tuple[Instant, str, str]] = field(default_factory=list)
    untold: int = 0
    warned: int = 0
    last: Instant = Instant(0)

    def see(self, happening: Happening) -> None:
        """Take one event down."""
        at, event = happening.at, happening.event
        self.counts[type(event).__name__] += 1
        self.last = at
        match event:
            case SessionRequested():
                self.requested.setdefault(event.app, at)
            case SessionAdmitted():
                self._admitted(at, event)
            case SessionOver() if event.ksid in self.sessions and self.sessions[event.ksid].ended is None:
                self.sessions[event.ksid].ended = at, event.reason
            case KeysAnswered():
                self._answered(at, event)
            case BlockDistilled():
                self._distilled(event)
            case _:
                for kind, words in _notice(event):
                    self._note(at, kind, words)

    def _note(self, at: Instant, kind: str, words: str) -> None:
        self.warned += kind in WARNINGS
        if len(self.notices) < MOST_ROWS:
            self.notices.append((at, kind, words))
        else:
            self.untold += 1

    def _admitted(self, at: Instant, event: SessionAdmitted) -> None:
        route = " - ".join(event.route.nodes)
        known = self.sessions.get(event.ksid)
        if known is None:
            self.sessions[event.ksid] = _Session(event.ksid, event.app, at, route, event.rate)
        elif known.route != route:
            known.route, known.moved = route, known.moved + 1
            self._note(at, "moved", f"the session of {event.app} goes by {route} now")

    def _answered(self, at: Instant, event: KeysAnswered) -> None:
        taker = self.takers[event.sae]
        taker.answers += 1
        taker.keys += len(event.key_ids)
        taker.longest = max(taker.longest, event.waited)
        session = self.sessions.get(event.ksid)
        if session is not None:
            session.first = at if session.first is None else session.first
            session.answered += len(event.key_ids)

    def _distilled(self, event: BlockDistilled) -> None:
        link = self.links[event.link]
        link.blocks += 1
        link.bits += event.size
        link.empty += not event.size
        link.worst = max(link.worst, event.qber)


def _supply(event: SessionOnStock | FallbackBegun | FallbackOver | SecretRefused) -> tuple[str, str]:
    """Return what an operator would be told of what keys are made of."""
    match event:
        case SessionOnStock():
            return "on stock", f"{event.app} lives on what is left of {', '.join(event.links)}"
        case FallbackBegun():
            return "alarm", f"{event.app} falls back from {event.mode} to {event.fallback} at {event.node}"
        case FallbackOver():
            return "alarm over", f"{event.app} makes keys by {event.mode} again at {event.node}"
        case SecretRefused(number=0):
            return "refused", f"a post-quantum secret at {event.node}: not the other end's word"
        case SecretRefused():
            return "refused", f"{event.number} keys at {event.node}: made with another post-quantum secret"


def _notice(event: Event) -> Iterator[tuple[str, str]]:
    """Give what an operator would be told of an event."""
    match event:
        case AlarmRaised():
            yield "alarm" if event.is_on else "alarm over", f"link {event.link}: {event.cause}"
        case LinkStatusChanged():
            yield "link", f"{event.link} is {event.status}: {event.cause}".removesuffix(": ")
        case SessionOnStock() | FallbackBegun() | FallbackOver() | SecretRefused():
            yield _supply(event)
        case SessionRejected():
            yield "refused", f"a session of {event.app} for {event.sae}: {event.explanation or event.reason}"
        case KeyDenied():
            yield "refused", f"keys for {event.sae} at {event.node}: {event.reason}"
        case ViolationSeen():
            yield "violation", f"{event.kind}: {event.about}"
        case ElementStopped():
            yield "stopped", f"{event.name}: {event.cause}"
        case ElementRestarted():
            yield "started", event.name
        case _:
            return


# --- parts of the page ----------------------------------------------------------------------------------------------


def _answer(trace: Trace, seen: _Seen) -> Markup:
    keys = sum(each.keys for each in seen.takers.values())
    said = f"{counted(len(seen.sessions), 'session')} got {counted(keys, 'key')} handed out."
    trouble = (
        f"There were {counted(seen.warned, 'warning')}: see the notices." if seen.warned else "Nothing went wrong."
    )
    lasted = (
        f"{counted(len(trace.happenings), 'event')} in {show_instant(seen.last, NANOSECONDS)} of the network's time."
    )
    return element("div", element("p", said, class_="said"), element("p", f"{trouble} {lasted}"), class_="answer")


def _figure(lanes: Lanes, name: str) -> Markup:
    if not lanes.marks:
        return Markup()
    about = "Each lane is a place, each row in it a session. Hollow signs are signalling, filled ones are keys."
    if len(lanes.sessions) > MOST_SESSIONS:
        many = f"There are {len(lanes.sessions)} sessions, too many for this page: keytwin run --figure draws them."
        return section("lanes", "What happened, place by place", element("p", many))
    svg = inlined(lanes_as_svg(lanes, name), "lanes-", f"Event lanes of {name}. {about}")
    note = f"{about} Time runs to the right; where nothing happened for long, it is cut out."
    return section(
        "lanes", "What happened, place by place", element("figure", svg, element("figcaption", note), class_="lanes")
    )


def _sessions(seen: _Seen) -> Markup:
    if not seen.sessions:
        return Markup()
    heads = ("App", "Asked for", "Granted after", "Route", "Rate", "First key", "Keys handed out", "Ended")
    rows = [_session(seen, each) for each in seen.sessions.values()]
    return section("sessions", "Sessions", *_tables("Sessions", heads, rows))


def _session(seen: _Seen, each: _Session) -> tuple[str, ...]:
    asked = seen.requested.get(each.app)
    moved = f" (moved {counted(each.moved, 'time')})" if each.moved else ""
    return (
        each.app,
        "-" if asked is None else _at(asked),
        "-" if asked is None else show_span(each.admitted - asked),
        f"{each.route}{moved}",
        show_rate(each.rate),
        "none" if each.first is None else _at(each.first),
        f"{each.answered:,}",
        "still open" if each.ended is None else f"{_at(each.ended[0])}: {each.ended[1]}",
    )


def _keys(seen: _Seen) -> Markup:
    if not seen.takers:
        return Markup()
    heads = ("Application (SAE)", "Requests answered", "Keys", "Longest wait")
    rows = [
        (sae, f"{each.answers:,}", f"{each.keys:,}", show_span(each.longest))
        for sae, each in sorted(seen.takers.items())
    ]
    return section("keys", "Keys", *_tables("Keys that were handed out", heads, rows))


def _links(seen: _Seen) -> Markup:
    if not seen.links:
        return Markup()
    heads = ("Link", "Blocks", "of them without key", "Key made", "Highest error rate")
    rows = [
        (link, f"{each.blocks:,}", f"{each.empty:,}", f"{each.bits:,} bit", f"{each.worst:.2%}")
        for link, each in sorted(seen.links.items())
    ]
    return section("links", "Links", *_tables("What links made", heads, rows))


def _notices(seen: _Seen) -> Markup:
    rows = [(_at(at), kind, words) for at, kind, words in seen.notices]
    if not rows:
        return section("notices", "Alarms and notices", element("p", "There were none."))
    more = [element("p", f"... and {seen.untold:,} more, in the trace.")] if seen.untold else []
    return section("notices", "Alarms and notices", table("In order of time", ("At", "Kind", "What"), rows), *more)


def _versions(trace: Trace, digest: str, seen: _Seen) -> Markup:
    header = trace.header
    kinds = [(name, f"{number:,}") for name, number in sorted(seen.counts.items())]
    return section(
        "versions",
        "Versions and fingerprints",
        facts(
            [
                ("Made by", f"keytwin {header.keytwin}"),
                ("Seed", str(header.seed)),
                ("SHA-256 of the trace", element("code", digest, class_="told")),
                ("Format", f"{header.kind}, format {header.format}"),
            ]
        ),
        element(
            "p", joined(["Equal runs write equal traces: ", code(f"keytwin run NETWORK --seed {header.seed}"), "."])
        ),
        folded(f"{counted(len(kinds), 'kind')} of event", table("Events by kind", ("Kind", "How many"), kinds)),
    )


def _tables(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Markup]:
    yield table(title, heads, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        yield element("p", f"... and {len(rows) - MOST_ROWS:,} more, in the trace.")


def _at(instant: Instant) -> str:
    return show_instant(instant, NANOSECONDS)
