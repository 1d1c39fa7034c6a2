"""Tables of what a run brought, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from keytwin.report.time_axis import show_span
from keytwin.vocabulary.evidence import AppEvidence, Evidence, LinkAccount

NOTHING: Final = "-"
ONE_WORD: Final = 11  # columns: what a reason is never divided below
_MISSING: Final = ("refused", "unanswered")
_BOOKS: Final = ("ingested", "delivered", "pad", "tag", "wasted", "expired", "discarded", "stored")


def app_table(apps: Sequence[AppEvidence]) -> Table:
    """Return what each app got."""
    # Columns of zeros would hide the rest: most apps get what they ask for.
    missing = [name for name in _MISSING if any(getattr(each, name) for each in apps)]
    titles = (
        "app",
        "hops",
        "open after",
        "asked",
        *missing,
        "at both ends",
        "equal",
        "wait median",
        "wait p99",
        "ended",
    )
    table = _table(*titles)
    for each in apps:
        table.add_row(
            each.app,
            str(each.hops or NOTHING),
            _span(each.opened_after),
            f"{each.asked:,}",
            *(f"{getattr(each, name):,}" for name in missing),
            f"{each.pairs:,}",
            f"{each.equal:,}",
            _span(each.wait_median),
            _span(each.wait_p99),
            each.ended or NOTHING,
        )
    return table


def link_table(links: Sequence[LinkAccount]) -> Table:
    """Return the books of every link end and direction, in octets; columns that are all zero are left out."""
    # Most networks never expire or discard a block: columns of zeros would hide the rest.
    shown = [name for name in _BOOKS if any(getattr(each, name) for each in links)]
    table = _table("Q-link", "out of", "books of", *shown, left=3)
    for each in sorted(links, key=lambda each: (each.link, each.sender, each.node)):
        table.add_row(each.link, each.sender, each.node, *(f"{getattr(each, name):,}" for name in shown))
    return table


def verdict(evidence: Evidence) -> str:
    """Return the outcome in one line."""
    if not evidence.pairs:
        return "no key reached both ends"
    return f"{evidence.equal:,} of {evidence.pairs:,} keys equal"


def _table(*titles: str, left: int = 1) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for index, title in enumerate(titles):
        justify: JustifyMethod = "left" if index < left or title == "ended" else "right"
        table.add_column(title, justify=justify, overflow="fold", min_width=ONE_WORD if title == "ended" else None)
    return table


def _span(span: int | None) -> str:
    return NOTHING if span is None else show_span(span)
