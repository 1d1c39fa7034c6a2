"""Routes and room, and what changes in the network: who moves, who must go. Paper B, 3.2; invariants A1, C3, C4, S6."""

from __future__ import annotations

import pytest

from keytwin.control.admission_session import MOST_QUESTIONS, MOST_RETIRED
from keytwin.control.office import LATEST_DELIVERY
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, ROUTING, LinkId, NodeId, km_of
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.operator_messages import SetNodeTrust
from keytwin.vocabulary.session_messages import (
    FindRoute,
    Reason,
    RouteFound,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.topology_messages import LinkReserved, LinkStatus, ReservationsRequested
from keytwin.vocabulary.units import milliseconds, minutes, seconds
from tests.control.cases import (
    ADJACENT,
    DIAGONAL,
    LEASE,
    NODE,
    OF_BOB,
    OVER_D,
    RELAYED,
    mesh,
    reserved,
    star,
    state_of,
)
from tests.control.plane import APPS, BOB, GOLD, Plane, app, route, setup_of
from tests.marks import invariant

# --- routes and room ------------------------------------------------------------------------------------------------


@invariant("A1")
def test_sessions_beyond_the_capacity_are_refused_with_a_generic_reason() -> None:
    plane = star()  # 100 kbit/s a link: 45 kbit/s may be granted in each direction, four sessions of 10
    plane.run(seconds(6))
    for _ in range(4):
        plane.open(ADJACENT)
    fifth = plane.request(ADJACENT, 0)
    for request in (fifth, plane.request(ADJACENT, 1)):
        plane.tell(ADMISSION, request)
    plane.run(seconds(3))
    refusal = plane.kms[NODE[0]].refused[fifth.open_id]
    assert refusal.reason is Reason.NO_ROUTE
    assert refusal.retry_after > 0
    assert plane.heard(SessionRejected)[-1].explanation == (
        "no link of km1 has 10 kbit/s left: km0--km1 makes 50 kbit/s each way, 40 kbit/s of it reserved, "
        "the rest goes to relay and margin"
    )
    assert reserved(plane) == {"km0--km1": 40_000}


def test_a_full_route_leads_over_another_one() -> None:
    plane = mesh()
    for _ in range(4):
        plane.open(DIAGONAL)
    assert {admitted.route.nodes[1] for admitted in plane.heard(SessionAdmitted)} == {"b"}
    plane.open(DIAGONAL)
    assert plane.heard(SessionAdmitted)[-1].route.nodes == ("a", "d", "c")


@invariant("A1")
def test_admission_trusts_its_own_books_when_routing_s_are_old() -> None:
    """Routing offers a full link first: admission reserves the other candidate, or asks without the full link."""
    plane = mesh()
    full, free = route("a", "b", "c"), OVER_D
    for _ in range(4):
        plane.open(DIAGONAL)
    plane.stop(ROUTING)
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(DIAGONAL, end))
    plane.run(milliseconds(5))
    question = list(plane.messages(FindRoute))[-1]
    plane.tell(ADMISSION, RouteFound(question.request_id, question.ksid, (full,)))
    plane.run(milliseconds(5))
    question = list(plane.messages(FindRoute))[-1]
    assert set(question.excluded) == {"a--b", "b--c"}
    plane.tell(ADMISSION, RouteFound(question.request_id, question.ksid, (full, free)))
    plane.run(milliseconds(5))
    assert plane.heard(SessionAdmitted)[-1].route == free


@invariant("C4")
@pytest.mark.parametrize(
    "offered",
    [
        route("a", "b", "a", "b", "c"),
        Route((NodeId("a"), NodeId("c")), (LinkId("a--b"),)),
        route("b", "c"),
        route("a", "b"),
        route("a"),
        Route((), ()),
        route("a", "x", "c"),
    ],
)
def test_a_route_that_does_not_join_the_ends_without_a_loop_is_never_used(offered: Route) -> None:
    plane = mesh()
    plane.stop(ROUTING)
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(DIAGONAL, end))
    plane.run(milliseconds(5))
    question = next(plane.messages(FindRoute))
    plane.tell(ADMISSION, RouteFound(question.request_id, question.ksid, (offered,)))
    plane.run(milliseconds(5))
    assert not plane.heard(SessionAdmitted)


def test_a_route_over_a_dark_link_or_a_distrusted_node_is_not_used_although_routing_offers_it() -> None:
    plane = mesh()
    plane.status("a--b", LinkStatus.OFF)
    plane.tell(CONTROLLER, SetNodeTrust(NodeId("d"), trusted=False))
    plane.run(milliseconds(5))
    plane.stop(ROUTING)
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(DIAGONAL, end))
    plane.run(milliseconds(5))
    question = next(plane.messages(FindRoute))
    plane.tell(ADMISSION, RouteFound(question.request_id, question.ksid, (route("a", "b", "c"), OVER_D)))
    plane.run(milliseconds(5))
    assert not plane.heard(SessionAdmitted)
    plane.status("a--b", LinkStatus.ACTIVE)
    plane.run(milliseconds(5))
    plane.restart(ROUTING)
    plane.run(seconds(1))
    assert plane.heard(SessionAdmitted)[-1].route == route("a", "b", "c")


def test_an_answer_to_another_question_is_ignored() -> None:
    plane = mesh()
    plane.stop(ROUTING)
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(DIAGONAL, end))
    plane.run(milliseconds(5))
    question = next(plane.messages(FindRoute))
    plane.tell(ADMISSION, RouteFound("older", question.ksid, (route("a", "b", "c"),)))
    plane.run(milliseconds(5))
    assert not plane.heard(SessionAdmitted)


def test_a_session_that_moves_faster_than_its_old_routes_go_is_given_up() -> None:
    middles = [f"m{number}" for number in range(MOST_RETIRED + 2)]
    links = [f"{end}--{middle}" for middle in middles for end in "ac"]
    plane = Plane(links, setup_of([DIAGONAL]))
    plane.register()
    for middle in middles:
        plane.stop(km_of(NodeId(middle)))
    ksid = plane.open(DIAGONAL)
    for middle in middles[:-1]:
        plane.status(f"a--{middle}", LinkStatus.OFF)
        plane.run(milliseconds(20))
    assert state_of(plane, ksid) == "terminating"
    assert plane.heard(SessionRejected)[-1].explanation == "routed anew too often: a--m8 is down"


def test_routing_that_offers_only_full_links_is_not_asked_for_ever() -> None:
    names = [f"a--c/x{number:02}" for number in range(2 * MOST_QUESTIONS)]
    plane = Plane(names, setup_of([DIAGONAL]))
    plane.register(dict.fromkeys(names, 100))
    plane.stop(ROUTING)
    first = plane.request(DIAGONAL, 0)
    for request in (first, plane.request(DIAGONAL, 1)):
        plane.tell(ADMISSION, request)
    plane.run(milliseconds(5))
    for name in names:
        question = list(plane.messages(FindRoute))[-1]
        full = Route((NodeId("a"), NodeId("c")), (LinkId(name),))
        plane.tell(ADMISSION, RouteFound(question.request_id, question.ksid, (full,)))
        plane.run(milliseconds(1))
    assert plane.kms[NodeId("a")].refused[first.open_id].reason is Reason.NO_ROUTE
    assert len(list(plane.messages(FindRoute))) == MOST_QUESTIONS


# --- what changes in the network ------------------------------------------------------------------------------------


def test_a_session_on_a_dark_link_moves_and_the_old_route_is_deleted_where_the_new_one_does_not_pass() -> None:
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    plane.status("b--c", LinkStatus.OFF)
    plane.run(milliseconds(50))
    assert [(one.epoch, one.route.nodes) for one in plane.heard(SessionAdmitted)] == [
        (1, ("a", "b", "c")),
        (2, ("a", "d", "c")),
    ]
    assert plane.holders(ksid) == {"a", "d", "c"}
    assert {km.hops[ksid].epoch for node, km in plane.kms.items() if node != "b"} == {2}
    assert reserved(plane).keys() == {"a--d", "d--c"}
    assert state_of(plane, ksid) == "active"


def test_the_new_route_is_reserved_before_the_old_one_is_given_back() -> None:
    plane = mesh()
    plane.open(DIAGONAL)
    plane.stop(km_of(NodeId("b")))
    plane.status("b--c", LinkStatus.OFF)
    plane.run(seconds(30))
    assert reserved(plane).keys() == {"a--b", "b--c", "a--d", "d--c"}
    plane.run(LEASE + LATEST_DELIVERY)
    assert reserved(plane).keys() == {"a--d", "d--c"}


@invariant("S6")
def test_no_two_epochs_are_in_use_at_once() -> None:
    """A key manager holds one entry a session; the ends take the new epoch before anything of it is used."""
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    for link, status in (("b--c", LinkStatus.OFF), ("b--c", LinkStatus.ACTIVE), ("a--d", LinkStatus.OFF)):
        plane.status(link, status)
        plane.run(milliseconds(100))
    assert [admitted.epoch for admitted in plane.heard(SessionAdmitted)] == [1, 2, 3]
    assert {km.hops[ksid].epoch for km in plane.kms.values() if ksid in km.hops} == {3}


def test_the_operator_is_told_that_a_node_has_no_other_link_and_the_app_nothing_of_the_network() -> None:
    plane = star()
    plane.run(seconds(6))
    ksid = plane.open(RELAYED)
    plane.status("km0--km2", LinkStatus.OFF, "cut")
    plane.run(seconds(1))
    (rejected,) = plane.heard(SessionRejected)
    assert rejected.explanation == "km2 has no other link: km0--km2 is down"
    assert plane.kms[NODE[2]].deleted[ksid] is Reason.UNAVAILABLE
    assert plane.heard(SessionReleased) == [SessionReleased(ksid, RELAYED.id, "temporarily unavailable")]


def test_a_link_that_breaks_while_it_is_being_configured_is_left_too() -> None:
    plane = mesh()
    plane.stop(km_of(NodeId("b")))
    ksid = plane.open(DIAGONAL)
    assert state_of(plane, ksid) == "configuring"
    plane.status("b--c", LinkStatus.OFF)
    plane.run(milliseconds(50))
    assert state_of(plane, ksid) == "active"
    assert plane.holders(ksid) >= {"a", "d", "c"}


def test_a_distrusted_node_relays_no_more() -> None:
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    plane.tell(CONTROLLER, SetNodeTrust(NodeId("b"), trusted=False))
    plane.run(milliseconds(50))
    assert plane.holders(ksid) == {"a", "d", "c"}


def test_sessions_of_a_distrusted_node_end_and_new_ones_are_refused() -> None:
    plane = star()
    ksid, waiting = plane.open(ADJACENT), plane.request(OF_BOB, 0)
    plane.tell(ADMISSION, waiting)
    for number in (1, 4):
        plane.tell(CONTROLLER, SetNodeTrust(NODE[number], trusted=False))
    plane.run(milliseconds(50))
    assert plane.kms[NODE[0]].deleted[ksid] is Reason.NOT_ALLOWED
    assert plane.kms[NODE[4]].refused[waiting.open_id].reason is Reason.NOT_ALLOWED
    late = plane.request(OF_BOB, 0)
    plane.tell(ADMISSION, late)
    plane.run(milliseconds(50))
    assert plane.kms[NODE[4]].refused[late.open_id].reason is Reason.NOT_ALLOWED
    assert plane.heard(SessionRejected)[-1].explanation == "km4 is not trusted"


@invariant("A1")
def test_a_link_that_makes_less_sheds_the_lowest_priority_first_and_then_the_youngest() -> None:
    low = app("low", "km0", "km1", BOB)
    plane = Plane(setup=setup_of([*APPS, low]))
    plane.register()
    ksids = [plane.open(ADJACENT), plane.open(low), plane.open(ADJACENT)]  # 22 kbit/s of 45
    plane.measure("km0--km1", 30_000)  # 13.5 kbit/s may be granted
    plane.run(seconds(2))
    states = [state_of(plane, ksid) for ksid in ksids]
    assert states == ["active", "terminated", "terminated"]
    assert reserved(plane) == {"km0--km1": 10_000}
    assert {rejected.reason for rejected in plane.heard(SessionRejected)} == {"temporarily unavailable"}


def test_a_session_that_is_shed_moves_when_there_is_room_elsewhere() -> None:
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    plane.measure("b--c", 5_000)
    assert plane.holders(ksid) == {"a", "d", "c"}
    assert not plane.heard(SessionRejected)


@invariant("C3")
def test_nothing_is_admitted_on_a_stale_topology_and_what_is_active_stays() -> None:
    plane = star()
    ksid = plane.open(ADJACENT)
    plane.stop(CONTROLLER)
    plane.run(minutes(2))
    request = plane.request(RELAYED, 0)
    plane.tell(ADMISSION, request)
    plane.run(milliseconds(5))
    refusal = plane.kms[NODE[2]].refused[request.open_id]
    assert refusal.reason is Reason.UNAVAILABLE
    assert refusal.retry_after > 0
    assert "the controller does not answer" in plane.heard(SessionRejected)[-1].explanation
    assert state_of(plane, ksid) == "active"
    plane.restart(CONTROLLER)
    plane.run(seconds(2))
    assert plane.open(RELAYED)


def test_routing_can_ask_for_all_reservations() -> None:
    plane = star()
    plane.open(ADJACENT)
    effects = plane.admission.receive(ReservationsRequested(ROUTING), plane.now)
    messages = [effect.message for effect in effects if isinstance(effect, Send)]
    told = {message.link: message for message in messages if isinstance(message, LinkReserved)}
    assert told.keys() == set(plane.links)
    assert (told[LinkId("km0--km1")].first, told[LinkId("km0--km1")].sessions) == (GOLD.rate, 1)
