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
    Neighbour,
    Reason,
    RenewLease,
)
from keytwin.vocabulary.topology import Route

Ends = tuple[EndConfiguration, EndConfiguration]


def configure(common: ConfigureHop, route: Route, ends: Ends, nodes: Iterable[NodeId]) -> list[Effect]:
    """Send `common` to some key managers of the route, each with its own neighbours and no more (invariant R3)."""
    return [Send(km_of(node), _for_node(common, route, ends, route.nodes.index(node))) for node in nodes]


def renew(ksid: Ksid, epoch: int, nodes: Iterable[NodeId]) -> list[Effect]:
    """Hold the configuration for another lease."""
    return [Send(km_of(node), RenewLease(ksid, epoch)) for node in nodes]


def delete(ksid: Ksid, epoch: int, reason: Reason, nodes: Iterable[NodeId]) -> list[Effect]:
    """Have everything up to `epoch` forgotten."""
    return [Send(km_of(node), DeleteSession(ksid, epoch, reason)) for node in nodes]


def _for_node(common: ConfigureHop, route: Route, ends: Ends, place: int) -> ConfigureHop:
    last = route.hops
    return replace(
        common,
        previous=None if place == 0 else Neighbour(route.nodes[place - 1], route.links[place - 1]),
        next=None if place == last else Neighbour(route.nodes[place + 1], route.links[place]),
        end=ends[0] if place == 0 else ends[1] if place == last else None,
    )
