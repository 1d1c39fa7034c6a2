"""Networks drawn for a hunt: of any size, connected, within what a network file may say, and the seed's alone."""

from __future__ import annotations

import random

import pytest

from keytwin.network import simulate
from keytwin.scenario.hunt_network import FEWEST_NODES, Design, designed, drawn_design, drawn_network
from keytwin.vocabulary.placement import Placement


@pytest.mark.parametrize("nodes", [FEWEST_NODES, 6, 30])
def test_a_network_has_the_nodes_that_were_wanted_and_hangs_together(nodes: int) -> None:
    for seed in range(20):
        network = drawn_network(random.Random(seed), nodes)
        assert len(network.topology.nodes) == nodes
        reached, links = {network.topology.nodes[0].id}, list(network.topology.links)
        for _ in links:
            reached |= {end for link in links if reached & set(link.ends) for end in link.ends}
        assert len(reached) == nodes
        assert 1 <= len(network.apps) <= 4
        simulate(network, seed)


def test_without_a_wish_the_seed_draws_three_to_six() -> None:
    sizes = {len(drawn_network(random.Random(seed)).topology.nodes) for seed in range(60)}
    assert sizes == {3, 4, 5, 6}


def test_equal_seeds_draw_equal_networks() -> None:
    assert drawn_network(random.Random(5)) == drawn_network(random.Random(5))
    assert drawn_network(random.Random(5)) != drawn_network(random.Random(6))


def test_shares_get_a_ring_and_as_many_routes() -> None:
    network = designed(drawn_network(random.Random(1), 5), Design(routes=2))
    assert {sla.routes for sla in network.slas} == {2}
    assert all(len(list(network.topology.links_of(node.id))) >= 2 for node in network.topology.nodes)


def test_control_at_each_node_has_no_quota() -> None:
    network = designed(drawn_network(random.Random(1)), Design(placement=Placement.PER_NODE))
    assert network.control.placement is Placement.PER_NODE
    assert {user.quota for user in network.users} == {None}


def test_most_designs_are_plain_and_small_networks_have_one_way() -> None:
    dice = random.Random(1)
    drawn = [drawn_design(dice, 4) for _ in range(200)]
    assert drawn.count(Design()) > 80
    assert {design.routes for design in drawn} == {1, 2}
    assert {design.placement for design in drawn} == {Placement.CENTRAL, Placement.PER_NODE}
    assert {drawn_design(dice, 3).routes for _ in range(50)} == {1}
