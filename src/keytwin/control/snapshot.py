"""The records of control in short: of each link, node, session and promise the newest. Invariant O1."""

from __future__ import annotations

from collections.abc import Iterable

from keytwin.control.admission_records import AdmissionKept
from keytwin.control.controller import LinkKept, NodeKept
from keytwin.control.keeper import MOST_GONE, Promise, PromiseGone, PromiseKept
from keytwin.control.registry import MOST_TOMBSTONES
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId
from keytwin.vocabulary.machine import Record, RecordsLost
from keytwin.vocabulary.units import Duration, Instant


def shorten_topology(records: Iterable[Record]) -> list[Record]:
    """Return what restores the same topology, at the same version."""
    latest: dict[tuple[type[Record], LinkId | NodeId], Record] = {}
    for record in records:
        match record:
            case LinkKept():
                latest[LinkKept, record.state.link] = record
            case NodeKept():
                latest[NodeKept, record.state.node] = record
            case _:
                assert isinstance(record, RecordsLost), f"the controller never saved a {type(record).__name__}"
    return list(latest.values())


def shorten_admission(records: Iterable[Record], now: Instant, lifetime: Duration) -> list[Record]:
    """Return what restores the same sessions and promises; of those that are over, what would still be remembered.

    `lifetime` is how long that is.
    """
    sessions: dict[Ksid, AdmissionKept] = {}
    promises: dict[Promise, PromiseKept] = {}
    gone: dict[Promise, PromiseGone] = {}
    for record in records:
        match record:
            case AdmissionKept():
                sessions[record.ksid] = record
            case PromiseKept():
                promises[record.asked.ksid, record.asked.epoch] = record
            case PromiseGone():
                promises.pop((record.ksid, record.epoch), None)
                gone[record.ksid, record.epoch] = record
            case _:
                assert isinstance(record, RecordsLost), f"admission never saved a {type(record).__name__}"
    over = sorted((each.over_at, each.ksid) for each in sessions.values() if each.over_at is not None)
    for place, (over_at, ksid) in enumerate(over, MOST_TOMBSTONES - len(over)):
        if place < 0 or over_at + lifetime <= now:
            del sessions[ksid]
    # First what was given back: a promise may have been made again, after a restart of whoever asks.
    return [*list(gone.values())[-MOST_GONE:], *promises.values(), *sessions.values()]
