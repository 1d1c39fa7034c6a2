"""From devices with one decoy, none, or single photons to links, and the Mistakes on the way."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from keytwin.quantum.no_decoy import CoherentSource, NoDecoyEstimator, PhotonSource
from keytwin.quantum.one_decoy import OneDecoyEstimator, OneDecoySettings
from keytwin.quantum.protocols import link_model
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Hertz, seconds
from tests.quantum.family import NAMES, SETTINGS, device, link
from tests.quantum.shipped import lossy

NONE, ONE, PHOTON = NAMES


def refusal(name: str, changes: Mapping[str, object], loss: float = 4.0) -> str:
    with pytest.raises(Mistake) as caught:
        link_model(device(name, **changes), lossy(loss))
    return str(caught.value)


def test_a_device_may_fix_its_settings() -> None:
    one = link(ONE, **SETTINGS[ONE]).estimator
    assert isinstance(one, OneDecoyEstimator)
    assert one.settings == OneDecoySettings((0.5, 0.15), signal_share=0.7, key_basis=0.85)
    none = link(NONE, **SETTINGS[NONE]).estimator
    assert isinstance(none, NoDecoyEstimator)
    assert (none.settings.source, none.settings.key_basis) == (CoherentSource(0.003), 0.8)
    photon = link(PHOTON, **SETTINGS[PHOTON]).estimator
    assert isinstance(photon, NoDecoyEstimator)
    assert (photon.settings.source, photon.settings.key_basis) == (PhotonSource(0.5, 0.01), 0.9)


@pytest.mark.parametrize("name", NAMES)
def test_detector_and_channel_make_up_the_optics(name: str) -> None:
    made = link(name, 3.0, clock=Hertz(1e8), block_time=seconds(100))
    assert made.optics.transmittance == pytest.approx(device(name).detection_efficiency * 10**-0.3)
    assert made.optics.dark_count == device(name).dark_count
    assert made.pulses == 10**10
    assert made.optics.dead_gates == pytest.approx(1e8 * device(name).dead_time * 1e-9)


@pytest.mark.parametrize("name", [NONE, ONE])
def test_some_settings_without_the_others_are_a_mistake(name: str) -> None:
    text = refusal(name, {"signal_intensity": 0.4})
    assert "give signal_intensity" in text
    assert "key_basis_share together, or none" in text


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        (ONE, {"decoy_intensity": 0.5}, "decoy_intensity must be above 0 and below signal_intensity"),
        (ONE, {"decoy_intensity": 0.0}, "decoy_intensity must be above 0 and below signal_intensity"),
        (ONE, {"signal_share": 1.0}, "signal_share must be above 0 and leave some for the decoy"),
        (ONE, {"key_basis_share": 1.0}, "the other basis finds the eavesdropper"),
        (NONE, {"signal_intensity": 0.0}, "signal_intensity must be above 0"),
        (NONE, {"key_basis_share": 0.0}, "the other basis finds the eavesdropper"),
        (PHOTON, {"key_basis_share": 1.0}, "the other basis finds the eavesdropper"),
        (PHOTON, {"brightness": 0.0}, "brightness must be above 0"),
    ],
)
def test_settings_that_the_proof_does_not_cover_are_a_mistake(
    name: str, changes: dict[str, object], reason: str
) -> None:
    assert reason in refusal(name, SETTINGS[name] | changes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clock": Hertz(0.0)}, "clock x block_time = 0 pulses"),
        ({"detection_efficiency": 0.0}, "detection_efficiency must be above 0"),
        ({"misalignment": 0.6}, "dark_count and misalignment must not exceed 0.5"),
        ({"reconciliation": 0.9}, "reconciliation below 1 would beat Shannon's limit"),
        ({"secrecy": 0.0}, "secrecy and correctness must be above 0"),
    ],
)
def test_what_no_hardware_can_be_is_a_mistake(name: str, changes: dict[str, object], reason: str) -> None:
    assert refusal(name, changes).startswith(f"device {name}: {reason}")


@pytest.mark.parametrize("name", NAMES)
def test_too_many_errors_are_told(name: str) -> None:
    text = refusal(name, {"misalignment": 0.2})
    assert "of what is detected would be wrong, and above 11.0% there is no key" in text
    assert "not even without any loss: change the device" in text


@pytest.mark.parametrize(("name", "loss"), [(NONE, 10.0), (ONE, 38.0)])
def test_too_small_a_block_names_its_detections(name: str, loss: float) -> None:
    text = refusal(name, {}, loss)
    assert text.startswith(f"device {name} gives no key at {loss:.1f} dB: a block of ")
    assert "detections, too few for what error correction reveals" in text
    reach = float(text.partition("it reaches ")[2].partition(" dB")[0])
    assert loss - 3 < reach < loss
    assert link(name, reach - 0.1).rate().secret > 0


def test_a_source_that_bunches_is_told_of_its_pulses() -> None:
    text = refusal(PHOTON, {}, 26.0)
    assert "0.0013 of the pulses hold more than one photon, and only 0.00063 are detected" in text
    assert "an eavesdropper could know all of these" in text
    assert link(PHOTON, 26.0, bunching=0.0).rate().secret > 0


def test_a_laser_too_bright_is_told_of_its_pulses() -> None:
    text = refusal(NONE, {"signal_intensity": 0.2, "key_basis_share": 0.8})
    assert "0.018 of the pulses hold more than one photon, and only 0.0037 are detected" in text
