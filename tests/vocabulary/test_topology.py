"""Topology, routes and the evidence's books."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.errors import FileMistake, Finding
from keytwin.vocabulary.evidence import KeyAccount, LinkAccount
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId
from keytwin.vocabulary.topology import Node, QLink, Topology, other_end, route_along

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
AB, AB2, BC = LinkId("a--b"), LinkId("a--b/second"), LinkId("b--c")


def topology() -> Topology:
    links = tuple(QLink(link, DeviceId("box")) for link in (AB, AB2, BC))
    return Topology((Node(A), Node(B), Node(C)), links)


def test_links_are_found_by_name_and_by_node() -> None:
    assert topology().link(AB2).ends == (A, B)
    assert [link.id for link in topology().links_of(B)] == [AB, AB2, BC]
    with pytest.raises(KeyError):
        topology().link(LinkId("a--c"))


def test_a_route_names_its_nodes() -> None:
    route = route_along(C, (BC, AB2))
    assert route.nodes == (C, B, A)
    assert route.hops == 2
    assert other_end(AB, B) == A


def test_books_close_when_everything_is_somewhere() -> None:
    link = LinkAccount(
        A, AB, A, ingested=100, delivered=10, pad=20, tag=5, wasted=3, stored=50, expired=2, discarded=10
    )
    assert link.balance == 0
    assert LinkAccount(A, AB, A, ingested=1).balance == 1
    keys = KeyAccount(A, made=7, taken=5, delivered=4, voided=2, expired=3, released=1, stored=2)
    assert keys.balance == 0


def test_findings_name_place_and_mend() -> None:
    finding = Finding("unknown key 'x'", "net.yaml", 3, 7, suggestion="did you mean 'y'?")
    assert str(finding) == "net.yaml:3:7: unknown key 'x' (did you mean 'y'?)"
    assert str(FileMistake((finding, Finding("empty", "net.yaml")))).splitlines()[1] == "net.yaml: empty"
