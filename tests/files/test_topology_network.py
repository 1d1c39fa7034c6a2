"""Networks made of known topologies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from keytwin.files import topology_network
from keytwin.files.hub import Cable, HubTopology, Site
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source
from keytwin.files.network import check_network, write_network
from keytwin.files.topology_network import MOST_NODES, Wishes, grow
from keytwin.scenario.load import known_with
from keytwin.scenario.run import run_scenario
from keytwin.scenario.timeline import both_at_once
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.topology import MOST_HOPS, QLink
from keytwin.vocabulary.units import BitsPerSecond, Kilometres

Put = Callable[[HubTopology], None]

CHAIN = HubTopology(
    tuple(Site(place, name) for place, name in enumerate(("Älvsbyn", "B", "B", None))),
    (Cable(0, 1, 160.0), Cable(1, 2, 10.0), Cable(1, 2, 90.0), Cable(2, 3, 0.0), Cable(3, 3, 1.0)),
)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Let every name stand for one topology."""

    def stand_in(topology: HubTopology, name: str) -> HubTopology:
        assert name
        return topology

    return lambda topology: monkeypatch.setattr(topology_network, "hub_topology", partial(stand_in, topology))


def known(rate: Callable[[QLink, Device], float]) -> Known:
    return Known(expected_rate=rate)


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("sndlib/germany50", 80.0),
        ("sndlib/polska", 33.3),
        ("topozoo/BtEurope", 60.0),
        ("topozoo/Cesnet201006", 80.0),
        ("caida/2024-08/1136", 80.0),
        ("gabriel/5/0", 20.0),
        ("gabriel/100/3", 80.0),
        ("backbone/africa_nosc", 80.0),
    ],
)
def test_what_is_written_reads_back_without_a_mistake(name: str, span: float) -> None:
    blueprint = grow(name, Wishes(span=Kilometres(span), apps=2)).blueprint
    checked = check_network(Source("t.yaml", write_network(blueprint).encode()))
    assert checked.value == blueprint
    assert checked.warnings == ()
    assert max(link.length for link in blueprint.topology.links) <= span
    assert len(blueprint.apps) == 2


def test_parallel_links_twins_nameless_nodes_and_loops(put: Put) -> None:
    put(CHAIN)
    grown = grow("any/chain", Wishes(apps=2))
    topology = grown.blueprint.topology
    assert [node.id for node in topology.nodes] == ["Alvsbyn", "B", "B_2", "node3", "Alvsbyn-B.1", "B-B_2.1"]
    assert [link.id for link in topology.links] == [
        "Alvsbyn--Alvsbyn-B.1",
        "Alvsbyn-B.1--B",
        "B--B_2",
        "B--B-B_2.1",
        "B-B_2.1--B_2",
        "B_2--node3",
    ]
    assert dict(grown.renamed) == {"'Älvsbyn'": "Alvsbyn", "'B'": "B_2", "the nameless node 3": "node3"}
    assert (grown.nodes, grown.links, grown.left_out) == (4, 4, 1)
    assert [[end.node for end in app.ends] for app in grown.blueprint.apps] == [["Alvsbyn", "node3"], ["B", "B_2"]]
    assert check_network(Source("t.yaml", write_network(grown.blueprint).encode())).value == grown.blueprint


def test_equal_names_that_both_change_are_both_told(put: Put) -> None:
    put(HubTopology((Site(0, "Ä"), Site(1, "Ä")), (Cable(0, 1, 1.0),)))
    assert dict(grow("any", Wishes(apps=1)).renamed) == {"'Ä'": "A", "'Ä' (node 1)": "A_2"}


def test_apps_are_far_apart_but_within_the_longest_route(put: Put) -> None:
    count = 101
    put(
        HubTopology(
            tuple(Site(place, f"n{place:03}") for place in range(count)),
            tuple(Cable(place, place + 1, 150.0) for place in range(count - 1)),  # two spans each
        )
    )
    blueprint = grow("any/line", Wishes(apps=5)).blueprint
    hops = [2 * abs(int(one.node[1:]) - int(other.node[1:])) for one, other in (app.ends for app in blueprint.apps)]
    assert max(hops) == MOST_HOPS
    assert min(hops) > MOST_HOPS / 2


def test_the_service_level_has_room_for_all_apps_on_the_slowest_span(put: Put) -> None:
    put(CHAIN)
    rate = known(lambda link, _: 5_000.0 if link.length > 50 else 1e6)
    (sla,) = grow("any", Wishes(apps=2), rate).blueprint.slas
    # Half of a block for each direction, a tenth never granted, two apps, and as much again to spare.
    assert sla.rate == 500 <= 5_000 * 0.5 * 0.9 / (2 * 2)


@pytest.mark.parametrize(("slowest", "granted"), [(1e9, 10_000), (9.0, 2), (100.0, 20), (0.1, 1)])
def test_service_levels_are_round(slowest: float, granted: int, put: Put) -> None:
    put(CHAIN)
    (sla,) = grow("any", Wishes(apps=1), known(lambda _, __: slowest)).blueprint.slas
    assert sla.rate == BitsPerSecond(granted)


def test_a_small_network_has_as_many_apps_as_it_has_nodes_for() -> None:
    assert [len(grow(f"gabriel/{size}/0", Wishes()).blueprint.apps) for size in (5, 10)] == [2, 3]


def test_without_apps_there_are_no_users_either() -> None:
    blueprint = grow("gabriel/10/0", Wishes(apps=0)).blueprint
    assert (blueprint.apps, blueprint.users, blueprint.slas) == ((), (), ())


def test_a_device_of_ones_own_is_taken_by_its_path(tmp_path: Path) -> None:
    text = Path("src/keytwin/library/devices/empirical-black-box.yaml").read_text(encoding="utf-8")
    (tmp_path / "box.yaml").write_text(text.replace("name: empirical-black-box", "name: box"), encoding="utf-8")
    blueprint = grow("gabriel/5/0", Wishes(device=str(tmp_path / "box.yaml"))).blueprint
    assert {link.device for link in blueprint.topology.links} == {"box"} == set(blueprint.devices)


@pytest.mark.parametrize(
    ("name", "wishes", "told"),
    [
        ("gabriel/5/0", Wishes(span=Kilometres(0.0)), "a span of no length"),
        ("gabriel/5/0", Wishes(medium="satellite"), "lie on the ground"),
        ("gabriel/5/0", Wishes(medium="fiber"), r"unknown medium 'fiber' \(did you mean 'fibre'\?\)"),
        ("gabriel/5/0", Wishes(medium="ether-of-old"), "known: fibre, free-space, satellite"),
        ("gabriel/5/0", Wishes(device="generic-deco-bb84"), "did you mean 'generic-decoy-bb84'"),
        ("gabriel/5/0", Wishes(apps=3), "5 nodes give at most 2 apps with nodes of their own, not 3"),
        ("gabriel/5", Wishes(), "did you mean 'gabriel/5/0'"),
        ("gabriel/100/0", Wishes(span=Kilometres(0.5)), f"nodes: {MOST_NODES} is the most"),
    ],
)
def test_what_cannot_be_wished_is_said(name: str, wishes: Wishes, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        grow(name, wishes, BROUGHT)


def test_a_span_beyond_the_reach_of_the_device_is_told_with_its_reach() -> None:
    with pytest.raises(Mistake, match=r"a span of \d+\.?\d* km gives no key: .*it reaches 20\.\d dB"):
        grow("gabriel/25/0", Wishes(span=Kilometres(150.0)), known_with())


@pytest.mark.slow
def test_germany50_with_trusted_nodes_runs() -> None:
    blueprint = grow("sndlib/germany50", Wishes(apps=3), known_with()).blueprint
    evidence = run_scenario(both_at_once(blueprint, 10), seed=7)
    assert evidence.failures == ()
    assert evidence.equal == evidence.pairs == 30
