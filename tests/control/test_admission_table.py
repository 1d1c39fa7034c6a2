"""The states of a session at admission control: paper B, Fig. 2b, with the exits it lacks."""

from __future__ import annotations

from typing import Final

import pytest

from keytwin.control.admission_session import AdmissionSession
from keytwin.control.admission_table import (
    ADMISSION_TABLE,
    AdmissionState,
    RouteBroken,
    SessionEvicted,
    SessionRepeatDue,
    SessionTimedOut,
)
from keytwin.vocabulary.machine import MessageType
from keytwin.vocabulary.reservation_messages import LinksRefused, LinksReserved
from keytwin.vocabulary.session_messages import (
    ConfigureSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    NoRoute,
    RouteFound,
    SessionClosing,
    SessionDeleted,
)
from tests.machines import assert_every_state_has_exits
from tests.marks import clause, invariant

MESSAGES: Final[tuple[MessageType, ...]] = (
    ConfigureSession,
    RouteFound,
    NoRoute,
    LinksReserved,
    LinksRefused,
    HopConfigured,
    HopMissing,
    KeyRequested,
    SessionClosing,
    SessionDeleted,
    RouteBroken,
    SessionEvicted,
    SessionRepeatDue,
    SessionTimedOut,
)
IMPOSSIBLE: Final = {
    # Nothing has been asked of routing, no key manager has been configured, nothing is to be repeated.
    *((AdmissionState.ACCEPTED, message) for message in (RouteFound, NoRoute, RouteBroken, SessionRepeatDue)),
    *((AdmissionState.ACCEPTED, message) for message in (LinksReserved, LinksRefused)),
    *((AdmissionState.ACCEPTED, message) for message in (HopConfigured, HopMissing, KeyRequested, SessionDeleted)),
    *((AdmissionState.ROUTING, message) for message in (HopConfigured, HopMissing, KeyRequested, SessionDeleted)),
    (AdmissionState.ROUTING, RouteBroken),
}


@invariant("S4")
def test_every_state_has_a_time_out_exit_and_an_error_exit() -> None:
    assert_every_state_has_exits(ADMISSION_TABLE, (SessionTimedOut,), (SessionEvicted, NoRoute, SessionTimedOut))


@invariant("S4")
def test_every_state_is_left_by_an_error_unless_a_silent_key_manager_is_the_only_one_left() -> None:
    leaving = {row.source for row in ADMISSION_TABLE.view().transitions if row.message == "SessionEvicted"}
    assert {state.value for state in AdmissionState} - leaving == {"terminating", "terminated"}


def test_every_pair_is_a_transition_ignored_or_impossible() -> None:
    wanted = {(state, message) for state in AdmissionState for message in MESSAGES}
    assert wanted - ADMISSION_TABLE.rows.keys() == IMPOSSIBLE
    assert ADMISSION_TABLE.rows.keys() <= wanted


def test_the_session_has_a_method_for_each_message() -> None:
    handlers = {f"on_{word}" for word in ("configure_session", "route_found", "no_route", "hop_configured")}
    assert handlers <= set(dir(AdmissionSession))


@clause("paper B (Lopez et al. 2025)", "Fig. 2b")
@pytest.mark.parametrize(
    ("source", "message", "target"),
    [
        ("accepted", "ConfigureSession", "routing"),
        ("routing", "RouteFound", "configuring"),
        ("configuring", "HopConfigured", "active"),
        ("active", "KeyRequested", "active"),
        ("active", "SessionClosing", "terminating"),
        ("active", "SessionTimedOut", "terminating"),
        ("terminating", "SessionDeleted", "terminated"),
    ],
)
def test_the_way_of_the_paper_is_in_the_table(source: str, message: str, target: str) -> None:
    assert any(
        (row.source, row.message, row.target) == (source, message, target) for row in ADMISSION_TABLE.view().transitions
    )


def test_it_begins_accepted_and_ends_terminated() -> None:
    view = ADMISSION_TABLE.view()
    assert (view.initial, view.final) == ("accepted", ("terminated",))
