"""From a device for differential phase shift or coherent one-way to a link, and the Mistakes on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.channel import Fibre
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.quantum.traits import Proof
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import Coexistence
from keytwin.vocabulary.units import DecibelsPerKilometre, Duration, Hertz, Kilometres, Watts, in_seconds
from tests.marks import invariant
from tests.quantum.shipped import chance, lossy, shipped

BOTH = ("dps", "cow")


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
@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("loss", [0.0, 4.0, 15.0, 25.0])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(protocol: str, loss: float) -> None:
    model, generator = link(protocol, loss), chance()
    blocks = [model.draw_block(generator) for _ in range(500)]
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - model.rate().qber) < 4 * error


@pytest.mark.parametrize("protocol", BOTH)
def test_rate_falls_with_loss_and_never_below_zero(protocol: str) -> None:
    rates = [link(protocol, float(loss)).rate().secret for loss in range(0, 28, 3)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


@pytest.mark.parametrize("protocol", BOTH)
def test_the_best_intensity_beats_others(protocol: str) -> None:
    best = link(protocol, 10.0).rate().secret
    rates = [link(protocol, 10.0, intensity=float(mu)).rate().secret for mu in np.geomspace(0.03, 0.4, 9)]
    assert max(rates) <= best * (1 + 1e-3)
    assert min(rates) < best / 1.2


def test_a_bit_of_coherent_one_way_takes_two_pulses() -> None:
    assert link("dps").pulses == 2 * link("cow").pulses == 10**9


@pytest.mark.parametrize("protocol", BOTH)
def test_dead_time_bounds_the_clicks(protocol: str) -> None:
    slow = link(protocol, 0.0, dead_time=Duration(10_000))
    assert slow.pulses * sum(slow.cells) < 1e5
    assert slow.rate().secret < link(protocol, 0.0).rate().secret / 10


@pytest.mark.parametrize("protocol", BOTH)
def test_light_of_classical_channels_costs_key(protocol: str) -> None:
    quiet = Fibre(Kilometres(40.0), DecibelsPerKilometre(0.2))
    loud = replace(quiet, setting=Coexistence(copropagating=1, power=Watts(1e-6)))
    rates = [link_model(device(protocol), fibre).rate().secret for fibre in (quiet, loud)]
    assert rates[1] < rates[0]


@pytest.mark.parametrize("protocol", BOTH)
def test_too_much_loss_names_the_noise_and_the_reach(protocol: str) -> None:
    text = refusal(protocol, 70.0)
    assert text.startswith(
        f"device generic-{protocol} gives no key at 70.0 dB: 50.0% of what is detected would be wrong"
    )
    assert "it reaches " in text


def test_bright_light_leaves_nothing() -> None:
    """A beam splitter knows all of 2 mu = 1, without any error."""
    assert "too few for what error correction reveals and what an eavesdropper may know" in refusal(
        "dps", intensity=0.6
    )


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clock": Hertz(0.0)}, "clock x block_time = 0 pulses"),
        ({"detection_efficiency": 0.0}, "detection_efficiency must be above 0"),
        ({"dark_count": 0.6}, "dark_count and misalignment must not exceed 0.5"),
        ({"reconciliation": 0.9}, "reconciliation below 1 would beat Shannon's limit"),
        ({"correctness": 0.0}, "correctness must be above 0"),
        ({"intensity": 1.5}, "intensity must be above 0 and below 1"),
    ],
)
def test_what_no_hardware_can_be_is_a_mistake(protocol: str, changes: dict[str, object], reason: str) -> None:
    assert reason in refusal(protocol, 4.0, **changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"decoy_share": 0.0}, "decoys show the eavesdropper"),
        ({"monitor_share": 1.0}, "the monitor and the key need light"),
    ],
)
def test_a_monitor_that_sees_nothing_is_a_mistake(changes: dict[str, object], reason: str) -> None:
    assert reason in refusal("cow", 4.0, **changes)


def test_the_legacy_protocol_is_flagged() -> None:
    assert PROTOCOLS["cow"].traits.proof is Proof.NONE
    assert "zero-error attacks" in PROTOCOLS["cow"].traits.sources["proof"]
    assert "no security proof" in device("cow").about
    assert PROTOCOLS["dps"].traits.proof is Proof.INDIVIDUAL
