"""Why there is no route, in words for an operator: the actual cause, by name."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Final

import pytest

from keytwin.control.metrics import LinkView
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.session_messages import NoRoute
from keytwin.vocabulary.topology_messages import LinkReserved, LinkStatus, NodeState
from keytwin.vocabulary.units import BitsPerSecond
from tests.control.plane import STAR
from tests.control.test_routing import Network, question

ASKED: Final = question("km2", "km3", 64_000)


def star() -> Network:
    network = Network(STAR)
    for link in STAR:
        network.set(link, rate=10**6)
    return network


def test_the_only_link_of_a_node_is_down() -> None:
    network = star()
    network.set("km0--km2", LinkStatus.OFF)
    assert network.explanation(ASKED) == "km2 has no other link: km0--km2 is down"


def test_the_only_link_of_the_far_end_is_down() -> None:
    network = star()
    network.set("km0--km3", LinkStatus.PASSIVE)
    assert network.explanation(ASKED) == "km3 has no other link: km0--km3 is down"


def test_all_links_of_a_node_are_down() -> None:
    network = star()
    for link in ("km0--km4", "km4--km5"):
        network.set(link, LinkStatus.OFF)
    assert network.explanation(question("km4", "km1")) == ("km4 has no link that works: km0--km4 and km4--km5 are down")


def test_no_link_of_a_node_has_room() -> None:
    network = star()
    network.set("km0--km2", rate=2 * 64_000)
    assert network.explanation(ASKED) == (
        "no link of km2 has 64 kbit/s left: km0--km2 makes 64 kbit/s each way, the rest goes to relay and margin"
    )


def test_one_link_is_down_and_the_other_has_no_room() -> None:
    network = star()
    network.set("km0--km4", LinkStatus.OFF)
    network.set("km4--km5", rate=1_000)
    asked = question("km4", "km1", 64_000)
    assert network.explanation(asked) == (
        "no link of km4 has 64 kbit/s left: km4--km5 makes 500 bit/s each way (km0--km4 is down)"
    )


def test_what_admission_excludes_has_no_room() -> None:
    excluded = (LinkId("km0--km2"),)
    assert star().explanation(question("km2", "km3", 1_000, excluded=excluded)) == (
        "no link of km2 has 1 kbit/s left: km0--km2 makes 500 kbit/s each way, the rest goes to relay and margin"
    )


def test_it_says_what_the_link_with_most_room_makes_and_what_of_it_is_reserved() -> None:
    network = star()
    network.set("km0--km4", rate=160_000)
    network.set("km4--km5", rate=100_000)
    for link, reserved in (("km0--km4", 68_900), ("km4--km5", 45_000)):
        network.give(LinkReserved(LinkId(link), 1, BitsPerSecond(reserved), BitsPerSecond(reserved), 3))
    assert network.explanation(question("km4", "km1", 16_000)) == (
        "no link of km4 has 16 kbit/s left: km0--km4 makes 80 kbit/s each way, 68 kbit/s of it reserved"
    )


def test_the_hub_is_not_trusted_and_every_route_passes_it() -> None:
    network = star()
    network.distrust("km0")
    assert network.explanation(ASKED) == "km0 is not trusted and every route passes it"


def test_the_way_around_a_distrusted_node_is_down() -> None:
    network = Network()
    network.distrust("b")
    network.set("c--d", LinkStatus.OFF)
    assert network.explanation() == ("every route from a to c is barred, the least of them because b is not trusted")


def test_an_end_is_not_trusted() -> None:
    network = star()
    network.distrust("km3")
    assert network.explanation(ASKED) == "km3 is not trusted"


def test_a_link_in_the_middle_is_down() -> None:
    network = Network(("a--b", "b--x", "c--x"))
    network.set("b--x", LinkStatus.OFF)
    assert network.explanation() == "every route from a to c is barred, the least of them because b--x is down"


def test_several_things_are_wrong_in_the_middle() -> None:
    network = Network(("a--b", "b--x", "x--y", "c--y"))
    network.set("b--x", LinkStatus.OFF)
    network.set("x--y", rate=10)
    network.distrust("x")
    assert network.explanation() == (
        "every route from a to c is barred, the least of them because "
        "x is not trusted, b--x is down and x--y has no 1 kbit/s left (it makes 5 bit/s each way)"
    )


def test_the_network_is_in_parts() -> None:
    assert Network(("a--b", "c--d")).explanation() == "nothing joins a to c: the network is in parts"


def test_a_node_without_links() -> None:
    network = Network(("a--b",))
    network.nodes[NodeId("c")] = NodeState(NodeId("c"))
    network.tell()
    assert network.explanation() == "c has no link"


def test_a_node_that_is_not_there() -> None:
    assert star().explanation(question("km2", "km9")) == "there is no node km9"


def test_both_ends_at_one_node() -> None:
    assert star().explanation(question("km2", "km2")) == "both ends are at km2: no Q-link joins a node to itself"


def test_the_metric_shuts_out_every_link_of_a_node() -> None:
    network = Network(STAR, lambda view: inf if "km2" in view.ends else 1.0)
    assert network.explanation(question("km2", "km3")) == "the routing metric shuts out every link of km2"


def test_the_metric_shuts_out_a_link_in_the_middle() -> None:
    def without_bx(view: LinkView) -> float:
        return inf if view.link == "b--x" else 1.0

    network = Network(("a--b", "b--x", "c--x"), without_bx)
    assert network.explanation() == (
        "every route from a to c is barred, the least of them because b--x is shut out by the routing metric"
    )


def test_a_long_list_is_cut_short() -> None:
    names = [f"n{number}" for number in range(8)]
    links = tuple(f"{near}--{far}" for near, far in pairwise(names))
    network = Network(links)
    for link in links[1:-1]:
        network.set(link, LinkStatus.OFF)
    assert network.explanation(question("n0", "n7")) == (
        "every route from n0 to n7 is barred, the least of them because "
        "n1--n2 is down, n2--n3 is down, n3--n4 is down, n4--n5 is down and 1 more"
    )


@pytest.mark.parametrize("dark", STAR)
def test_it_names_only_what_is_wrong(dark: str) -> None:
    network = star()
    network.set(dark, LinkStatus.OFF)
    (answer,) = network.answers(ASKED)
    if isinstance(answer, NoRoute):
        assert [link for link in STAR if link in answer.explanation] == [dark]
    else:
        assert dark not in {"km0--km2", "km0--km3"}
