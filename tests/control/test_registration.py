"""Registration at admission: pairing, service level, quota. Decision 0005; ETSI GS QKD 004 V2.1.1."""

from __future__ import annotations

import pytest

from keytwin.control.office import LATEST_DELIVERY
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, km_of
from keytwin.vocabulary.session_messages import (
    ConfigureHop,
    FindRoute,
    Qos,
    Reason,
)
from keytwin.vocabulary.units import BitsPerSecond, milliseconds, minutes, seconds
from tests.control.cases import (
    ADJACENT,
    KSID,
    LEASE,
    NODE,
    OF_BOB,
    RELAYED,
    SETTINGS,
    reserved,
    star,
)
from tests.control.plane import ALICE, BOB, GOLD
from tests.marks import clause, invariant

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
    others = [plane.request(ADJACENT, 1) for _ in range(2)]
    for request in (*firsts, *others):
        plane.tell(ADMISSION, request)
    plane.run(milliseconds(20))
    accepted, joined = plane.kms[NODE[0]].accepted, plane.kms[NODE[1]].accepted
    assert [accepted[one.open_id] for one in firsts] == [joined[one.open_id] for one in others]
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
