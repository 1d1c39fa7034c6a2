"""Admission control as its neighbours see it: the life of a session. Paper B, 3.2 and Fig. 2b."""

from __future__ import annotations

import pytest

from keytwin.control.admission import ANY_EPOCH, Admission
from keytwin.control.admission_case import CONFIGURING_PATIENCE, ROUTING_PATIENCE
from keytwin.control.office import LATEST_DELIVERY
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, ROUTING, LinkId, km_of
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.operator_messages import CutQuantumChannel
from keytwin.vocabulary.session_messages import (
    ConfigureHop,
    DeleteSession,
    FindRoute,
    HopConfigured,
    HopMissing,
    KeyRequested,
    Neighbour,
    Reason,
    RenewLease,
    SessionClosing,
    SessionDeleted,
)
from keytwin.vocabulary.units import START, milliseconds, minutes, seconds
from tests.control.cases import (
    ADJACENT,
    KSID,
    LEASE,
    NODE,
    RELAYED,
    SETTINGS,
    reserved,
    star,
    state_of,
)
from tests.control.plane import GOLD, entropy, setup_of
from tests.marks import clause, invariant

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


@invariant("R3")
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


def test_an_entry_that_is_missing_is_configured_until_it_is_confirmed() -> None:
    plane = star()
    ksid = plane.open(RELAYED)
    hub = plane.kms[NODE[0]]
    del hub.hops[ksid]
    plane.stop(km_of(NODE[0]))
    plane.tell(ADMISSION, HopMissing(ksid, NODE[0]))
    plane.run(seconds(10))
    plane.machines[km_of(NODE[0])] = hub
    plane.run(seconds(20))
    assert ksid in hub.hops


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


# --- the end, whoever fails ----------------------------------------------------------------------------------------


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
    assert plane.heard(SessionRejected)[-1].explanation == "routing does not answer"


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
