"""What links over a relay share: arms, background, and what no hardware can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.quantum.channel import Fibre
from keytwin.quantum.mdi_device import mdi_link
from keytwin.quantum.protocols import link_model
from keytwin.quantum.relay_link import arms, check_relay, dark_count, promised, pulse_pairs
from keytwin.vocabulary.device_relay import MdiDevice, RelayDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import Coexistence
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Hertz, Kilometres
from tests.quantum.shipped import lossy, shipped

RELAYS = ("generic-mdi", "generic-twin-field-pm", "generic-twin-field-cal")


def relay(name: str = "generic-mdi", /, **changes: object) -> RelayDevice:
    device = shipped(name)
    assert isinstance(device, RelayDevice)
    return replace(device, **changes)  # type: ignore[arg-type]  # any field may be changed


def test_the_relay_divides_the_decibels() -> None:
    middle = arms(relay(detection_efficiency=0.5), Decibels(20.0))
    assert middle == pytest.approx((0.05, 0.05))
    assert arms(relay(detection_efficiency=0.5, relay_position=0.25), Decibels(20.0)) == pytest.approx(
        (0.5 * 10**-0.5, 0.5 * 10**-1.5)
    )


@pytest.mark.slow
def test_light_of_others_adds_to_the_dark_counts() -> None:
    dark = Fibre(Kilometres(50.0), DecibelsPerKilometre(0.2))
    busy = replace(dark, setting=Coexistence(copropagating=10))
    assert dark_count(relay(), dark) == relay().dark_count
    assert dark_count(relay(), busy) > 10 * relay().dark_count
    assert mdi_link(relay(), lossy(10.0)).rate().secret > 0
    with pytest.raises(Mistake, match="gives no key"):
        mdi_link(relay(), replace(busy, setting=Coexistence(copropagating=10_000)))


def test_block_and_promises_come_from_the_device() -> None:
    assert pulse_pairs(relay()) == 75_000_000_000
    assert (promised(relay()).secrecy, promised(relay()).correctness) == (1e-10, 1e-15)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clock": Hertz(0.0)}, "clock x block_time = 0 pulses"),
        ({"clock": Hertz(1e18)}, "clock x block_time = 6e\\+19 pulses"),
        ({"detection_efficiency": 0.0}, "detection_efficiency must be above 0"),
        ({"misalignment": 0.5}, "dark_count and misalignment must be below 0.5"),
        ({"reconciliation": 0.9}, "reconciliation below 1 would beat Shannon's limit"),
        ({"secrecy": 0.0}, "secrecy and correctness must be above 0"),
    ],
)
def test_what_no_hardware_can_be_is_a_mistake(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(Mistake, match=f"device generic-mdi: {reason}"):
        check_relay(relay(**changes))


@pytest.mark.slow
@pytest.mark.parametrize("name", RELAYS)
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_the_longest_link_gives_a_reason_too(name: str, position: float) -> None:
    with pytest.raises(Mistake, match=r"gives no key at 8000\.0 dB: .* it reaches"):
        link_model(relay(name, relay_position=position), lossy(8000.0))


@pytest.mark.parametrize("name", RELAYS)
def test_no_relay_over_a_satellite(name: str) -> None:
    sky = replace(lossy(10.0), medium="satellite")
    with pytest.raises(Mistake, match=r"cannot use 'satellite': pulses of both ends would have to meet on board"):
        link_model(relay(name), sky)


def test_twin_fields_lose_their_phase_in_air_and_a_bell_measurement_does_not() -> None:
    air = replace(lossy(10.0), medium="free-space")
    with pytest.raises(Mistake, match="air turns the phase"):
        link_model(relay("generic-twin-field-cal"), air)
    assert isinstance(relay(), MdiDevice)
    assert link_model(relay(), air).rate().secret > 0
