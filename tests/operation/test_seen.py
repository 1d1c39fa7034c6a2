"""What is seen of events: a little later, and never too late for whoever looks."""

from __future__ import annotations

from keytwin.operation.metrics import Metrics
from keytwin.operation.seen import MOST_WAITING, Seen
from keytwin.scenario.load import load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import KeysRelayed, LinkStatusChanged
from keytwin.vocabulary.identity import CONTROLLER, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.units import START

NODE = NodeId("km0")
RELAYED = KeysRelayed(NODE, Ksid("k"), 3)


def told(number: int) -> Seen:
    seen = Seen(Metrics("star6", "1.2"))
    for _ in range(number):
        seen.see(START, km_of(NODE), RELAYED)
    return seen


def test_whoever_looks_sees_all_that_has_happened() -> None:
    seen = told(2)
    seen.see(START, CONTROLLER, LinkStatusChanged(LinkId("km0--km1"), "ACTIVE", "a test"))
    star = load("star6")
    assert isinstance(star, Blueprint)
    now = seen.now()
    assert now is seen
    assert now.kept.last == 3
    assert 'keytwin_keys_relayed_total{node="km0"} 6.0' in now.counts.text()
    assert "ACTIVE" in {link.status for link in now.picture.links(star)}
    assert seen.now().kept.last == 3  # each once


def test_no_more_wait_than_are_looked_at_in_no_time() -> None:
    assert told(MOST_WAITING - 1).kept.last == 0
    assert told(MOST_WAITING).kept.last == MOST_WAITING
    assert told(MOST_WAITING + 1).kept.last == MOST_WAITING
