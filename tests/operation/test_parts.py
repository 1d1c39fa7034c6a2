"""Every element of a network is in one part, and each SAE beside its key manager."""

from __future__ import annotations

import pytest

from keytwin.network import Plugins, elements, simulate, standing
from keytwin.operation.parts import parts_of, whole
from keytwin.scenario.load import load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import ElementName, NodeId


@pytest.mark.parametrize("name", ["star6"])
def test_each_element_has_exactly_one_home(name: str) -> None:
    network = load(name)
    assert isinstance(network, Blueprint)
    parts, everything = parts_of(network), whole(network)
    names = elements(network, simulate(network, 1), Plugins(), customers=standing)
    homes = {each: [part.name for part in parts.values() if part.hosts(each)] for each in names}
    assert all(len(home) == 1 for home in homes.values()), homes
    assert all(map(everything.hosts, names))
    assert homes[ElementName("sae/app23-a")] == homes[ElementName("km/km2")] == ["km/km2"]
    assert homes[ElementName("link/km0--km1")] == homes[ElementName("admission")] == ["control"]


def test_a_part_of_one_key_manager_has_its_node_and_control_has_none() -> None:
    network = load("star6")
    assert isinstance(network, Blueprint)
    parts = parts_of(network)
    assert list(parts) == ["control", *(f"km/km{index}" for index in range(6))]
    assert parts["control"].node is None
    assert parts["km/km3"].node == NodeId("km3")
    assert not parts["km/km3"].hosts(ElementName("sae/nobody"))
