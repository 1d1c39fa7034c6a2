"""From a device to a link, and the Mistakes on the way."""

from __future__ import annotations

import pytest

from keytwin.quantum.decoy_bb84 import Settings
from keytwin.quantum.decoy_device import decoy_link
from keytwin.vocabulary.device import DecoyBb84Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Hertz, minutes, seconds
from tests.quantum.shipped import generic, lossy

FIXED: dict[str, float] = {
    "signal_intensity": 0.46,
    "decoy_intensity": 0.23,
    "signal_share": 0.3,
    "decoy_share": 0.5,
    "key_basis_share": 0.82,
}


def refusal(device: DecoyBb84Device, loss: float = 4.0) -> str:
    with pytest.raises(Mistake) as caught:
        decoy_link(device, lossy(loss))
    return str(caught.value)


def test_a_device_may_fix_its_settings() -> None:
    settings = decoy_link(generic(**FIXED), lossy(4.0)).estimator.settings
    assert isinstance(settings, Settings)
    assert settings.intensities == (0.46, 0.23, 2e-4)
    assert settings.shares == pytest.approx((0.3, 0.5, 0.2))
    assert settings.key_basis == 0.82


def test_detector_and_channel_make_up_the_transmittance() -> None:
    link = decoy_link(generic(**FIXED), lossy(10.0))
    assert link.optics.transmittance == pytest.approx(0.045 * 0.1)
    assert link.optics.dead_gates == pytest.approx(2.0)
    assert link.pulses == 10**9


def test_some_settings_without_the_others_are_a_mistake() -> None:
    some = {name: FIXED[name] for name in ("signal_intensity", "decoy_intensity")}
    assert "together, or none" in refusal(generic(**some))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"decoy_intensity": 1e-4}, "decoy_intensity must be above vacuum_intensity"),
        ({"signal_intensity": 0.2}, "signal_intensity must be above decoy_intensity + vacuum_intensity"),
        ({"signal_share": 0.5}, "must leave some for the vacuum"),
        ({"signal_share": 0.0}, "must leave some for the vacuum"),
        ({"key_basis_share": 1.0}, "the other basis finds the eavesdropper"),
    ],
)
def test_settings_that_the_proof_does_not_cover_are_a_mistake(changes: dict[str, float], reason: str) -> None:
    assert reason in refusal(generic(**(FIXED | changes)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clock": Hertz(0.0)}, "clock x block_time = 0 pulses"),
        ({"clock": Hertz(1e18)}, "clock x block_time = 1e+18 pulses"),
        ({"detection_efficiency": 0.0}, "detection_efficiency must be above 0"),
        ({"dark_count": 0.6}, "dark_count and misalignment must not exceed 0.5"),
        ({"reconciliation": 0.9}, "reconciliation below 1 would beat Shannon's limit"),
        ({"secrecy": 0.0}, "secrecy and correctness must be above 0"),
        ({"correctness": 1.0}, "secrecy and correctness must be above 0 and below 1"),
    ],
)
def test_what_no_hardware_can_be_is_a_mistake(changes: dict[str, object], reason: str) -> None:
    assert refusal(generic(**changes)).startswith(f"device generic-decoy-bb84: {reason}")


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = refusal(generic(detection_efficiency=0.0, reconciliation=0.5))
    assert "detection_efficiency" in text
    assert "Shannon" in text


def test_too_much_loss_names_the_noise_and_the_reach() -> None:
    text = refusal(generic(), loss=45.0)
    assert text.startswith(
        "device generic-decoy-bb84 gives no key at 45.0 dB: 32.7% of what is detected would be wrong"
    )
    assert "it reaches 20.0 dB" in text


def test_too_small_a_block_names_its_detections() -> None:
    text = refusal(generic(), loss=22.0)
    assert "a block of 1 s would hold about 170,000 detections, too few" in text
    assert decoy_link(generic(block_time=minutes(10)), lossy(22.0)).rate().secret > 0


def test_the_reach_is_where_key_ends() -> None:
    assert "it reaches 20.0 dB" in refusal(generic(), loss=20.2)
    assert decoy_link(generic(), lossy(19.9)).rate().secret > 0


def test_a_device_that_never_gives_key_is_told_so() -> None:
    assert "not even without any loss" in refusal(generic(misalignment=0.2, block_time=seconds(10)))
