"""Admission dies and comes back with what it had saved: at every prefix of its records it is in a legal state."""

from __future__ import annotations

from typing import Final, TypeVar

import pytest

from keytwin.control.admission import Admission
from keytwin.control.admission_records import AdmissionKept
from keytwin.control.office import LATEST_DELIVERY
from keytwin.vocabulary.blueprint import AdmissionSettings
from keytwin.vocabulary.events import SessionAdmitted, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, ElementName, Ksid, NodeId, km_of
from keytwin.vocabulary.machine import Effect, Message, Record, Send, StartTimer
from keytwin.vocabulary.session_messages import ConfigureHop, DeleteSession
from keytwin.vocabulary.topology_messages import LinkReserved, LinkStatus
from keytwin.vocabulary.units import START, Instant, milliseconds, minutes, seconds
from tests.control.plane import APPS, BOB, GOLD, Plane, app, entropy, setup_of
from tests.machines import assert_restorable
from tests.marks import invariant

M = TypeVar("M", bound=Message)
ADJACENT, RELAYED, OF_BOB, _ = APPS
MESH: Final = ("a--b", "b--c", "a--d", "d--c")
DIAGONAL: Final = app("diagonal", "a", "c")
LEASE: Final = AdmissionSettings().inactivity_timeout * 3 // 2
FOR_GOOD: Final = 2 * LEASE + LATEST_DELIVERY + minutes(1)


def eventful(crash_at: int | None = None) -> Plane:
    """A life with everything in it: waiting, two sessions, a move, a closing; with a crash at one of the records."""
    plane = Plane(MESH, setup_of([DIAGONAL]))
    plane.crash_at = crash_at
    plane.register()
    ksid = plane.open(DIAGONAL)
    plane.tell(ADMISSION, plane.request(DIAGONAL, 0))
    plane.status("b--c", LinkStatus.OFF)
    plane.run(milliseconds(100))
    plane.open(DIAGONAL)
    plane.close(DIAGONAL, ksid)
    plane.run(milliseconds(100))
    return plane


def records() -> list[Record]:
    saved = eventful().saved[ADMISSION]
    assert len({record.state for record in saved if isinstance(record, AdmissionKept)}) >= 5
    return saved


LENGTHS: Final = range(len(records()) + 1)


def test_each_prefix_of_the_records_gives_a_machine_with_a_timer_running() -> None:
    assert_restorable(lambda: Admission(setup_of([DIAGONAL]), entropy()), records(), lambda _: ["sweep"])


@invariant("S1")
@pytest.mark.parametrize("length", LENGTHS)
def test_after_a_crash_at_any_record_every_session_still_ends_with_nothing_reserved(length: int) -> None:
    """The record is durable, but nothing that came after it was sent."""
    plane = eventful(crash_at=length)
    plane.crash_at = None
    plane.restart(ADMISSION)
    plane.run(seconds(1))
    held = {ksid for km in plane.kms.values() for ksid in km.hops}
    assert held <= {session.ksid for session in plane.admission._registry.live()}
    plane.run(FOR_GOOD)
    assert not plane.admission._registry.live()
    assert not [node for node, km in plane.kms.items() if km.hops]
    assert all(plane.admission.ledger.reserved(link) == 0 for link in plane.links)


@invariant("A1")
@pytest.mark.parametrize("length", LENGTHS)
def test_the_ledger_after_a_restart_covers_what_key_managers_may_hold(length: int) -> None:
    saved = [record for record in records()[:length] if isinstance(record, AdmissionKept)]
    admission = Admission(setup_of([DIAGONAL]), entropy())
    admission.restore(saved, START)
    newest = {record.ksid: record for record in saved}
    for kept in newest.values():
        for held in kept.routes:
            assert all(admission.ledger.costs(link)[kept.ksid] >= GOLD.rate for link in held.route.links)
    assert all(not kept.routes for kept in newest.values() if kept.state == "terminated")


def sent(effects: list[Effect], kind: type[M]) -> list[tuple[ElementName, M]]:
    sends = [(effect.to, effect.message) for effect in effects if isinstance(effect, Send)]
    return [(to, message) for to, message in sends if isinstance(message, kind)]


def test_a_configured_session_is_configured_again_and_goes_on() -> None:
    plane = Plane()
    plane.register()
    ksid = plane.open(RELAYED)
    plane.restart(ADMISSION)
    plane.run(milliseconds(100))
    session = plane.admission._registry.session(ksid)
    assert session is not None
    assert session.state.value == "active"
    assert plane.holders(ksid) == {"km0", "km2", "km3"}
    assert len(plane.heard(SessionAdmitted)) == 1
    plane.close(RELAYED, ksid)
    plane.run(milliseconds(100))
    assert plane.heard(SessionReleased) == [SessionReleased(ksid, RELAYED.id, "closed")]


def test_what_was_under_way_is_said_again_at_once() -> None:
    plane = Plane()
    plane.register()
    ksid = plane.open(RELAYED)
    configuring = [record for record in plane.saved[ADMISSION] if isinstance(record, AdmissionKept)][-1]
    assert configuring.state == "configuring"
    admission = Admission(setup_of(), entropy())
    effects = admission.restore([configuring], START)
    assert {to for to, _ in sent(effects, ConfigureHop)} == {km_of(NodeId(f"km{n}")) for n in (0, 2, 3)}
    assert {told.link for _, told in sent(effects, LinkReserved)} == {"km0--km2", "km0--km3"}
    assert any(isinstance(effect, StartTimer) for effect in effects)
    plane.stop(km_of(NodeId("km3")))
    plane.close(RELAYED, ksid)
    plane.run(milliseconds(50))
    terminating = plane.saved[ADMISSION][-1]
    effects = Admission(setup_of(), entropy()).restore([terminating], START)
    assert len(sent(effects, DeleteSession)) == 3


def test_a_waiting_end_still_gets_its_peer() -> None:
    plane = Plane()
    plane.register()
    first = plane.request(ADJACENT, 0)
    plane.tell(ADMISSION, first)
    plane.run(milliseconds(10))
    plane.restart(ADMISSION)
    plane.tell(ADMISSION, plane.request(ADJACENT, 1))
    plane.run(milliseconds(50))
    assert plane.holders(plane.kms[first.node].accepted[first.open_id]) == {"km0", "km1"}


def test_an_active_session_is_not_ended_by_the_time_that_admission_was_away() -> None:
    plane = Plane()
    plane.register()
    ksid = plane.open(ADJACENT)
    plane.stop(ADMISSION)
    plane.run(minutes(9))
    plane.restart(ADMISSION)
    plane.run(minutes(9))
    assert plane.holders(ksid) == {"km0", "km1"}
    assert not plane.heard(SessionReleased)


def test_a_link_that_went_dark_meanwhile_is_left() -> None:
    plane = Plane(MESH, setup_of([DIAGONAL]))
    plane.register()
    ksid = plane.open(DIAGONAL)
    plane.stop(ADMISSION)
    plane.status("b--c", LinkStatus.OFF)
    plane.run(seconds(1))
    plane.restart(ADMISSION)
    plane.run(seconds(1))
    assert plane.holders(ksid) == {"a", "d", "c"}


def moved_long_ago() -> tuple[Plane, Ksid]:
    """A session that moved, and whose old route was confirmed as deleted only while it was active again."""
    plane = Plane(MESH, setup_of([DIAGONAL]))
    plane.register()
    ksid = plane.open(DIAGONAL)
    leaver = plane.kms[NodeId("b")]
    plane.stop(km_of(leaver.node))
    plane.status("b--c", LinkStatus.OFF)
    plane.run(seconds(1))
    plane.machines[km_of(leaver.node)] = leaver
    plane.run(minutes(1))
    assert ksid not in leaver.hops
    return plane, ksid


def test_a_session_that_had_moved_goes_on_after_a_restart() -> None:
    plane, ksid = moved_long_ago()
    plane.restart(ADMISSION)
    plane.run(minutes(9))
    assert plane.holders(ksid) == {"a", "d", "c"}
    assert not plane.heard(SessionReleased)


@invariant("A1")
def test_what_was_given_back_is_not_taken_again_after_a_restart() -> None:
    plane, _ = moved_long_ago()
    plane.restart(ADMISSION)
    ledger = plane.admission.ledger
    assert {link for link in plane.links if ledger.reserved(link)} == {"a--d", "d--c"}


def test_quotas_and_tombstones_survive() -> None:
    plane = Plane()
    plane.register()
    ksids = [plane.open(OF_BOB) for _ in range(2)]
    plane.close(OF_BOB, ksids[0])
    plane.run(milliseconds(50))
    plane.restart(ADMISSION)
    assert plane.admission._registry.rate(BOB.id) == 2000
    late = plane.request(OF_BOB, 0, ksids[0])
    plane.tell(ADMISSION, late)
    plane.run(milliseconds(5))
    assert late.open_id in plane.kms[late.node].refused


def test_tombstones_whose_time_is_over_are_not_taken_up() -> None:
    saved = records()
    admission = Admission(setup_of([DIAGONAL]), entropy())
    admission.restore(saved, Instant(FOR_GOOD + minutes(1)))
    over = [record for record in saved if isinstance(record, AdmissionKept) and record.state == "terminated"]
    assert over
    assert all(admission._registry.session(record.ksid) is None for record in over)


def test_reservations_are_told_with_a_higher_sequence_after_a_restart() -> None:
    plane = Plane()
    plane.register()
    plane.open(ADJACENT)
    before = max(told.sequence for told in plane.messages(LinkReserved))
    plane.restart(ADMISSION)
    assert max(told.sequence for told in plane.messages(LinkReserved)) > before
