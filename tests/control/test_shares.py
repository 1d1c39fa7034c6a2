"""Admission and sessions in shares: all ways or none, each node its own hops and no more, every one given back."""

from __future__ import annotations

from msgspec.structs import replace

from keytwin.control.office import joins
from keytwin.vocabulary.blueprint import Sla
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected
from keytwin.vocabulary.identity import ADMISSION, LinkId, NodeId
from keytwin.vocabulary.session_messages import Lane
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import seconds
from tests.control.cases import DIAGONAL, MESH, OVER_D, reserved
from tests.control.plane import BRONZE, GOLD, Plane, route, setup_of
from tests.marks import invariant

A, C = NodeId("a"), NodeId("c")
OVER_B = Route((A, NodeId("b"), C), (LinkId("a--b"), LinkId("b--c")))
BOTH = Route(OVER_B.nodes, OVER_B.links, (OVER_D,))
CAREFUL: Sla = replace(GOLD, routes=2)


def mesh(links: tuple[str, ...] = MESH) -> Plane:
    """Two ways from a to c, and a service level that wants both."""
    plane = Plane(links, replace(setup_of([DIAGONAL]), slas=(CAREFUL, BRONZE)))
    plane.register()
    return plane


def test_a_route_of_several_ways_joins_its_ends_by_each_and_shares_nothing_else() -> None:
    assert joins(BOTH, A, C)
    assert not joins(Route(OVER_B.nodes, OVER_B.links, (OVER_B,)), A, C)
    assert not joins(Route(OVER_B.nodes, OVER_B.links, (route("a", "d"),)), A, C)
    twice = Route((A, C), (LinkId("a--c"),), (Route((A, C), (LinkId("a--c"),)),))
    assert not joins(twice, A, C)
    assert joins(Route((A, C), (LinkId("a--c"),), (Route((A, C), (LinkId("a--c/other"),)),)), A, C)


def test_nodes_links_and_hops_of_a_route_are_those_of_all_its_ways() -> None:
    assert BOTH.all_nodes == ("a", "b", "c", "d")
    assert BOTH.all_links == ("a--b", "b--c", "a--d", "d--c")
    assert (BOTH.hops, BOTH.ways) == (2, (Route(OVER_B.nodes, OVER_B.links, (OVER_D,)), OVER_D))
    assert (OVER_B.all_nodes, OVER_B.all_links, OVER_B.ways) == (OVER_B.nodes, OVER_B.links, (OVER_B,))


@invariant("R3")
def test_the_ends_learn_the_first_step_of_each_way_and_a_transit_node_its_own_hops_only() -> None:
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    first, second = plane.kms[A].hops[ksid], plane.kms[C].hops[ksid]
    assert first.end is not None
    assert second.end is not None
    assert first.end.lanes == (Lane(NodeId("b"), LinkId("a--b"), 2), Lane(NodeId("d"), LinkId("a--d"), 2))
    assert second.end.lanes == (Lane(NodeId("b"), LinkId("b--c"), 2), Lane(NodeId("d"), LinkId("d--c"), 2))
    for node in ("b", "d"):
        transit = plane.kms[NodeId(node)].hops[ksid]
        assert transit.end is None
        assert transit.previous is not None
        assert transit.next is not None
        assert (transit.previous.node, transit.next.node) == ("a", "c")


@invariant("A1")
def test_every_link_of_every_way_is_reserved_and_given_back() -> None:
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    assert set(reserved(plane)) == set(MESH)
    assert len(set(reserved(plane).values())) == 1
    plane.close(DIAGONAL, ksid)
    plane.run(seconds(1))
    assert reserved(plane) == {}


def test_without_a_second_way_nothing_is_admitted_and_the_reason_is_told() -> None:
    plane = mesh(("a--b", "b--c", "c--d"))
    for end in (0, 1):
        plane.tell(ADMISSION, plane.request(DIAGONAL, end))
    plane.run(seconds(30))
    assert not plane.heard(SessionAdmitted)
    (rejected,) = plane.heard(SessionRejected)
    assert "only 1 of 2 routes" in rejected.explanation
    assert reserved(plane) == {}


def test_a_restart_finds_all_ways_again() -> None:
    plane = mesh()
    ksid = plane.open(DIAGONAL)
    before = reserved(plane)
    plane.stop(ADMISSION)
    plane.restart(ADMISSION)
    plane.run(seconds(5))
    assert reserved(plane) == before
    session = plane.admission._registry.session(ksid)
    assert session is not None
    assert session.epochs.route == BOTH
