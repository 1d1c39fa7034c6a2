"""Nodes, Q-links and routes: immutable; parallel links are allowed. Paper B, Figs. 1 and 4."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId, link_ends
from keytwin.vocabulary.medium import Setting
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres

MOST_HOPS: Final = 64  # a route longer than this is refused: time to live of relayed messages (invariant C4)


class Node(msgspec.Struct, frozen=True):
    """A trusted node with one key manager."""

    id: NodeId
    about: str = ""


class QLink(msgspec.Struct, frozen=True):
    """A quantum link between two nodes, and the KM link beside it. A measured `total_loss` wins over the length."""

    id: LinkId
    device: DeviceId
    medium: str = "fibre"
    length: Kilometres = Kilometres(0.0)
    attenuation: DecibelsPerKilometre = DecibelsPerKilometre(0.2)  # ITU-T G.652.D, 1550 nm
    total_loss: Decibels | None = None
    setting: Setting | None = None  # what else is said of the medium; None = its defaults

    @property
    def ends(self) -> tuple[NodeId, NodeId]:
        """The two nodes, in the order of the identifier."""
        return link_ends(self.id)


class Topology(msgspec.Struct, frozen=True):
    """The nodes and links of a network, each named once."""

    nodes: tuple[Node, ...]
    links: tuple[QLink, ...]

    def link(self, wanted: LinkId) -> QLink:
        """Return the link with this identifier; KeyError when there is none."""
        for link in self.links:
            if link.id == wanted:
                return link
        raise KeyError(wanted)

    def links_of(self, node: NodeId) -> tuple[QLink, ...]:
        """Return the links that end at `node`."""
        return tuple(link for link in self.links if node in link.ends)


class Route(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A way through the network: `links[i]` joins `nodes[i]` to `nodes[i + 1]`.

    `beside` it are the other ways of a session whose keys go in shares: each joins the same two ends and has no other
    node in common with any of them.
    """

    nodes: tuple[NodeId, ...]
    links: tuple[LinkId, ...]
    beside: tuple[Route, ...] = ()

    @property
    def hops(self) -> int:
        """The number of Q-links crossed, on the longest of the ways."""
        return max(len(way.links) for way in self.ways)

    @property
    def ways(self) -> tuple[Route, ...]:
        """This way and those beside it."""
        return (self, *self.beside)

    @property
    def all_nodes(self) -> tuple[NodeId, ...]:
        """The nodes of all ways, each once."""
        return tuple(dict.fromkeys(node for way in self.ways for node in way.nodes)) if self.beside else self.nodes

    @property
    def all_links(self) -> tuple[LinkId, ...]:
        """The links of all ways."""
        return tuple(link for way in self.ways for link in way.links) if self.beside else self.links


def other_end(link: LinkId, node: NodeId) -> NodeId:
    """Return the node at the far side of a link."""
    first, second = link_ends(link)
    assert node in (first, second)
    return second if node == first else first


def route_along(source: NodeId, links: Iterable[LinkId]) -> Route:
    """Return the route that starts at `source` and crosses `links` in this order."""
    crossed = tuple(links)
    nodes = [source]
    for link in crossed:
        nodes.append(other_end(link, nodes[-1]))
    return Route(tuple(nodes), crossed)
