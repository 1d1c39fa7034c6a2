"""How much key a network sustains whose keys go in shares: every share needs a whole route of its own.

A key of d bit in k shares takes d bit of each link of k routes without a common relay, however the network is loaded:
what limits one of the routes limits the key. The routes are the k that are shortest together, as the network takes
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import MappingProxyType

from keytwin.algorithms.graphs import Edge, Graph, Path
from keytwin.design.throughput import MOST_ANSWERS, USUAL_OVERHEAD, Demand, Overhead, Span, Sustained
from keytwin.vocabulary.identity import LinkId, NodeId

Way = Path[NodeId, LinkId]


def disjoint_ways(
    spans: Sequence[Span], ends: tuple[NodeId, NodeId], relays: frozenset[NodeId], routes: int
) -> tuple[Way, ...]:
    """Return routes without a common relay between two nodes, as short as so many can be, or all there are."""
    return _disjoint_ways(tuple(spans), ends, relays, routes)


@lru_cache(maxsize=MOST_ANSWERS)
def _disjoint_ways(
    spans: tuple[Span, ...], ends: tuple[NodeId, NodeId], relays: frozenset[NodeId], routes: int
) -> tuple[Way, ...]:
    # A link to a node that may not relay leads nowhere for others.
    usable = [span for span in spans if all(node in relays or node in ends for node in span.ends)]
    nodes = {*ends, *(node for span in usable for node in span.ends)}
    graph: Graph[NodeId, LinkId] = Graph(nodes, [Edge(span.id, *span.ends) for span in usable])
    return graph.disjoint_paths(*ends, routes)


def sustained_in_shares(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    routes: int,
    overhead: Overhead = USUAL_OVERHEAD,
) -> Sustained:
    """Return the largest share of all demands that is sustained where each key goes in `routes` shares.

    A demand that has fewer routes is stranded: fewer shares would be a weaker key under the same name.
    """
    lit = [span for span in spans if span.capacity > 0]
    ways = {demand: disjoint_ways(lit, demand.ends, relays, routes) for demand in demands}
    stranded = tuple(demand for demand, found in ways.items() if len(found) < routes)
    if stranded:
        return Sustained(0.0, MappingProxyType(dict.fromkeys((span.id for span in spans), 0.0)), (), stranded)
    asked = dict.fromkeys((span.id for span in spans), 0.0)
    for demand, found in ways.items():
        for link, cost in _costs(found, overhead):
            asked[link] += demand.rate * cost
    shares = {span.id: span.capacity / asked[span.id] for span in spans if asked[span.id]}
    share = min(shares.values())
    load = {span.id: share * asked[span.id] for span in spans}
    return Sustained(share, MappingProxyType(load), tuple(link for link, each in shares.items() if each == share))


def _costs(found: tuple[Way, ...], overhead: Overhead) -> Iterator[tuple[LinkId, float]]:
    for way in found:
        # A neighbour's key is cut as it is; over more hops it takes pad, and its part of a tag.
        cost = overhead.factor if len(way.edges) > 1 else 1.0
        yield from ((link, cost) for link in way.edges)
