"""What a session may be granted: never more than the service level, and more is refused, never lowered (A2)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.control.profiles import NEVER, Denial, Grant, Profiles, batch_of
from keytwin.vocabulary.blueprint import KeyManagementSettings, Relay
from keytwin.vocabulary.identity import AppId, NodeId, UserId, km_of
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.session_messages import ConfigureSession, Qos, Reason
from keytwin.vocabulary.units import Bits, BitsPerSecond, seconds
from tests.control.plane import APPS, BOB, BRONZE, setup_of
from tests.marks import invariant

OF_BOB: Final = APPS[2]
SETTINGS: Final = KeyManagementSettings()


def request(qos: Qos | None = None) -> ConfigureSession:
    own, other = OF_BOB.ends
    return ConfigureSession(
        open_id="1",
        node=own.node,
        reply_to=km_of(own.node),
        user=OF_BOB.user,
        app=OF_BOB.id,
        sae=own.sae,
        peer=other.sae,
        ksid=None,
        qos=qos or Qos(),
    )


def grant(qos: Qos) -> Grant | Denial:
    return Profiles(setup_of()).grant(request(qos))


def refusal(qos: Qos) -> Denial:
    denial = grant(qos)
    assert isinstance(denial, Denial)
    return denial


def test_who_asks_for_nothing_gets_the_whole_service_level() -> None:
    assert grant(Qos()) == Grant(BRONZE.rate, BRONZE.burst, BRONZE.priority, SETTINGS.key_size, SETTINGS.batch)


def test_less_than_the_service_level_is_granted_as_asked() -> None:
    granted = grant(Qos(rate=BitsPerSecond(500), burst=Bits(1024), priority=7, key_size=Bits(128)))
    assert granted == Grant(BitsPerSecond(500), Bits(1024), 7, Bits(128), 39)


@pytest.mark.parametrize(("relay", "tags"), [(Relay.ONE_TIME_PAD, 1), (Relay.XOR_ANNOUNCED, 1), (Relay.XOR_CENTRAL, 2)])
def test_relay_by_the_central_point_is_granted_with_a_second_tag(relay: Relay, tags: int) -> None:
    granted = Profiles(setup_of(key_management=replace(SETTINGS, relay=relay))).grant(request())
    assert isinstance(granted, Grant)
    assert granted.tags == tags


@pytest.mark.parametrize(
    ("qos", "named"),
    [
        (Qos(rate=BitsPerSecond(2_001)), "a rate of 2001 bit/s"),
        (Qos(rate=BitsPerSecond(0)), "a rate of 0 bit/s"),
        (Qos(burst=Bits(16_001)), "a burst of 16001 bit"),
        (Qos(burst=Bits(0)), "a burst of 0 bit"),
        (Qos(priority=2), "priority 2"),
    ],
)
def test_more_than_the_service_level_is_refused_and_the_operator_told_what_it_is(qos: Qos, named: str) -> None:
    denial = refusal(qos)
    assert (denial.reason, denial.retry_after) == (Reason.SLA_EXCEEDED, NEVER)
    assert denial.explanation == (
        f"asked for {named}, service level bronze gives priority 3, 2 kbit/s, bursts of 16 kbit"
    )


@pytest.mark.parametrize("size", [0, -8, 4, 12, 16_008])
def test_a_key_that_fits_no_burst_or_no_octets_is_refused(size: int) -> None:
    assert refusal(Qos(key_size=Bits(size))).reason is Reason.TOO_LARGE


COUNTS: Final = st.none() | st.integers(-(2**40), 2**40)


@invariant("A2")
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_no_grant_exceeds_the_service_level(
    rate: int | None, burst: int | None, priority: int | None, key_size: int | None
) -> None:
    asked = Qos(
        None if rate is None else BitsPerSecond(rate),
        None if burst is None else Bits(burst),
        priority,
        None if key_size is None else Bits(key_size),
    )
    verdict = grant(asked)
    if isinstance(verdict, Grant):
        assert 0 < verdict.rate <= BRONZE.rate
        assert 0 < verdict.key_size <= verdict.burst <= BRONZE.burst
        assert verdict.priority >= BRONZE.priority
        assert verdict.batch >= 1
        asked_and_granted = ((rate, verdict.rate), (burst, verdict.burst), (priority, verdict.priority))
        assert all(wanted in {None, given} for wanted, given in asked_and_granted)


@pytest.mark.parametrize(
    "strange",
    [
        replace(request(), app=AppId("app99")),
        replace(request(), user=UserId("alice")),
        replace(request(), user=UserId("mallory")),
        replace(request(), node=NodeId("km0")),
        replace(request(), peer=request().sae),
        replace(request(), peer=APPS[0].ends[0].sae),
    ],
)
def test_what_access_would_not_have_let_pass_is_refused_again(strange: ConfigureSession) -> None:
    denial = Profiles(setup_of()).objection(strange)
    assert denial is not None
    assert denial.reason is Reason.NOT_ALLOWED


def test_what_access_let_pass_is_not_objected_to() -> None:
    assert Profiles(setup_of()).objection(request()) is None
    assert Profiles(setup_of()).quota(BOB.id) == BOB.quota


@pytest.mark.parametrize(
    ("rate", "settings", "batch"),
    [
        (64_000, SETTINGS, 64),  # a full pool holds 2,500 keys; a message no more than the setting
        (1_000, SETTINGS, 39),
        (1, SETTINGS, 1),
        (64_000, KeyManagementSettings(algorithm="on-demand"), 1),
        (64_000, KeyManagementSettings(pool_depth=seconds(0.004)), 1),
    ],
)
def test_a_relay_message_carries_no_more_keys_than_a_pool_holds(
    rate: int, settings: KeyManagementSettings, batch: int
) -> None:
    assert batch_of(BitsPerSecond(rate), Bits(256), settings) == batch


@pytest.mark.parametrize(
    ("mode", "fallback", "rate", "outlives"),
    [
        (KeyMode.QKD_ONLY, Fallback.NONE, BRONZE.rate, False),
        (KeyMode.QKD_ONLY, Fallback.PQC_ONLY, BRONZE.rate, True),
        (KeyMode.HYBRID_XOR, Fallback.NONE, BRONZE.rate, False),
        (KeyMode.PQC_ONLY, Fallback.NONE, 0, True),
    ],
)
def test_the_mode_decides_what_links_must_give_and_whether_darkness_ends_a_session(
    mode: KeyMode, fallback: Fallback, rate: int, *, outlives: bool
) -> None:
    setup = setup_of()
    level = replace(BRONZE, mode=mode, fallback=fallback)
    slas = tuple(level if sla.id == BRONZE.id else sla for sla in setup.slas)
    granted = Profiles(replace(setup, slas=slas)).grant(request())
    assert isinstance(granted, Grant)
    assert (granted.mode, granted.fallback, granted.link_rate) == (mode, fallback, rate)
    assert granted.outlives_darkness is outlives
