"""The registry of protocols: how a device finds its physics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.channel import Channel
from keytwin.quantum.empirical import Empirical, empirical_link
from keytwin.quantum.link import LinkModel, QkdProtocol
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.vocabulary.device import Device, EmpiricalDevice
from keytwin.vocabulary.errors import Mistake
from tests.quantum.shipped import NAMES, chance, generic, lossy, shipped


@pytest.mark.parametrize("name", NAMES)
def test_every_link_answers_to_the_same_interface(name: str) -> None:
    link = link_model(shipped(name), lossy(4.0))
    block = link.draw_block(chance())
    assert block.duration == link.block_time > 0
    assert block.secret > 0
    assert link.rate().secret > 0
    assert hash(link) == hash(link_model(shipped(name), lossy(4.0))), "immutable, and a value"


def test_the_protocol_chooses_the_physics() -> None:
    assert isinstance(link_model(shipped("generic-decoy-bb84"), lossy(4.0)), Bb84Link)
    assert isinstance(link_model(shipped("empirical-black-box"), lossy(4.0)), Empirical)


def test_a_protocol_can_be_plugged_in() -> None:
    def halved(device: Device, channel: Channel) -> LinkModel:
        model = empirical_link(device, channel)
        return replace(model, block=model.block / 2)

    protocols = {**PROTOCOLS, "half": QkdProtocol("half", EmpiricalDevice, halved)}
    device = replace(shipped("empirical-black-box"), protocol="half")
    assert link_model(device, lossy(4.0), protocols).rate().secret == pytest.approx(25_000)


def test_an_unknown_protocol_is_a_mistake_that_names_the_known_ones() -> None:
    with pytest.raises(Mistake, match=r"protocol 'bb85' is not known; choose one of bb84-no-decoy, .*, decoy-bb84, "):
        link_model(generic(protocol="bb85"), lossy(4.0))


def test_parameters_of_another_protocol_are_a_mistake() -> None:
    with pytest.raises(Mistake, match="not those of protocol 'empirical'"):
        link_model(generic(protocol="empirical"), lossy(4.0))
