"""From a device with entangled pairs to a link: the draws, and the Mistakes on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.bbm92 import PulsedPairs
from keytwin.quantum.channel import Fibre, plob_bound
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.e91 import chsh_of_winning
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.quantum.satellite import SatellitePass
from keytwin.quantum.traits import Proof, Threat
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_pairs import PulsedPairDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import Coexistence, Satellite
from keytwin.vocabulary.units import DecibelsPerKilometre, Hertz, Kilometres, Watts, in_seconds, minutes, seconds
from tests.marks import invariant
from tests.quantum.shipped import chance, lossy, shipped

PULSED = ("bbm92", "e91")
ALL = (*PULSED, "bbm92-cw", "e91-device-independent")


def device(protocol: str, **changes: object) -> Device:
    return replace(shipped(f"generic-{protocol}"), **changes)  # type: ignore[arg-type]  # any field may be changed


def link(protocol: str, loss: float = 4.0, **changes: object) -> CountedLink:
    made = link_model(device(protocol, **changes), lossy(loss))
    assert isinstance(made, CountedLink)
    return made


def refusal(protocol: str, loss: float = 4.0, **changes: object) -> str:
    with pytest.raises(Mistake) as caught:
        link(protocol, loss, **changes)
    return str(caught.value)


@invariant("V18")
@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("loss", [0.0, 4.0, 12.0, 20.0])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(protocol: str, loss: float) -> None:
    model, generator = link(protocol, loss), chance()
    blocks = [model.draw_block(generator) for _ in range(500)]
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - model.rate().qber) < 4 * error


@invariant("V9")
@given(loss=st.floats(0, 20), protocol=st.sampled_from(PULSED), position=st.floats(0, 1))
def test_v9_blocks_stay_below_plob(loss: float, protocol: str, position: float) -> None:
    model = link(protocol, loss, source_position=position, pair_number=0.1)
    per_pulse = model.rate().secret * in_seconds(model.block_time) / model.pulses
    assert 0 < per_pulse <= plob_bound(10 ** (-loss / 10))


@pytest.mark.parametrize("protocol", ALL)
def test_rate_falls_with_loss_and_never_below_zero(protocol: str) -> None:
    rates = [link(protocol, float(loss)).rate().secret for loss in range(0, 21, 2)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


def test_the_gain_of_a_link_is_that_of_the_paper() -> None:
    model = link("bbm92", 10.0, pair_number=0.1)
    share = 0.145 * 10**-0.5
    pairs = PulsedPairs(share, share, 6.02e-6, 6.02e-6, 0.015)
    assert sum(model.cells) == pytest.approx(float(pairs.gain(0.05)) / 2), "half of the pairs meet in the same basis"
    assert model.rate().qber == pytest.approx(float(pairs.error_rate(0.05)))


def test_settings_of_e91_are_shared_out_as_by_ekert() -> None:
    """Of nine pairs of settings two make key and four test Bell's inequality."""
    model = link("e91", pair_number=0.02)
    right, wrong, won, lost = model.cells
    assert (won + lost) / (right + wrong) == pytest.approx(2.0)
    chsh = chsh_of_winning(won / (won + lost))
    assert chsh == pytest.approx(2 * np.sqrt(2) * (1 - 2 * model.rate().qber))
    assert chsh > 2


@pytest.mark.parametrize("protocol", PULSED)
def test_the_best_brightness_beats_others(protocol: str) -> None:
    best = link(protocol, 12.0).rate().secret
    rates = [link(protocol, 12.0, pair_number=float(mean)).rate().secret for mean in np.geomspace(0.02, 0.12, 9)]
    assert max(rates) <= best * (1 + 1e-3)
    assert min(rates) < best / 1.2


def test_the_best_pair_rate_beats_others() -> None:
    best = link("bbm92-cw", 12.0).rate().secret
    rates = [link("bbm92-cw", 12.0, pair_rate=Hertz(rate)).rate().secret for rate in (1e6, 1e7, 1e8, 5e8)]
    assert max(rates) < best


@pytest.mark.parametrize("protocol", [*PULSED, "bbm92-cw"])
def test_the_ends_are_alike_when_the_source_changes_sides(protocol: str) -> None:
    first, second = (link(protocol, 10.0, source_position=position).rate() for position in (0.2, 0.8))
    assert first.secret == pytest.approx(second.secret)
    assert first.qber == pytest.approx(second.qber)


@pytest.mark.parametrize("protocol", [*PULSED, "bbm92-cw"])
def test_light_of_classical_channels_costs_key(protocol: str) -> None:
    quiet = Fibre(Kilometres(40.0), DecibelsPerKilometre(0.2))
    loud = replace(quiet, setting=Coexistence(copropagating=1, power=Watts(1e-6)))
    assert loud.background > 0
    rates = [link_model(device(protocol), fibre).rate().secret for fibre in (quiet, loud)]
    assert rates[1] < rates[0]


@pytest.mark.parametrize("protocol", [*PULSED, "bbm92-cw"])
def test_no_source_stands_between_ground_and_satellite(protocol: str) -> None:
    above = SatellitePass(Satellite())
    with pytest.raises(Mistake, match="source_position = 50%: between ground and satellite nothing can stand"):
        link_model(device(protocol, source_position=0.5), above)
    assert link_model(device(protocol, source_position=0.0), above).rate().secret > 0


def test_loss_does_not_touch_the_bell_test_of_heralded_pairs() -> None:
    near, far = link("e91-device-independent", 0.0), link("e91-device-independent", 15.0)
    assert near.rate().qber == pytest.approx(far.rate().qber)
    assert near.cells[2] / sum(near.cells[2:]) == pytest.approx(far.cells[2] / sum(far.cells[2:]))
    assert sum(far.cells) == pytest.approx(sum(near.cells) * 10**-1.5)


@pytest.mark.parametrize("protocol", ALL)
def test_too_much_loss_names_reason_and_reach(protocol: str) -> None:
    text = refusal(protocol, 70.0)
    assert text.startswith(f"device generic-{protocol} gives no key at 70.0 dB: ")
    assert "it reaches " in text
    assert "shorten the link" in text


def test_noise_and_small_blocks_are_told_apart() -> None:
    assert "of what is detected would be wrong, and above 11.0% there is no key" in refusal("bbm92", 60.0)
    assert "sifted bits, too few for what error correction reveals" in refusal("bbm92", 25.0, block_time=seconds(0.05))
    assert link("bbm92", 25.0, block_time=minutes(10)).rate().secret > 0


def test_poor_pairs_never_give_key() -> None:
    assert "not even without any loss" in refusal("bbm92", misalignment=0.2)


def test_a_device_without_bell_violation_is_a_mistake() -> None:
    """At 80 % detection efficiency outcomes could have been fixed beforehand, however good the pairs."""
    assert "give CHSH = 1.8" in refusal("e91-device-independent", detection_efficiency=0.8)
    text = refusal("e91-device-independent", detection_efficiency=0.9)
    assert "of what is detected would be wrong, and above 7.1% there is no key" in text


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"block_time": seconds(0)}, "block_time must be above 0"),
        ({"reconciliation": 0.9}, "reconciliation below 1 would beat Shannon's limit"),
        ({"secrecy": 0.0}, "secrecy must be above 0"),
        ({"correctness": 1.0}, "correctness must be above 0"),
    ],
)
def test_what_no_post_processing_can_be_is_a_mistake(protocol: str, changes: dict[str, object], reason: str) -> None:
    assert reason in refusal(protocol, 4.0, **changes)


@pytest.mark.parametrize(
    ("protocol", "changes", "reason"),
    [
        ("bbm92", {"clock": Hertz(0.0)}, "clock x block_time = 0 pulses"),
        ("bbm92", {"detection_efficiency": 0.0}, "detection_efficiency must be above 0"),
        ("bbm92", {"dark_count": 0.6}, "dark_count and misalignment must not exceed 0.5"),
        ("bbm92", {"key_basis_share": 1.0}, "each basis tests the other"),
        ("e91", {"pair_number": 3.0}, "pair_number must be above 0 and at most 2"),
        ("bbm92-cw", {"coincidence_window_ps": 0.0}, "coincidence_window_ps must be above 0"),
        ("bbm92-cw", {"pair_rate": Hertz(1e10)}, "holds 1.5 pairs or dark counts: at most 0.5"),
        ("bbm92-cw", {"misalignment": 0.6}, "misalignment must not exceed 0.5"),
        ("bbm92-cw", {"key_basis_share": 0.0}, "each basis tests the other"),
        ("e91-device-independent", {"herald_efficiency": 0.0}, "herald_efficiency must be above 0"),
        ("e91-device-independent", {"test_share": 1.0}, "without a Bell test nothing is known"),
        ("e91-device-independent", {"attempt_rate": Hertz(1e-9)}, "attempt_rate x block_time"),
    ],
)
def test_what_no_hardware_can_be_is_a_mistake(protocol: str, changes: dict[str, object], reason: str) -> None:
    assert reason in refusal(protocol, 4.0, **changes)


def test_traits_say_how_far_each_proof_goes() -> None:
    proofs = {protocol: PROTOCOLS[protocol].traits.proof for protocol in ALL}
    assert proofs["bbm92"] is proofs["bbm92-cw"] is Proof.FINITE
    assert proofs["e91"] is proofs["e91-device-independent"] is Proof.COLLECTIVE
    assert Threat.BLINDING in PROTOCOLS["e91-device-independent"].traits.threats
    assert Threat.BLINDING not in PROTOCOLS["e91"].traits.threats
    assert isinstance(device("e91"), PulsedPairDevice)
