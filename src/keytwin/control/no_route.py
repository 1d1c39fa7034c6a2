"""Why there is no route, in words for an operator: the actual cause, named by node and link. SAEs never hear it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keytwin.algorithms.graphs import Graph
from keytwin.control.link_book import LinkBook
from keytwin.control.topology_view import TopologyView
from keytwin.vocabulary.identity import LinkId, NodeId, link_ends
from keytwin.vocabulary.session_messages import FindRoute
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import show_rate

MOST_NAMED: Final = 4  # links or nodes in one explanation; the rest is counted


class Explanation:
    """Looks for the cause of one unanswerable question; `fitting` are the links with room for it."""

    def __init__(self, question: FindRoute, book: LinkBook, view: TopologyView, fitting: set[LinkId]) -> None:
        self._question: Final = question
        self._book: Final = book
        self._view: Final = view
        self._fitting: Final = fitting
        self._ends: Final = (question.source, question.target)

    def text(self) -> str:
        """Say it: first what is wrong with an end itself, then what bars the way between the ends."""
        source, target = self._ends
        if source == target:
            return f"both ends are at {source}: no Q-link joins a node to itself"
        for end in self._ends:
            cause = self._at_end(end)
            if cause:
                return cause
        return self._apart() or self._between()

    def _apart(self) -> str:
        """Say what all ways have in common, where there is one but not as many as keys go in shares."""
        (source, target), graph, wanted = self._ends, self._book.graph, self._question.shares
        usable = self._fitting & self._book.weights.keys()
        ways = graph.disjoint_paths(source, target, wanted, usable=usable.__contains__) if wanted > 1 else ()
        if not ways:
            return ""
        said = f"only {len(ways)} of {wanted} routes from {source} to {target} that have no node in common"
        for node in ways[0].nodes[1:-1]:
            if not _joined_without(graph, self._ends, node, usable):
                return f"{said}: every route with room passes {node}"
        for link in ways[0].edges:
            if graph.shortest_path(source, target, usable=(usable - {link}).__contains__) is None:
                return f"{said}: every route with room crosses {link}"
        return said

    def _at_end(self, end: NodeId) -> str:
        if end not in self._view.nodes:
            return f"there is no node {end}"
        if not self._view.is_trusted(end):
            return f"{end} is not trusted"
        links = [link for link in self._view.links if end in link_ends(link)]
        if not links:
            return f"{end} has no link"
        down = [link for link in links if not self._view.is_working(link)]
        if len(down) == len(links):
            return f"{end} has no {'other link' if len(links) == 1 else 'link that works'}: {_are(down, 'down')}"
        if all(self._link_flaw(link) for link in links):
            return self._exhausted(end, [link for link in links if link not in down], down)
        return ""

    def _exhausted(self, end: NodeId, working: list[LinkId], down: list[LinkId]) -> str:
        dark = f" ({_are(down, 'down')})" if down else ""
        shut = [link for link in working if self._is_shut_out(link)]
        if len(shut) == len(working):
            return f"the routing metric shuts out every link of {end}{dark}"
        some = f" ({_are(shut, 'shut out by the routing metric')})" if shut else ""
        best = max((link for link in working if link not in shut), key=self._book.rooms.__getitem__)
        return f"no link of {end} has {show_rate(self._question.rate)} left: {best} {self._offer(best)}{dark}{some}"

    def _between(self) -> str:
        source, target = self._ends
        graph = self._book.graph
        best = graph.shortest_path(source, target, self._obstacles)
        if best is None:
            return f"nothing joins {source} to {target}: the network is in parts"
        untrusted = [node for node in best.nodes[1:-1] if not self._view.is_trusted(node)]
        flawed = [(link, self._link_flaw(link)) for link in best.edges]
        flaws = [*(f"{node} is not trusted" for node in untrusted), *(f"{link} {why}" for link, why in flawed if why)]
        if not flaws:
            return f"every route from {source} to {target} has more than {MOST_HOPS} hops"
        if len(flaws) == len(untrusted) == 1 and not _joined_without(graph, self._ends, untrusted[0]):
            return f"{flaws[0]} and every route passes it"
        return f"every route from {source} to {target} is barred, the least of them because {_list(flaws)}"

    def _obstacles(self, link: LinkId) -> int:
        """Weigh a link by what is wrong with it, so that the lightest route is the one that is the least barred."""
        # A node in the middle is met by two links of the route, so it weighs as much as a link that is down.
        distrusted = sum(not self._view.is_trusted(node) for node in link_ends(link) if node not in self._ends)
        return distrusted + 2 * bool(self._link_flaw(link))

    def _link_flaw(self, link: LinkId) -> str:
        if not self._view.is_working(link):
            return "is down"
        if self._is_shut_out(link):
            return "is shut out by the routing metric"
        if link not in self._fitting:
            return f"has no {show_rate(self._question.rate)} left (it {self._offer(link)})"
        return ""

    def _offer(self, link: LinkId) -> str:
        """Say what a link makes and what has become of it."""
        rate, room = self._book.rates[link], self._book.rooms[link]
        reserved = f", {_coarse(rate - room)} of it reserved" if room < rate else ""
        rest = ", the rest goes to relay and margin" if room >= self._question.rate else ""
        return f"makes {_coarse(rate)} each way{reserved}{rest}"

    def _is_shut_out(self, link: LinkId) -> bool:
        is_open = all(self._view.is_trusted(node) for node in link_ends(link))
        return is_open and self._view.is_working(link) and link not in self._book.weights


def _coarse(rate: int) -> str:
    """Write a measured rate, above 10 kbit/s in whole kbit/s."""
    return show_rate(rate // 1000 * 1000 if rate >= 10_000 else rate)


def _joined_without(
    graph: Graph[NodeId, LinkId], ends: tuple[NodeId, NodeId], node: NodeId, usable: set[LinkId] | None = None
) -> bool:
    def is_open(link: LinkId) -> bool:
        return node not in link_ends(link) and (usable is None or link in usable)

    return graph.shortest_path(*ends, usable=is_open) is not None


def _are(links: list[LinkId], state: str) -> str:
    return f"{_list(links)} {'is' if len(links) == 1 else 'are'} {state}"


def _list(names: Iterable[str]) -> str:
    *first, last = names
    if len(first) >= MOST_NAMED:
        more = len(first) + 1 - MOST_NAMED
        return f"{', '.join(first[:MOST_NAMED])} and {more} more"
    return f"{', '.join(first)} and {last}" if first else last
