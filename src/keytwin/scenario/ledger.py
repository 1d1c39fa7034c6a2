"""The ledger of a run: what both ends of each app got, compared by digest, and the books of the key managers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


def app_evidence(app: App, ends: Sequence[Application], compared: Comparison, hops: int | None = None) -> AppEvidence:
    """Return what one app got, out of the books of its ends; `hops` of its newest route, if that is known."""
    # A selfpair is both ends itself, with one book.
    first, second = ends[0].book(app.id), ends[1].book(app.id) if len(ends) > 1 else Book()
    one, other = ends[0].sessions[app.id], ends[-1].sessions[app.id]
    requests = [application.requests[app.id] for application in ends]
    started, opened = _earliest(one.started_at, other.started_at), _earliest(one.opened_at, other.opened_at)
    waits = sorted([*first.waits, *second.waits])
    return AppEvidence(
        app=app.id,
        asked=first.asked + second.asked + sum(each.held for each in requests),
        pairs=compared.pairs,
        equal=compared.equal,
        refused=first.refused + second.refused,
        key_size=max(one.key_size, other.key_size),
        hops=max(one.hops, other.hops) if hops is None else hops,
        opened_after=None if opened is None or started is None else Duration(opened - started),
        first_answer=_earliest(first.first_answer, second.first_answer),
        last_answer=_latest(first.last_answer, second.last_answer),
        wait_median=percentile(waits, 50),
        wait_p99=percentile(waits, 99),
        ended=one.ended or other.ended,
        unanswered=sum(each.unanswered for each in requests),
        throttled=first.throttled + second.throttled,
    )


def shortfalls(apps: Iterable[AppEvidence]) -> Iterator[str]:
    """Tell the operator which apps did not get what they asked for."""
    for each in apps:
        if each.opened_after is None and each.ended:
            yield f"{each.app} got no key, because its session never opened: {each.ended}"
        if each.refused:
            yield f"{each.app}: {each.refused:,} of {each.asked:,} keys asked for were refused"
        if each.unanswered:
            yield f"{each.app}: {each.unanswered:,} of {each.asked:,} keys asked for were still waited for at the end"
        if each.throttled:
            yield f"{each.app}: requests were put off {each.throttled:,} times, its granted rate being used up"


def compare(first: Book, second: Book) -> Comparison:
    """Compare what either end got as master with what the other end fetched; a selfpair is both ends itself."""
    if first is second:
        ways, repeated = [(first.as_master, first.as_slave)], first.repeated
    else:
        ways = [(first.as_master, second.as_slave), (second.as_master, first.as_slave)]
        repeated = first.repeated + second.repeated + len(first.as_master.keys() & first.as_slave.keys())
    pairs = [(digest, slave[key_id]) for master, slave in ways for key_id, digest in master.items() if key_id in slave]
    # Equal digests of different identifiers: somebody was given the same key twice under another name.
    digests = [digest for digest, _ in pairs]
    return Comparison(
        pairs=len(pairs),
        equal=sum(mine == yours for mine, yours in pairs),
        repeated=repeated,
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


def _earliest(*instants: Instant | None) -> Instant | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _latest(*instants: Instant | None) -> Instant | None:
    return max((instant for instant in instants if instant is not None), default=None)
