"""Blueprint to machines: which elements there are, and what is refused before anything runs."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.network import Plugins, elements, latency_of, model_of, simulate
from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.blueprint import Blueprint, ControlSettings, KeyManagementSettings, RoutingSettings
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.topology import Topology
from keytwin.vocabulary.units import Decibels, microseconds


@pytest.fixture(scope="module")
def star6() -> Blueprint:
    return read_network("star6")


def test_every_element_of_the_model_is_a_machine(star6: Blueprint) -> None:
    simulation = Simulation(1, latency_of(star6))
    names = set(elements(star6, simulation, Plugins()))
    assert {"access", "admission", "routing", "monitoring", "controller"} < names
    assert {f"km/km{index}" for index in range(6)} < names
    assert {f"link/{link.id}" for link in star6.topology.links} < names
    assert {"sae/app23-a", "sae/app23-b"} < names
    assert len(names) == 5 + 6 + 6 + 6


def test_light_takes_its_time_between_neighbours(star6: Blueprint) -> None:
    latency = latency_of(star6)
    km0, km2, km3 = (ElementName(f"km/{name}") for name in ("km0", "km2", "km3"))
    assert latency(km0, km2) == microseconds(100) + 20 * 5_000
    assert latency(km2, km3) == latency(km0, ElementName("admission")) == microseconds(300)
    assert latency(ElementName("sae/x"), km0) == microseconds(20)


@pytest.mark.parametrize(
    ("control", "keys", "said"),
    [
        (RoutingSettings("shortest"), KeyManagementSettings(), "routing metric 'shortest' is not known: choose one of"),
        (RoutingSettings(), KeyManagementSettings("magic"), "key-management algorithm 'magic' is not known"),
    ],
)
def test_unknown_names_are_refused(
    star6: Blueprint, control: RoutingSettings, keys: KeyManagementSettings, said: str
) -> None:
    blueprint = msgspec.structs.replace(star6, control=ControlSettings(control), key_management=keys)
    with pytest.raises(Mistake, match=said):
        simulate(blueprint, 1)


def test_a_link_that_gives_no_key_is_refused_with_the_reason(star6: Blueprint) -> None:
    dark = msgspec.structs.replace(star6.topology.links[0], total_loss=Decibels(60.0))
    topology = Topology(star6.topology.nodes, (dark, *star6.topology.links[1:]))
    with pytest.raises(Mistake, match=r"link km0--km1: .*60"):
        simulate(msgspec.structs.replace(star6, topology=topology), 1)


def test_a_plugin_of_the_caller_comes_first(star6: Blueprint) -> None:
    asked: list[str] = []

    def nosy(link: object) -> float:
        asked.append(str(link))
        return 1.0

    settings = RoutingSettings("nosy")
    blueprint = msgspec.structs.replace(star6, control=ControlSettings(settings))
    simulate(blueprint, 1, Plugins(metrics={"nosy": nosy}))
    with pytest.raises(Mistake, match="choose one of hops, key-aware"):
        simulate(blueprint, 1)


def test_the_registered_rate_carries_the_service_levels(star6: Blueprint) -> None:
    rate = model_of(star6, star6.topology.links[0]).rate().secret
    assert rate > 2 * sum(star6.sla_of(app).rate for app in star6.apps)
