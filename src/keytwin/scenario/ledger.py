"""The ledger of a run: what both ends of each app got, compared by digest, and the books of the key managers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keytwin.service.application import Application
from keytwin.service.key_requests import Book
from keytwin.vocabulary.blueprint import App
from keytwin.vocabulary.evidence import AppEvidence, KeyAccount, LinkAccount
from keytwin.vocabulary.units import Duration, Instant

PER_CENT: Final = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """The keys that both ends of an app hold under the same identifier."""

    pairs: int
    equal: int
    repeated: int  # came twice to the same end
    reused: int  # different identifiers, same key


def app_evidence(app: App, ends: Sequence[Application], compared: Comparison) -> AppEvidence:
    """Return what one app got, out of the books of its two ends."""
    books = [application.book(app.id) for application in ends]
    sessions = [application.sessions[app.id] for application in ends]
    started = [session.started_at for session in sessions if session.started_at is not None]
    opened = [session.opened_at for session in sessions if session.opened_at is not None]
    waits = sorted(wait for book in books for wait in book.waits)
    return AppEvidence(
        app=app.id,
        asked=sum(book.asked for book in books),
        pairs=compared.pairs,
        equal=compared.equal,
        refused=sum(book.refused for book in books),
        key_size=max(session.key_size for session in sessions),
        hops=max(session.hops for session in sessions),
        opened_after=Duration(min(opened) - min(started)) if opened else None,
        first_answer=_first(books),
        last_answer=_last(books),
        wait_median=percentile(waits, 50),
        wait_p99=percentile(waits, 99),
        ended=next((session.ended for session in sessions if session.ended), ""),
    )


def compare(first: Book, second: Book) -> Comparison:
    """Compare what either end got as master with what the other end fetched."""
    ways = [(first.as_master, second.as_slave), (second.as_master, first.as_slave)]
    pairs = [(digest, slave[key_id]) for master, slave in ways for key_id, digest in master.items() if key_id in slave]
    digests = [digest for digest, _ in pairs]
    return Comparison(
        pairs=len(pairs),
        equal=sum(mine == yours for mine, yours in pairs),
        repeated=first.repeated + second.repeated + len(first.as_master.keys() & first.as_slave.keys()),
        reused=len(digests) - len(set(digests)),
    )


def trespasses(app: App, compared: Comparison) -> list[str]:
    """Say which rules that may never break an app saw broken (invariant K1)."""
    counts = {"twice to the same end": compared.repeated, "under two identifiers": compared.reused}
    return [f"{app.id}: {count} keys were delivered {how}" for how, count in counts.items() if count]


def open_books(links: Sequence[LinkAccount], keys: Sequence[KeyAccount]) -> list[str]:
    """Say which accounts don't close (invariant P5)."""
    link_gaps = [
        f"the books of {each.node} on {each.link}, out of {each.sender}, lack {each.balance} octets"
        for each in links
        if each.balance
    ]
    return link_gaps + [f"the key books of {each.node} lack {each.balance} keys" for each in keys if each.balance]


def percentile(ordered: Sequence[Duration], share: int) -> Duration | None:
    """Return the nearest-rank percentile of values in ascending order; None of nothing."""
    return ordered[max(0, -(-len(ordered) * share // PER_CENT) - 1)] if ordered else None


def _first(books: Sequence[Book]) -> Instant | None:
    return min((book.first_answer for book in books if book.first_answer is not None), default=None)


def _last(books: Sequence[Book]) -> Instant | None:
    return max((book.last_answer for book in books if book.last_answer is not None), default=None)
