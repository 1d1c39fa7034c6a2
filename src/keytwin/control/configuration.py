"""What admission tells the key managers of a route: each its neighbours, the two ends also the terms. Paper B, 3.2."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from keytwin.vocabulary.identity import Ksid, NodeId, km_of
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.session_messages import (
    ConfigureHop,
    DeleteSession,
    EndConfiguration,
    Lane,
    Neighbour,
    Reason,
    RenewLease,
)
from keytwin.vocabulary.topology import Route

Ends = tuple[EndConfiguration, EndConfiguration]


def configure(common: ConfigureHop, route: Route, ends: Ends, nodes: Iterable[NodeId]) -> list[Effect]:
    """Send `common` to some key managers of the route, each with its own neighbours and no more (invariant R3)."""
    if route.beside:
        ends = (_with_lanes(ends[0], route), _with_lanes(ends[1], route))
    ways = {node: way for way in reversed(route.ways) for node in way.nodes}  # an end counts to the first way
    return [Send(km_of(node), _for_node(common, ways[node], ends, ways[node].nodes.index(node))) for node in nodes]


def renew(ksid: Ksid, epoch: int, nodes: Iterable[NodeId]) -> list[Effect]:
    """Hold the configuration for another lease."""
    return [Send(km_of(node), RenewLease(ksid, epoch)) for node in nodes]


def delete(ksid: Ksid, epoch: int, reason: Reason, nodes: Iterable[NodeId]) -> list[Effect]:
    """Have everything up to `epoch` forgotten."""
    return [Send(km_of(node), DeleteSession(ksid, epoch, reason)) for node in nodes]


def _with_lanes(end: EndConfiguration, route: Route) -> EndConfiguration:
    """Tell an end the first step of each of its ways."""
    node, link = (1, 0) if end.is_first else (-2, -1)
    lanes = (Lane(way.nodes[node], way.links[link], len(way.links)) for way in route.ways)
    return replace(end, lanes=tuple(lanes))


def _for_node(common: ConfigureHop, route: Route, ends: Ends, place: int) -> ConfigureHop:
    last = len(route.links)
    return replace(
        common,
        previous=None if place == 0 else Neighbour(route.nodes[place - 1], route.links[place - 1]),
        next=None if place == last else Neighbour(route.nodes[place + 1], route.links[place]),
        end=ends[0] if place == 0 else ends[1] if place == last else None,
    )
