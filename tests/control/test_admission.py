"""Admission control as its neighbours see it: paper B, 3.2 and Fig. 2b; SOURCES.md B, holes 1-6 and 8."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from keytwin.control.admission import ANY_EPOCH, Admission
from keytwin.control.admission_case import CONFIGURING_PATIENCE, ROUTING_PATIENCE
from keytwin.control.office import LATEST_DELIVERY
from keytwin.vocabulary.blueprint import AdmissionSettings
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, ROUTING, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.operator_messages import CutQuantumChannel, SetNodeTrust
from keytwin.vocabulary.session_messages import (
    ConfigureHop,
    DeleteSession,
    FindRoute,
    HopConfigured,
    HopMissing,
    KeyRequested,
    Neighbour,
    Qos,
    Reason,
    RenewLease,
    RouteFound,
    SessionClosing,
    SessionDeleted,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.topology_messages import LinkReserved, LinkStatus, ReservationsRequested
from keytwin.vocabulary.units import START, BitsPerSecond, milliseconds, minutes, seconds
from tests.control.plane import ALICE, APPS, BOB, GOLD, Plane, app, entropy, route, setup_of
from tests.marks import clause, invariant

ADJACENT, RELAYED, OF_BOB, TO_FOUR = APPS
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
NODE: Final = {number: NodeId(f"km{number}") for number in range(6)}
SETTINGS: Final = AdmissionSettings()
LEASE: Final = SETTINGS.inactivity_timeout * 3 // 2
MESH: Final = ("a--b", "b--c", "a--d", "d--c")
OVER_D: Final = Route((NodeId("a"), NodeId("d"), NodeId("c")), (LinkId("a--d"), LinkId("d--c")))
DIAGONAL: Final = app("diagonal", "a", "c")


def star(**settings: object) -> Plane:
    plane = Plane(setup=setup_of(settings=replace(SETTINGS, **settings)))
    plane.register()
    return plane


def mesh(**settings: object) -> Plane:
    plane = Plane(MESH, setup_of([DIAGONAL], replace(SETTINGS, **settings)))
    plane.register()
    return plane


def reserved(plane: Plane) -> dict[str, int]:
    """What is reserved on each link, by what admission last told routing; links without are left out."""
    latest = {told.link: told.first for told in plane.messages(LinkReserved)}
    return {link: rate for link, rate in latest.items() if rate}


def state_of(plane: Plane, ksid: Ksid) -> str:
    session = plane.admission._registry.session(ksid)
    assert session
    return session.state.value


# --- the way of Fig. 2b ---------------------------------------------------------------------------------------------


@clause("paper B (Lopez et al. 2025)", "Fig. 2b")
def test_a_session_between_neighbours_is_configured_at_both_of_them() -> None:
    plane = star()
    ksid = plane.open(ADJACENT)
    first, second = plane.kms[NODE[0]].hops[ksid], plane.kms[NODE[1]].hops[ksid]
    assert (first.previous, first.next) == (None, Neighbour(NODE[1], LinkId("km0--km1")))
    assert (second.previous, second.next) == (Neighbour(NODE[0], LinkId("km0--km1")), None)
    assert first.end is not None
    assert second.end is not None
    assert (first.end.is_first, second.end.is_first) == (True, False)
    assert (first.end.sae, first.end.peer) == (second.end.peer, second.end.sae) == ("app01-a", "app01-b")
    assert (first.end.hops, first.end.rate, first.end.burst) == (1, GOLD.rate, GOLD.burst)
    assert state_of(plane, ksid) == "active"


@clause("paper B (Lopez et al. 2025)", "3.2")
def test_a_relayed_session_is_configured_at_every_key_manager_and_a_transit_node_learns_no_more_than_its_hops() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    transit = plane.kms[NODE[0]].hops[ksid]
    neighbours = (Neighbour(NODE[2], LinkId("km0--km2")), Neighbour(NODE[3], LinkId("km0--km3")))
    assert (transit.previous, transit.next, transit.end) == (*neighbours, None)
    assert plane.holders(ksid) == {"km0", "km2", "km3"}


def test_the_lease_is_longer_than_admission_s_own_timer() -> None:
    plane = star()
    ksid = plane.open(ADJACENT)
    assert plane.kms[NODE[0]].hops[ksid].lease > SETTINGS.inactivity_timeout


def test_a_neighbouring_session_reserves_its_rate_and_a_relayed_one_the_tag_too() -> None:
    plane = star()
    plane.open(ADJACENT)
    plane.open(RELAYED)
    relayed = -(-GOLD.rate * 65 // 64)
    assert reserved(plane) == {"km0--km1": GOLD.rate, "km0--km2": relayed, "km0--km3": relayed}


def test_a_key_request_keeps_the_session_alive_and_silence_ends_it() -> None:
    plane = star()
    ksid = plane.open(ADJACENT)
    for _ in range(3):
        plane.run(SETTINGS.inactivity_timeout - seconds(1))
        plane.use(ADJACENT, ksid)
        plane.run(milliseconds(10))
    assert state_of(plane, ksid) == "active"
    plane.run(SETTINGS.inactivity_timeout + seconds(1))
    assert [(over.ksid, over.reason) for over in plane.heard(SessionReleased)] == [(ksid, "inactive")]
    assert plane.holders(ksid) == set()
    assert reserved(plane) == {}


def test_leases_are_renewed_at_every_key_manager_as_long_as_admission_wants_the_session() -> None:
    plane = star(inactivity_timeout=minutes(10))
    ksid = plane.open(RELAYED)
    plane.run(LEASE // 3 + seconds(1))
    assert [plane.kms[NODE[number]].renewals for number in range(6)] == [1, 0, 1, 1, 0, 0]
    assert [renewal.epoch for renewal in plane.messages(RenewLease)] == [1, 1, 1]
    assert plane.holders(ksid) == {"km0", "km2", "km3"}


def test_a_key_manager_that_lost_its_entry_is_configured_again() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    del plane.kms[NODE[0]].hops[ksid]
    plane.run(LEASE // 3 + seconds(1))
    assert plane.holders(ksid) == {"km0", "km2", "km3"}
    assert state_of(plane, ksid) == "active"


def test_a_key_manager_that_buried_its_entry_gets_a_new_epoch() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    km = plane.kms[NODE[0]]
    del km.hops[ksid]
    km.buried[ksid] = 4
    plane.run(LEASE // 3 + seconds(1))
    assert {plane.kms[NODE[number]].hops[ksid].epoch for number in (0, 2, 3)} == {5}
    assert [admitted.epoch for admitted in plane.heard(SessionAdmitted)] == [1, 5]
    assert reserved(plane)["km0--km2"] == -(-GOLD.rate * 65 // 64)


@pytest.mark.parametrize("end", [0, 1])
def test_either_end_may_close_and_the_other_is_told_why(end: int) -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    plane.tell(ADMISSION, SessionClosing(ksid, RELAYED.ends[end].node, Reason.CLOSED))
    plane.run(milliseconds(10))
    assert plane.holders(ksid) == set()
    assert {plane.kms[NODE[number]].deleted[ksid] for number in (0, 2, 3)} == {Reason.CLOSED}
    assert plane.heard(SessionReleased) == [SessionReleased(ksid, RELAYED.id, "closed")]
    assert not plane.heard(SessionRejected)


def test_nobody_but_an_end_closes_or_keeps_a_session() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    for message in (SessionClosing(ksid, NODE[0], Reason.CLOSED), KeyRequested(ksid, NODE[5])):
        with pytest.raises(UnexpectedMessage, match="no end of"):
            plane.admission.receive(message, plane.now)
    assert state_of(plane, ksid) == "active"


# --- registration and pairing: decision 0005 ------------------------------------------------------------------------


@invariant("S5")
def test_nothing_is_reserved_before_both_peers_have_registered() -> None:
    plane = star()
    first = plane.request(ADJACENT, 0)
    plane.tell(ADMISSION, first)
    plane.run(seconds(30))
    assert plane.kms[NODE[0]].accepted.keys() == {first.open_id}
    assert not list(plane.messages(FindRoute))
    assert not list(plane.messages(ConfigureHop))
    assert reserved(plane) == {}


@invariant("S5")
def test_a_peer_that_never_comes_ends_the_wait() -> None:
    plane = star()
    first = plane.request(ADJACENT, 0)
    plane.tell(ADMISSION, first)
    plane.run(SETTINGS.peer_timeout + seconds(1))
    refusal = plane.kms[NODE[0]].refused[first.open_id]
    assert refusal.reason is Reason.PEER_NOT_CONNECTED
    assert refusal.retry_after > 0
    (rejected,) = plane.heard(SessionRejected)
    assert rejected.explanation == "the peer of app01-a did not open within 60 s"
    assert not plane.heard(SessionReleased)


@invariant("S5")
def test_half_open_sessions_are_bounded_for_each_user() -> None:
    plane = star(half_open_sessions=2)
    requests = [plane.request(ADJACENT, 0) for _ in range(3)]
    for request in (*requests, plane.request(OF_BOB, 0)):
        plane.tell(ADMISSION, request)
    plane.run(milliseconds(5))
    km = plane.kms[NODE[0]]
    assert km.accepted.keys() == {request.open_id for request in requests[:2]}
    assert km.refused[requests[2].open_id].reason is Reason.UNAVAILABLE
    assert plane.kms[NODE[4]].accepted


def test_the_first_to_register_is_the_first_end_whoever_the_file_names_first() -> None:
    plane = star()
    second, first = plane.request(ADJACENT, 0), plane.request(ADJACENT, 1)
    for request in (first, second):
        plane.tell(ADMISSION, request)
    plane.run(milliseconds(20))
    ((ksid, hop),) = plane.kms[NODE[1]].hops.items()
    assert hop.end is not None
    assert hop.end.is_first
    assert plane.kms[NODE[0]].accepted[second.open_id] == ksid


@clause("ETSI GS QKD 004 V2.1.1", "case 3")
@pytest.mark.parametrize("second_knows", [True, False])
def test_an_agreed_ksid_is_taken_by_both(*, second_knows: bool) -> None:
    plane = star()
    plane.tell(ADMISSION, plane.request(ADJACENT, 0, KSID))
    plane.tell(ADMISSION, plane.request(ADJACENT, 1, KSID if second_knows else None))
    plane.run(milliseconds(20))
    assert plane.holders(KSID) == {"km0", "km1"}


@clause("ETSI GS QKD 004 V2.1.1", "case 1")
def test_a_minted_ksid_that_was_told_to_the_peer_joins_it() -> None:
    plane = star()
    first = plane.request(ADJACENT, 0)
    plane.tell(ADMISSION, first)
    plane.run(milliseconds(5))
    ksid = plane.kms[NODE[0]].accepted[first.open_id]
    plane.tell(ADMISSION, plane.request(ADJACENT, 1, ksid))
    plane.run(milliseconds(20))
    assert plane.holders(ksid) == {"km0", "km1"}


@clause("ETSI GS QKD 004 V2.1.1", "case 1")
def test_the_quality_of_the_first_registration_counts() -> None:
    plane = star()
    plane.tell(ADMISSION, plane.request(ADJACENT, 0, KSID, Qos(rate=BitsPerSecond(1234))))
    plane.tell(ADMISSION, plane.request(ADJACENT, 1, KSID, Qos(rate=BitsPerSecond(10**9))))
    plane.run(milliseconds(20))
    ends = [plane.kms[NODE[number]].hops[KSID].end for number in (0, 1)]
    assert [end and end.rate for end in ends] == [1234, 1234]


@clause("ETSI GS QKD 004 V2.1.1", "status 5")
def test_a_third_open_with_the_same_ksid_is_refused_and_disturbs_nobody() -> None:
    plane = star()
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(ADJACENT, end, KSID))
    third = plane.request(ADJACENT, 1, KSID)
    plane.run(milliseconds(20))
    plane.tell(ADMISSION, third)
    plane.run(milliseconds(20))
    assert plane.kms[NODE[1]].refused[third.open_id].reason is Reason.IN_USE
    assert plane.holders(KSID) == {"km0", "km1"}


def test_the_same_end_twice_is_no_pair() -> None:
    plane = star()
    first, again = plane.request(ADJACENT, 0, KSID), plane.request(ADJACENT, 0, KSID)
    plane.tell(ADMISSION, first)
    plane.tell(ADMISSION, again)
    plane.run(milliseconds(20))
    assert plane.kms[NODE[0]].refused[again.open_id].reason is Reason.IN_USE
    assert not list(plane.messages(FindRoute))


def test_another_app_cannot_join_by_a_ksid_that_it_overheard() -> None:
    plane = star()
    plane.tell(ADMISSION, plane.request(ADJACENT, 0, KSID))
    thief = plane.request(OF_BOB, 0, KSID)
    plane.tell(ADMISSION, thief)
    plane.run(milliseconds(20))
    assert plane.kms[NODE[4]].refused[thief.open_id].reason is Reason.IN_USE
    plane.tell(ADMISSION, plane.request(ADJACENT, 1, KSID))
    plane.run(milliseconds(20))
    assert plane.holders(KSID) == {"km0", "km1"}


def test_a_ksid_of_a_session_that_is_over_is_not_used_again_soon() -> None:
    plane = star()
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(ADJACENT, end, KSID))
    plane.run(milliseconds(20))
    plane.close(ADJACENT, KSID)
    plane.run(milliseconds(20))
    late = plane.request(ADJACENT, 0, KSID)
    plane.tell(ADMISSION, late)
    plane.run(milliseconds(5))
    assert plane.kms[NODE[0]].refused[late.open_id].reason is Reason.IN_USE
    plane.run(2 * LEASE + LATEST_DELIVERY + minutes(1))
    much_later = plane.request(ADJACENT, 0, KSID)
    plane.tell(ADMISSION, much_later)
    plane.run(milliseconds(5))
    assert plane.kms[NODE[0]].accepted[much_later.open_id] == KSID


def test_two_sessions_by_endpoints_join_the_oldest_first() -> None:
    plane = star()
    firsts = [plane.request(ADJACENT, 0) for _ in range(2)]
    seconds_ = [plane.request(ADJACENT, 1) for _ in range(2)]
    for request in (*firsts, *seconds_):
        plane.tell(ADMISSION, request)
    plane.run(milliseconds(20))
    accepted, joined = plane.kms[NODE[0]].accepted, plane.kms[NODE[1]].accepted
    assert [accepted[one.open_id] for one in firsts] == [joined[one.open_id] for one in seconds_]
    assert len(set(accepted.values())) == 2


@invariant("S3")
def test_a_repeated_registration_is_the_same_registration_in_every_state() -> None:
    plane = star()
    first, second = plane.request(ADJACENT, 0), plane.request(ADJACENT, 1)
    for request in (first, first, second, first, second):
        plane.tell(ADMISSION, request)
        plane.run(milliseconds(10))
    (ksid,) = set(plane.kms[NODE[0]].accepted.values()) | set(plane.kms[NODE[1]].accepted.values())
    assert len(plane.heard(SessionAdmitted)) == 1
    plane.close(ADJACENT, ksid)
    plane.run(milliseconds(10))
    for request in (first, second):
        plane.tell(ADMISSION, request)
    plane.run(milliseconds(10))
    assert plane.kms[NODE[0]].refused[first.open_id].reason is Reason.CLOSED
    assert plane.kms[NODE[1]].refused[second.open_id].reason is Reason.CLOSED
    assert len(plane.heard(SessionAdmitted)) == 1


def test_a_refused_request_stays_refused_when_it_arrives_once_more() -> None:
    plane = star(half_open_sessions=1)
    waiting, refused = plane.request(ADJACENT, 0), plane.request(RELAYED, 0)
    for request in (waiting, refused):
        plane.tell(ADMISSION, request)
    plane.run(SETTINGS.peer_timeout + seconds(1))
    plane.tell(ADMISSION, refused)
    plane.run(milliseconds(10))
    assert not plane.kms[NODE[2]].accepted


# --- service level and quota ----------------------------------------------------------------------------------------


@invariant("A2")
def test_more_than_the_service_level_is_refused_and_no_session_is_left_behind() -> None:
    plane = star()
    greedy = plane.request(ADJACENT, 0, qos=Qos(rate=BitsPerSecond(GOLD.rate + 1)))
    plane.tell(ADMISSION, greedy)
    plane.run(milliseconds(5))
    refusal = plane.kms[NODE[0]].refused[greedy.open_id]
    assert (refusal.reason, refusal.retry_after) == (Reason.SLA_EXCEEDED, 0)
    assert not plane.saved[ADMISSION]


@invariant("A2")
def test_the_quota_bounds_the_sum_over_a_user_s_sessions_each_counted_once() -> None:
    plane = star()  # bob: 2 kbit/s a session, 5 kbit/s in all
    ksids = [plane.open(OF_BOB) for _ in range(2)]
    third = plane.request(OF_BOB, 0)
    plane.tell(ADMISSION, third)
    plane.run(milliseconds(5))
    assert plane.kms[NODE[4]].refused[third.open_id].reason is Reason.SLA_EXCEEDED
    rejected = plane.heard(SessionRejected)[-1]
    assert rejected.explanation == "bob has 4 kbit/s of a quota of 5 kbit/s and asked for 2 kbit/s more"
    plane.close(OF_BOB, ksids[0])
    plane.run(milliseconds(10))
    assert plane.open(OF_BOB)


@invariant("A2")
def test_a_session_counts_for_the_quota_until_nothing_of_it_is_left() -> None:
    plane = star()
    ksids = [plane.open(OF_BOB) for _ in range(2)]
    plane.stop(km_of(NODE[5]))
    plane.close(OF_BOB, ksids[0])
    plane.run(seconds(5))
    request = plane.request(OF_BOB, 0)
    plane.tell(ADMISSION, request)
    plane.run(milliseconds(10))
    assert plane.kms[NODE[4]].refused[request.open_id].reason is Reason.SLA_EXCEEDED
    assert plane.admission._registry.rate(BOB.id) == 4000
    assert plane.admission._registry.rate(ALICE.id) == 0


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
    assert plane.heard(SessionRejected)[-1].explanation == "no link of km1 has 10 kbit/s left"
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


def test_a_route_over_a_link_that_is_dark_or_a_node_that_is_not_trusted_is_not_used_although_routing_offers_it() -> (
    None
):
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


@invariant("S4")
def test_routing_that_never_answers_ends_the_session_with_a_reason_to_try_again() -> None:
    plane = star()
    plane.stop(ROUTING)
    first, second = plane.request(ADJACENT, 0), plane.request(ADJACENT, 1)
    for request in (first, second):
        plane.tell(ADMISSION, request)
    plane.run(ROUTING_PATIENCE + seconds(1))
    for km, request in ((0, first), (1, second)):
        refusal = plane.kms[NODE[km]].refused[request.open_id]
        assert refusal.reason is Reason.UNAVAILABLE
        assert refusal.retry_after > 0
    assert len(list(plane.messages(FindRoute))) > 10


@invariant("S4")
def test_a_key_manager_that_never_confirms_ends_the_session_and_is_named() -> None:
    plane = star()
    plane.stop(km_of(NODE[0]))
    ksid = plane.open(RELAYED)
    plane.run(CONFIGURING_PATIENCE + seconds(1))
    assert plane.holders(ksid) - {"km0"} == set()
    assert plane.heard(SessionRejected)[-1].explanation == "km0 did not confirm the configuration"
    assert state_of(plane, ksid) == "terminating"


@invariant("S1")
def test_a_dead_key_manager_holds_the_reservation_until_its_lease_has_surely_expired_and_no_longer() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    plane.stop(km_of(NODE[0]))
    plane.close(RELAYED, ksid)
    plane.run(LEASE - seconds(60))
    assert reserved(plane).keys() == {"km0--km2", "km0--km3"}
    assert not plane.heard(SessionReleased)
    plane.run(LATEST_DELIVERY + seconds(61))
    assert reserved(plane) == {}
    assert plane.heard(SessionReleased) == [SessionReleased(ksid, RELAYED.id, "closed")]


@invariant("S1")
def test_a_deletion_is_repeated_until_each_key_manager_has_confirmed() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    plane.loss = 0.6
    plane.close(RELAYED, ksid)
    plane.run(minutes(5))
    assert plane.holders(ksid) == set()
    assert reserved(plane) == {}
    assert state_of(plane, ksid) == "terminated"


@invariant("S3")
@pytest.mark.parametrize(
    "late", [HopConfigured(KSID, 1, NODE[0]), KeyRequested(KSID, NODE[0]), SessionClosing(KSID, NODE[0], Reason.CLOSED)]
)
def test_what_comes_after_the_end_reserves_nothing_and_its_sender_is_told_once_more(
    late: HopConfigured | KeyRequested | SessionClosing,
) -> None:
    plane = star()
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(ADJACENT, end, KSID))
    plane.run(milliseconds(20))
    plane.close(ADJACENT, KSID)
    plane.run(milliseconds(20))
    effects = plane.admission.receive(late, plane.now)
    assert effects == [Send(km_of(NODE[0]), DeleteSession(KSID, 1, Reason.CLOSED))]
    for stale in (SessionDeleted(KSID, 1, NODE[0]), HopMissing(KSID, NODE[1]), HopConfigured(KSID, 1, NODE[1])):
        plane.tell(ADMISSION, stale)
    plane.run(milliseconds(20))
    assert reserved(plane) == {}
    assert state_of(plane, KSID) == "terminated"


@invariant("S3")
def test_a_late_confirmation_while_terminating_does_not_bring_the_session_back() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    plane.stop(km_of(NODE[3]))
    plane.close(RELAYED, ksid)
    plane.run(milliseconds(20))
    for message in (HopConfigured(ksid, 1, NODE[3]), KeyRequested(ksid, NODE[3]), HopMissing(ksid, NODE[3])):
        plane.tell(ADMISSION, message)
    plane.run(milliseconds(20))
    assert state_of(plane, ksid) == "terminating"
    assert len(list(plane.messages(ConfigureHop))) == 3


def test_a_key_manager_with_a_session_that_nobody_knows_is_told_to_forget_it() -> None:
    admission = Admission(setup_of(), entropy())
    admission.restore([], START)
    told = [Send(km_of(NODE[0]), DeleteSession(KSID, ANY_EPOCH, Reason.SESSION_UNKNOWN))]
    assert admission.receive(HopConfigured(KSID, 1, NODE[0]), START) == told
    assert admission.receive(KeyRequested(KSID, NODE[0]), START) == told
    assert admission.receive(SessionDeleted(KSID, 1, NODE[0]), START) == []


def test_admission_takes_nothing_else() -> None:
    with pytest.raises(UnexpectedMessage):
        star().admission.receive(CutQuantumChannel(LinkId("km0--km1")), START)


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
    plane.status("b--c", LinkStatus.PASSIVE)
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
