"""Evidence as tables."""

from __future__ import annotations

from io import StringIO

import msgspec
from rich.console import Console, RenderableType

from keytwin.report.tables import app_table, link_table, verdict
from keytwin.vocabulary.evidence import AppEvidence, Evidence, LinkAccount
from keytwin.vocabulary.identity import AppId, LinkId, NodeId
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

APP = AppEvidence(
    AppId("app01"), 5, 4, 4, 1, Bits(256), 2, Duration(8_000_000), Instant(9), Instant(10), Duration(1_500), seconds(2)
)
EVIDENCE = Evidence("star6", 7, seconds(60), 1_000, (APP,), (), ())


def shown(table: RenderableType) -> str:
    console = Console(width=120, file=StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_shows_what_each_app_got() -> None:
    row = shown(app_table([APP])).splitlines()[-2].split()
    assert row == ["app01", "2", "8", "ms", "5", "1", "4", "4", "1.5", "us", "2", "s", "-"]


def test_shows_what_never_happened_as_nothing() -> None:
    never = msgspec.structs.replace(
        APP, hops=0, opened_after=None, wait_median=None, wait_p99=None, pairs=0, equal=0, refused=0
    )
    row = shown(app_table([never])).splitlines()[-2].split()
    assert row == ["app01", "-", "-", "5", "0", "0", "-", "-", "-"]


def test_what_was_refused_or_never_answered_has_its_column() -> None:
    waiting = msgspec.structs.replace(APP, refused=0, unanswered=3)
    titles = shown(app_table([waiting])).splitlines()[1]
    assert "unanswered" in titles
    assert "refused" not in titles
    assert "refused" in shown(app_table([APP, waiting])).splitlines()[1]


def test_leaves_out_columns_without_a_figure_and_sorts_by_link() -> None:
    node, other = NodeId("km0"), NodeId("km1")
    accounts = [
        LinkAccount(other, LinkId("b--c"), other, ingested=64, stored=64),
        LinkAccount(node, LinkId("a--b"), node, ingested=2_048, pad=1_024, stored=1_024),
    ]
    text = shown(link_table(accounts))
    assert "wasted" not in text
    assert text.index("a--b") < text.index("b--c")
    assert "2,048" in text


def test_the_verdict_is_one_line() -> None:
    assert verdict(EVIDENCE) == "4 of 4 keys equal"
    assert verdict(msgspec.structs.replace(EVIDENCE, apps=())) == "no key reached both ends"
