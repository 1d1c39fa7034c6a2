"""Whose business a message is where each node has its admission: the owner's, and no key manager hears whose."""

from __future__ import annotations

from msgspec.structs import replace

from keytwin.control.capacity import Ledger, LinkRates
from keytwin.control.keeper import Keeper
from keytwin.control.switchboard import MOST_OPENED, Switchboard, owner_of
from keytwin.vocabulary.identity import ElementName, Ksid, LinkId, NodeId
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.placement import CENTRAL, EVERYWHERE, Placement, Seat, seat_of
from keytwin.vocabulary.reservation_messages import ReserveLinks
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureSession,
    HopConfigured,
    KeyRequested,
    Qos,
    Reason,
    SessionAccepted,
)
from keytwin.vocabulary.units import START, BitsPerSecond, Duration, seconds
from tests.control.plane import app

NODES = (NodeId("a"), NodeId("b"), NodeId("c"))
APP = app("talk", "c", "b")
OWNER = ElementName("admission/b")
KSID = Ksid("k")
SAES = [end.sae for end in APP.ends]
ASKED = ConfigureSession("open", NodeId("c"), ElementName("km/c"), APP.user, APP.id, SAES[0], SAES[1], None, Qos())


def board(node: str) -> Switchboard:
    seat = Seat(NodeId(node), NODES)
    keeper = Keeper(Ledger(LinkRates(), 0.1, 0.5), seconds(60))
    return Switchboard(seat, {APP.id: owner_of(APP, seat)}, keeper)


def passed(switchboard: Switchboard, message: Message, *known: Ksid) -> list[Effect] | None:
    return switchboard.pass_on(message, known.__contains__)


def test_names_follow_from_the_placement() -> None:
    central, spread = seat_of(Placement.CENTRAL, NODES), seat_of(Placement.PER_NODE, NODES)
    assert central is CENTRAL
    assert central.at(NODES[0]) == central
    assert [central.everywhere(element) for element in EVERYWHERE] == [(element,) for element in EVERYWHERE]
    seat = spread.at(NODES[1])
    assert (seat.admission, seat.routing) == ("admission/b", "routing/b")
    assert (seat.monitoring, seat.controller) == ("monitoring/b", "controller/b")
    assert seat.others(ElementName("controller")) == ("controller/a", "controller/c")
    assert seat.of_link(LinkId("c--a")).controller == "controller/c"


def test_both_ends_name_the_same_owner_whoever_opens_first() -> None:
    for node in "abc":
        seat = Seat(NodeId(node), NODES)
        assert owner_of(APP, seat) == owner_of(app("talk", "b", "c"), seat) == OWNER


def test_a_registration_goes_to_the_owner_and_its_answer_back() -> None:
    here = board("c")
    assert passed(here, ASKED) == [Send(OWNER, replace(ASKED, reply_to=ElementName("admission/c")))]
    accepted = SessionAccepted("open", KSID)
    assert passed(here, accepted) == [Send(ElementName("km/c"), accepted)]
    used = KeyRequested(KSID, NodeId("c"))
    assert passed(here, used) == [Send(OWNER, used)]
    refused = ConfigurationRefused("open", Reason.NO_ROUTE, Duration(0))
    assert passed(here, refused) == [Send(ElementName("km/c"), refused)]


def test_the_owner_keeps_what_is_its_own() -> None:
    here = board("b")
    assert passed(here, ASKED) is None
    assert passed(here, KeyRequested(KSID, NodeId("c")), KSID) is None


def test_a_transit_node_s_reports_find_the_owner_by_what_was_promised() -> None:
    here, configured = board("a"), HopConfigured(KSID, 1, NodeId("a"))
    assert passed(here, configured) is None  # of nobody: whoever asks is told to forget it
    here.keeper.ledger.rates.register(LinkId("a--b"), BitsPerSecond(100_000))
    here.keeper.reserve(ReserveLinks(KSID, 1, OWNER, NodeId("a"), (LinkId("a--b"),), BitsPerSecond(10), 0), START)
    assert passed(here, configured) == [Send(OWNER, configured)]


def test_what_passes_is_not_remembered_for_ever() -> None:
    here = board("c")
    for number in range(MOST_OPENED + 2):
        passed(here, replace(ASKED, open_id=str(number)))
    assert len(here.opened) == MOST_OPENED


def test_one_admission_for_all_passes_nothing_on() -> None:
    keeper = Keeper(Ledger(LinkRates(), 0.1, 0.5), seconds(60))
    assert Switchboard(CENTRAL, {}, keeper).pass_on(ASKED, lambda _: False) is None
