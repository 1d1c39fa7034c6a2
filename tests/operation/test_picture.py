"""What the operator sees of links: the newest of what was told."""

from __future__ import annotations

from keytwin.operation.picture import Picture
from keytwin.scenario.load import load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import LinkStatusChanged, StockSeen, ViolationSeen
from keytwin.vocabulary.identity import CONTROLLER, MONITORING, LinkId
from keytwin.vocabulary.units import START, Bits, BitsPerSecond

LINK = LinkId("km0--km1")


def star() -> Blueprint:
    network = load("star6")
    assert isinstance(network, Blueprint)
    return network


def test_a_link_of_which_nothing_was_told_is_pending() -> None:
    links = Picture().links(star())
    assert [each.link for each in links] == [link.id for link in star().topology.links]
    assert {each.status for each in links} == {"PENDING"}
    assert {each.rate for each in links} == {None}


def test_the_newest_status_and_figures_count() -> None:
    picture = Picture()
    for status in ("ACTIVE", "OFF"):
        picture.see(START, CONTROLLER, LinkStatusChanged(LINK, status, "a test"))
    for rate in (1, 2):
        picture.see(START, MONITORING, StockSeen(LINK, BitsPerSecond(rate), 0.02, (Bits(8), None)))
    picture.see(START, CONTROLLER, ViolationSeen("other", "events are passed over"))
    seen = next(each for each in picture.links(star()) if each.link == LINK)
    assert (seen.status, seen.rate, seen.qber, seen.stocks) == ("OFF", 2, 0.02, (8, None))
