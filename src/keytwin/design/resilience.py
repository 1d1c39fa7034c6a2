"""What a network still does when something of it fails or cannot be trusted: worst cases, exactly.

Failures are sets: so many links, nodes, or groups of links that fail together, such as all that share a medium. Every
set of a size is tried, or a bound says beforehand that none can matter; nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, prod
from typing import Final, TypeAlias, TypeVar

from keytwin.algorithms.graphs import Edge, Graph
from keytwin.design.shares import sustained_in_shares
from keytwin.design.throughput import MOST_ANSWERS, USUAL_OVERHEAD, Demand, Overhead, Span, Sustained, sustained
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LinkId, NodeId

MOST_SETS: Final = 20_000  # linear programmes for one answer: about a minute of a network of tens of nodes


@dataclass(frozen=True, slots=True)
class Worst:
    """The failure that hurts most, and what is left then."""

    failed: tuple[str, ...]
    """Links, nodes or groups; none when nothing was to fail."""
    left: Sustained


def served(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    overhead: Overhead = USUAL_OVERHEAD,
) -> Sustained:
    """Return what is sustained, whether keys go whole or in shares."""
    if overhead.routes > 1:
        return sustained_in_shares(spans, demands, relays, overhead.routes, overhead)
    return sustained(spans, demands, relays, overhead)


def worst_link_failure(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    count: int = 1,
    overhead: Overhead = USUAL_OVERHEAD,
) -> Worst:
    """Return what is sustained when the worst `count` links are dark."""
    # A link alone is a group of one: cuts and attacks are the same question.
    groups = {str(span.id): (span.id,) for span in spans}
    return worst_group_failure(spans, demands, relays, groups, count, overhead)


def worst_group_failure(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    groups: Mapping[str, Collection[LinkId]],
    count: int = 1,
    overhead: Overhead = USUAL_OVERHEAD,
) -> Worst:
    """Return what is sustained when the worst `count` groups of links are dark, such as the links of one medium."""
    members = tuple((name, tuple(links)) for name, links in groups.items())
    return _worst_groups((tuple(spans), tuple(demands), relays, overhead), members, count)


def worst_node_failure(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    count: int = 1,
    overhead: Overhead = USUAL_OVERHEAD,
) -> Worst:
    """Return what is sustained when the worst `count` relays are down; the ends of demands are spared.

    A demand cannot outlive its own ends, whatever the network.
    """
    return _worst_nodes((tuple(spans), tuple(demands), relays, overhead), count)


_Network: TypeAlias = tuple[tuple[Span, ...], tuple[Demand, ...], frozenset[NodeId], Overhead]
"""Links, demands, relays, and what relaying costs: all that an answer hangs on, so equal ones are worked out once."""


@lru_cache(maxsize=MOST_ANSWERS)
def _worst_groups(network: _Network, groups: tuple[tuple[str, tuple[LinkId, ...]], ...], count: int) -> Worst:
    spans, demands, relays, overhead = network
    members = dict(groups)

    def left(failed: tuple[str, ...]) -> Sustained:
        dark = {link for name in failed for link in members[name]}
        # The link stays in the programme with no capacity: the topology is the same, so what is cached serves.
        standing = [span._replace(capacity=0.0) if span.id in dark else span for span in spans]
        return served(standing, demands, relays, overhead)

    return _worst([Worst(failed, left(failed)) for failed in _sets(tuple(members), count)])


@lru_cache(maxsize=MOST_ANSWERS)
def _worst_nodes(network: _Network, count: int) -> Worst:
    spans, demands, relays, overhead = network
    ends = {node for demand in demands for node in demand.ends}

    def left(failed: tuple[NodeId, ...]) -> Sustained:
        # A node that is down takes its links along: they have nobody at one end.
        standing = [span for span in spans if not set(failed) & set(span.ends)]
        return served(standing, demands, relays - set(failed), overhead)

    return _worst([Worst(failed, left(failed)) for failed in _sets(tuple(sorted(relays - ends)), count)])


def links_survived(spans: Sequence[Span], ends: tuple[NodeId, NodeId], relays: frozenset[NodeId]) -> int:
    """Return how many links may fail, whichever, before two nodes have no way left: Menger; -1 when they have none."""
    # As many ways without a common link as there is flow where every link carries one; whole, as the links are.
    # Whole capacities have whole maximum flows, so rounding loses nothing but the solver's last digits.
    counted = [span._replace(capacity=1.0) for span in spans if span.capacity > 0]
    return round(sustained(counted, [Demand(ends, 1.0)], relays, _NO_TAG).share) - 1


def nodes_survived(spans: Sequence[Span], ends: tuple[NodeId, NodeId], relays: frozenset[NodeId]) -> int | None:
    """Return how many relays may fail before two nodes have no way left; None when a link of their own joins them.

    -1 when they have no way at all.
    """
    return _nodes_survived(tuple(spans), ends, relays)


@lru_cache(maxsize=MOST_ANSWERS)
def _nodes_survived(spans: tuple[Span, ...], ends: tuple[NodeId, NodeId], relays: frozenset[NodeId]) -> int | None:
    usable = [span for span in spans if span.capacity > 0]
    # Neighbours need no relay, and so no number of failing ones parts them.
    if any(set(ends) == set(span.ends) for span in usable):
        return None
    # A link to a node that may not relay leads nowhere for others.
    passed = [span for span in usable if all(node in relays or node in ends for node in span.ends)]
    nodes = {node for span in passed for node in span.ends} | set(ends)
    graph: Graph[NodeId, LinkId] = Graph(nodes, [Edge(span.id, *span.ends) for span in passed])
    return len(graph.disjoint_paths(*ends, len(nodes))) - 1


def compromise(routes: Sequence[Collection[NodeId]], risks: Mapping[NodeId, float]) -> float:
    """Return the probability that a key is known to an adversary, made as the XOR of one share a route.

    `routes` are the relays of each, no relay in two of them; `risks` gives each relay's probability of being in the
    adversary's hands, independent of the others, 0 where it is not named. All shares are needed.
    """
    relays = [node for route in routes for node in route]
    # A relay on two routes holds two shares; the product below would count it twice.
    assert len(relays) == len(set(relays)), "shares whose routes meet are not independent"
    assert routes
    return prod(1.0 - prod(1.0 - risks.get(node, 0.0) for node in route) for route in routes)


T = TypeVar("T", bound=str)

_NO_TAG: Final = Overhead(batch=10**12)


def _sets(names: tuple[T, ...], count: int) -> Iterator[tuple[T, ...]]:
    """Give every set of `count` of them, or of all when there are fewer; Mistake when there are too many sets."""
    # Where fewer are there than may fail, all of them fail, and that is the worst.
    size = min(count, len(names))
    # Counted before the first programme is solved: nobody should wait an hour for a refusal.
    if comb(len(names), size) > MOST_SETS:
        raise Mistake(
            f"{comb(len(names), size):,} ways for {size} of {len(names)} to fail are more than {MOST_SETS:,}: "
            "ask for fewer failures at once"
        )
    return combinations(names, size)


def _worst(cases: list[Worst]) -> Worst:
    """Return the case with the least left; of equal ones the first."""
    # The same for every demand, so that one number orders all failures.
    return min(cases, key=lambda case: case.left.share)
