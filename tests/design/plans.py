"""Small plans whose measures are known by hand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from keytwin.design.plan import Plan
from keytwin.design.throughput import Demand
from keytwin.design.variability import Configuration
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId, link_ends
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import Bits, Kilometres

BOX = DeviceId("box")


def plan(  # noqa: PLR0913  # what a plan says, each by its name
    rates: Mapping[str, float],
    demands: Mapping[str, float],
    *,
    relays: str = "",
    owners: Mapping[str, str] = MappingProxyType({}),
    risks: Mapping[str, float] = MappingProxyType({}),
    channels: Mapping[str, tuple[str, ...]] | None = None,
    distances: Mapping[str, float] = MappingProxyType({}),
    store: int = 0,
    routes: int = 1,
) -> Plan:
    """Return a plan of links `a--b` with their rates and pairs `a--b` with what they ask for; relays are letters."""
    links = [LinkId(name) for name in rates]
    nodes = dict.fromkeys(end for link in links for end in link_ends(link))
    pairs = tuple(link_ends(LinkId(pair)) for pair in demands)
    blueprint = Blueprint("test", Topology(tuple(map(Node, nodes)), tuple(QLink(link, BOX) for link in links)))
    return Plan(
        configuration=Configuration("qkd", ()),
        blueprint=blueprint,
        rates={LinkId(name): rate for name, rate in rates.items()},
        demands=tuple(Demand(pair, rate) for pair, rate in zip(pairs, demands.values(), strict=True) if rate),
        pairs=pairs,
        relays=frozenset(map(NodeId, relays)),
        owners={NodeId(name): owner for name, owner in owners.items()},
        risks={NodeId(name): risk for name, risk in risks.items()},
        channels={
            name: tuple(map(LinkId, group)) for name, group in (channels or {name: (name,) for name in rates}).items()
        },
        distances={link_ends(LinkId(pair)): Kilometres(length) for pair, length in distances.items()},
        store=Bits(store),
        routes=routes,
    )
