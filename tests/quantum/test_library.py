"""The shipped devices: every number has a source, and the devices do what the examples need of them."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields

import pytest

from keytwin.quantum.channel import Fibre
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import QUANTITIES, DecibelsPerKilometre, Kilometres, in_seconds, minutes, seconds
from tests.quantum.shipped import NAMES, chance, content, lossy, shipped

TWENTY_KILOMETRES = Fibre(Kilometres(20.0), DecibelsPerKilometre(0.2))
MOST_BITS_OF_A_BLOCK = 40_000_000  # what a simulated network may have to move at once


def parameters(kind: type[Device]) -> list[Field[object]]:
    return [field for field in fields(kind) if "quantity" in field.metadata]


@pytest.mark.parametrize("name", NAMES)
def test_a_device_file_is_named_like_the_device_and_says_what_it_is(name: str) -> None:
    file = content(name)
    assert list(file) == ["format", "name", "about", "protocol", "parameters"]
    assert file["format"] == "1"
    assert file["name"] == name
    assert len(file["about"]) > 40


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_source(name: str) -> None:
    for entry in content(name)["parameters"].values():
        assert list(entry) == ["value", "source"]
        assert len(entry["source"]) > 20
    device = shipped(name)
    assert set(device.sources) == set(content(name)["parameters"])


@pytest.mark.parametrize("name", NAMES)
def test_no_parameter_is_missing_and_none_is_unknown(name: str) -> None:
    known = parameters(PROTOCOLS[content(name)["protocol"]].device)
    given = set(content(name)["parameters"])
    assert given <= {field.name for field in known}
    assert {field.name for field in known if field.default is MISSING} <= given


@pytest.mark.parametrize("kind", [protocol.device for protocol in PROTOCOLS.values()])
def test_every_parameter_of_a_device_can_be_parsed(kind: type[Device]) -> None:
    assert parameters(kind)
    assert {field.metadata["quantity"] for field in parameters(kind)} <= set(QUANTITIES)


@pytest.mark.parametrize(
    ("name", "first_block", "rate"),
    [
        ("generic-decoy-bb84", seconds(1), (500_000, 2_000_000)),
        ("slow-start-decoy-bb84", minutes(1), (300_000, 600_000)),
        ("empirical-black-box", seconds(10), (50_000, 50_000)),
        ("generic-one-decoy-bb84", seconds(1), (2_000_000, 4_000_000)),
        ("generic-no-decoy-bb84", seconds(10), (20_000, 60_000)),
        ("generic-single-photon-bb84", seconds(1), (2_000_000, 6_000_000)),
        ("high-rate-decoy-bb84", seconds(1), (6_000_000, 8_000_000)),
        ("generic-sarg04", seconds(10), (1_000, 1_001)),
    ],
)
def test_first_block_and_rate_over_twenty_kilometres(name: str, first_block: int, rate: tuple[int, int]) -> None:
    link = link_model(shipped(name), TWENTY_KILOMETRES)
    assert link.block_time == first_block
    assert rate[0] <= link.rate().secret <= rate[1]
    assert link.rate().secret * in_seconds(link.block_time) <= MOST_BITS_OF_A_BLOCK
    assert link.draw_block(chance()).secret > 0


@pytest.mark.parametrize("decibels", [2.0, 5.0, 9.2, 14.0])
def test_the_fast_device_follows_the_calibration_of_the_czech_national_network(decibels: float) -> None:
    by_hand = 17.094e6 * 10 ** (-decibels / 10)
    assert 0.5 < link_model(shipped("high-rate-decoy-bb84"), lossy(decibels)).rate().secret / by_hand < 2.0


@pytest.mark.parametrize("decibels", [2.0, 12.8, 17.6, 26.0])
def test_long_blocks_follow_it_further(decibels: float) -> None:
    by_hand = 17.094e6 * 10 ** (-decibels / 10)
    assert 0.5 < link_model(shipped("high-rate-long-block-decoy-bb84"), lossy(decibels)).rate().secret / by_hand < 2.0


def test_the_fast_devices_differ_by_their_blocks_alone() -> None:
    short, long = (
        content("high-rate-decoy-bb84")["parameters"],
        content("high-rate-long-block-decoy-bb84")["parameters"],
    )
    assert {key for key in short if short[key] != long[key]} == {"block_time"}


def test_a_chain_of_repeaters_bridges_what_nothing_else_does() -> None:
    far = Fibre(Kilometres(900.0), DecibelsPerKilometre(0.17))
    assert 10 < link_model(shipped("wide-area-repeater"), far).rate().secret < 30
    for name in ("two-segment-repeater", "generic-twin-field-pm", "high-rate-long-block-decoy-bb84"):
        with pytest.raises(Mistake, match="no key at 153"):
            link_model(shipped(name), far)
