"""From a GG02 device to a link, and the Mistakes on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.quantum.gg02_device import gg02_heterodyne_link, gg02_homodyne_link
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.quantum.traits import Proof
from keytwin.vocabulary.device_continuous import Gg02Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Hertz, seconds
from tests.quantum.shipped import lossy, shipped


def device(**changes: object) -> Gg02Device:
    read = shipped("generic-gg02-homodyne")
    assert isinstance(read, Gg02Device)
    return replace(read, **changes)  # type: ignore[arg-type]  # any field may be changed


def refusal(changed: Gg02Device, loss: float = 4.0) -> str:
    with pytest.raises(Mistake) as caught:
        gg02_homodyne_link(changed, lossy(loss))
    return str(caught.value)


def test_the_shipped_devices_carry_key_across_a_city() -> None:
    for name in ("generic-gg02-homodyne", "generic-gg02-heterodyne"):
        assert link_model(shipped(name), lossy(8.0)).rate().secret > 100_000


def test_detection_is_chosen_by_the_protocol() -> None:
    homodyne, heterodyne = (make(device(), lossy(4.0)) for make in (gg02_homodyne_link, gg02_heterodyne_link))
    assert homodyne.estimator.receiver.quadratures == 1
    assert heterodyne.estimator.receiver.quadratures == 2


def test_the_best_modulation_beats_others() -> None:
    best = gg02_homodyne_link(device(), lossy(6.0))
    for factor in (0.5, 2.0):
        other = device(modulation_variance=best.estimator.modulation * factor)
        assert gg02_homodyne_link(other, lossy(6.0)).rate().secret < best.rate().secret


def test_a_device_may_fix_its_modulation() -> None:
    assert gg02_homodyne_link(device(modulation_variance=7.0), lossy(4.0)).estimator.modulation == 7.0


def test_beyond_the_reach_the_uncertainty_of_the_fit_is_named() -> None:
    text = refusal(device(), loss=25.0)
    assert text.startswith("device generic-gg02-homodyne gives no key at 25.0 dB: 5e+07 disclosed symbols fix")
    assert "it reaches 1" in text
    assert "shorten the link" in text


def test_too_much_noise_names_what_is_shared_and_what_is_known() -> None:
    text = refusal(device(excess_noise=0.5))
    assert "with an excess noise of 0.5 an eavesdropper may know" in text
    assert "leaves the two ends only" in text


def test_longer_blocks_reach_farther() -> None:
    assert "it reaches" in refusal(device(), loss=16.0)
    assert gg02_homodyne_link(device(block_time=seconds(10_000)), lossy(16.0)).rate().secret > 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clock": Hertz(1.0)}, "clock x block_time = 10 symbols"),
        ({"detection_efficiency": 0.0}, "detection_efficiency must be above 0"),
        ({"efficiency_of_reconciliation": 1.0}, "efficiency_of_reconciliation must be above 0 and below 1"),
        ({"estimation_share": 0.0}, "estimation_share must be above 0"),
        ({"secrecy": 0.0}, "secrecy must be above 0"),
        ({"correctness": 1.0}, "correctness must be above 0"),
        ({"modulation_variance": 0.0}, "modulation_variance must be above 0"),
    ],
)
def test_what_no_hardware_can_be_is_a_mistake(changes: dict[str, object], reason: str) -> None:
    assert reason in refusal(device(**changes))


@pytest.mark.parametrize("name", ["gg02-homodyne", "gg02-heterodyne"])
def test_the_proof_covers_collective_attacks_and_no_satellite(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.traits.proof is Proof.COLLECTIVE
    assert protocol.traits.is_repeaterless
    assert "excess noise" in protocol.unfit["satellite"]
