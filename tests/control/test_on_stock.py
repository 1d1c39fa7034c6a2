"""Sessions on stock at admission: who may stay, what ends it, what a restart keeps, and that nobody new comes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keytwin.control.capacity import TAG_KEY
from keytwin.vocabulary.events import SessionAdmitted, SessionOnStock, SessionRejected
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, Ksid, LinkId, NodeId
from keytwin.vocabulary.key import DEFAULT_KEY_SIZE, Fallback, KeyMode
from keytwin.vocabulary.link_messages import LinkPerformance
from keytwin.vocabulary.operator_messages import SetNodeTrust
from keytwin.vocabulary.session_messages import ConfigureHop, FindRoute
from keytwin.vocabulary.topology_messages import LinkStatus, RaiseAlarm
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, kilobits, minutes, seconds
from tests.control.cases import RELAYED, reserved, state_of
from tests.control.plane import BRONZE, GOLD, Plane, setup_of
from tests.marks import invariant

DARK = LinkId("km0--km2")
PLENTY = kilobits(1_000)
LONG = Duration(minutes(5))


def plane_on(on_stock: Duration = LONG, **more: object) -> tuple[Plane, Ksid]:
    """Return the star, whose sessions may live on stock for so long, with a session over a link to a leaf."""
    patient = replace(GOLD, on_stock=on_stock, **more)
    plane = Plane(setup=replace(setup_of(), slas=(patient, BRONZE)))
    plane.register()
    stock(plane, PLENTY)
    ksid = plane.open(RELAYED)
    assert state_of(plane, ksid) == "active"
    plane.run(seconds(6))  # routing says at once now that there is none
    return plane, ksid


def stock(plane: Plane, amount: Bits, link: LinkId = DARK) -> None:
    """Let monitoring tell what the ends of a link hold."""
    at = plane.now
    plane.tell(ADMISSION, LinkPerformance(link, at, BitsPerSecond(100_000), 0.02, (PLENTY, amount), None, 0.0))
    plane.run(seconds(0.1))


def cut(plane: Plane) -> None:
    plane.status(DARK, LinkStatus.OFF)
    plane.run(seconds(3))


def why(plane: Plane) -> str:
    return plane.heard(SessionRejected)[-1].explanation


@invariant("S6")
def test_a_session_without_another_way_stays_configured_and_reserved_while_the_link_is_dark() -> None:
    plane, ksid = plane_on()
    held, holders = reserved(plane), plane.holders(ksid)
    cut(plane)
    plane.run(minutes(2))
    assert state_of(plane, ksid) == "re-routing"
    assert (reserved(plane), plane.holders(ksid)) == (held, holders)
    assert [(told.links, told.longest) for told in plane.heard(SessionOnStock)] == [((DARK,), LONG)]
    assert not plane.heard(SessionRejected)


def test_it_goes_on_as_before_when_the_light_is_back() -> None:
    plane, ksid = plane_on()
    cut(plane)
    plane.status(DARK, LinkStatus.ACTIVE)
    plane.run(seconds(5))
    assert state_of(plane, ksid) == "active"
    assert [told.epoch for told in plane.heard(SessionAdmitted)] == [1, 2]


def test_each_darkness_has_a_time_of_its_own() -> None:
    plane, ksid = plane_on(Duration(seconds(30)))
    for _ in range(3):
        cut(plane)
        plane.run(seconds(20))
        plane.status(DARK, LinkStatus.ACTIVE)
        plane.run(seconds(5))
    assert state_of(plane, ksid) == "active"
    assert len(plane.heard(SessionOnStock)) == 3


def test_no_question_to_routing_has_the_name_of_an_older_one() -> None:
    plane, _ = plane_on()
    cut(plane)
    plane.run(minutes(1))
    names = [question.request_id for question in plane.messages(FindRoute)]
    assert len(names) == len(set(names)) > 30


@invariant("S6")
@pytest.mark.parametrize("on_stock", [0, 1])
def test_a_service_level_that_does_not_allow_it_ends_the_session_at_once(on_stock: int) -> None:
    plane, ksid = plane_on(Duration(on_stock))
    cut(plane)
    plane.run(seconds(1))
    assert state_of(plane, ksid) == "terminated"
    assert "km2 has no other link" in why(plane)
    assert reserved(plane) == {}


def test_it_ends_when_the_time_of_the_service_level_is_over() -> None:
    plane, ksid = plane_on()
    cut(plane)
    plane.run(LONG)
    assert state_of(plane, ksid) == "terminated"
    assert "as long as its service level says" in why(plane)


def test_it_ends_when_an_end_has_no_key_for_another_message_and_the_pool_has_had_its_time() -> None:
    plane, ksid = plane_on()
    cut(plane)
    stock(plane, Bits(TAG_KEY + DEFAULT_KEY_SIZE))
    plane.run(seconds(8))
    assert state_of(plane, ksid) == "re-routing"  # what lies ready at its ends is still its own
    plane.run(seconds(5))
    assert state_of(plane, ksid) == "terminated"
    assert f"the stock of {DARK} is used up" in why(plane)


def test_key_of_a_link_under_alarm_is_not_relied_on() -> None:
    plane, ksid = plane_on()
    cut(plane)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18, "qber", is_on=True))
    plane.run(seconds(3))
    assert state_of(plane, ksid) == "terminated"
    assert f"what is in stock of {DARK} can't be relied on" in why(plane)


def test_a_relay_that_is_not_trusted_any_more_ends_it() -> None:
    plane, ksid = plane_on()
    cut(plane)
    plane.tell(CONTROLLER, SetNodeTrust(NodeId("km0"), trusted=False))
    plane.run(seconds(3))
    assert state_of(plane, ksid) == "terminated"


def test_nobody_new_is_let_onto_a_dark_link() -> None:
    plane, ksid = plane_on()
    cut(plane)
    other = plane.open(RELAYED)
    plane.run(seconds(3))
    assert state_of(plane, ksid) == "re-routing"
    assert other not in {told.ksid for told in plane.heard(SessionAdmitted)}
    assert "km2 has no other link" in why(plane)


def test_a_restart_of_admission_gives_it_no_more_time() -> None:
    plane, ksid = plane_on()
    cut(plane)
    plane.run(minutes(2))
    plane.restart(ADMISSION)
    plane.run(minutes(1))
    assert state_of(plane, ksid) == "re-routing"
    plane.run(minutes(2))
    assert state_of(plane, ksid) == "terminated"
    assert "as long as its service level says" in why(plane)


# --- without quantum key ----------------------------------------------------------------------------------------------

MAY_FALL_BACK: dict[str, object] = {"mode": KeyMode.HYBRID_CATKDF, "fallback": Fallback.PQC_ONLY}
WITHOUT: dict[str, object] = {"mode": KeyMode.PQC_ONLY}


@pytest.mark.parametrize("more", [MAY_FALL_BACK, {"fallback": Fallback.PQC_ONLY}])
def test_a_session_that_may_do_without_quantum_key_stays_on_its_dark_way_for_good(more: dict[str, object]) -> None:
    plane, ksid = plane_on(Duration(0), **more)
    cut(plane)
    stock(plane, Bits(0))
    plane.run(minutes(9))
    assert state_of(plane, ksid) == "re-routing"
    assert len(plane.heard(SessionOnStock)) == 1
    plane.status(DARK, LinkStatus.ACTIVE)
    plane.run(seconds(5))
    assert state_of(plane, ksid) == "active"


def test_what_it_may_turn_to_is_told_with_its_staying() -> None:
    plane, _ = plane_on(LONG, **MAY_FALL_BACK)
    cut(plane)
    (told,) = plane.heard(SessionOnStock)
    assert (told.longest, told.fallback) == (LONG, "pqc-only")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_session_that_may_fall_back_is_barred_from_key_in_doubt_and_stays(*, restarts: bool) -> None:
    plane, ksid = plane_on(LONG, **MAY_FALL_BACK)
    cut(plane)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18, "qber", is_on=True))
    plane.run(seconds(5))
    if restarts:
        plane.restart(ADMISSION)
    plane.run(minutes(8))
    assert state_of(plane, ksid) == "re-routing"
    ends = [(hop.epoch, hop.end.is_barred) for hop in plane.messages(ConfigureHop) if hop.end]
    assert set(ends) == {(1, False), (2, True)}
    assert not plane.heard(SessionRejected)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18 + 1, "qber", is_on=False))
    plane.status(DARK, LinkStatus.ACTIVE)
    plane.run(seconds(10))
    assert state_of(plane, ksid) == "active"
    (*_, (epoch, is_barred)) = [(hop.epoch, hop.end.is_barred) for hop in plane.messages(ConfigureHop) if hop.end]
    assert (epoch, is_barred) == (3, False)


@invariant("S6")
def test_in_the_first_light_it_waits_until_its_link_makes_enough_again() -> None:
    plane, ksid = plane_on(LONG, **MAY_FALL_BACK)
    cut(plane)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18, "qber", is_on=True))
    plane.measure(DARK, 10)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18 + 1, "qber", is_on=False))
    plane.status(DARK, LinkStatus.ACTIVE)
    plane.run(minutes(2))
    assert state_of(plane, ksid) == "re-routing"
    assert not plane.heard(SessionRejected)
    plane.measure(DARK, 100_000)
    plane.run(seconds(10))
    assert state_of(plane, ksid) == "active"


@invariant("S1")
def test_what_it_reserved_is_given_back_and_reserved_again() -> None:
    plane, _ = plane_on(LONG, **MAY_FALL_BACK)
    before = reserved(plane)
    cut(plane)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18, "qber", is_on=True))
    plane.run(minutes(1))
    assert reserved(plane) == {}
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18 + 1, "qber", is_on=False))
    plane.status(DARK, LinkStatus.ACTIVE)
    plane.run(seconds(10))
    assert reserved(plane) == before


def test_a_session_that_takes_no_quantum_key_minds_neither_darkness_nor_alarm_of_a_link() -> None:
    plane, ksid = plane_on(Duration(0), **WITHOUT)
    cut(plane)
    plane.tell(CONTROLLER, RaiseAlarm(DARK, 10**18, "qber", is_on=True))
    plane.run(minutes(9))
    assert state_of(plane, ksid) == "active"
    assert not plane.heard(SessionOnStock)


@invariant("A1")
def test_a_session_that_takes_no_quantum_key_reserves_none() -> None:
    plane, ksid = plane_on(Duration(0), **WITHOUT)
    assert state_of(plane, ksid) == "active"
    assert reserved(plane) == {}


@pytest.mark.parametrize("more", [MAY_FALL_BACK, WITHOUT])
def test_the_mode_stands_in_what_is_admitted_and_what_the_two_ends_are_told(more: dict[str, object]) -> None:
    plane, _ = plane_on(LONG, **more)
    (admitted,) = plane.heard(SessionAdmitted)
    assert admitted.mode == more["mode"]
    ends = [hop.end for hop in plane.messages(ConfigureHop) if hop.end]
    assert {(end.mode, end.fallback) for end in ends} == {(more["mode"], more.get("fallback", Fallback.NONE))}
