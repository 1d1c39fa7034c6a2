"""Reservations where each node keeps those of its own link directions: between the admissions of a route.

The admission that has a session reserves in two steps: it asks those of all nodes of a route, and configures the key
managers when all have promised; else it gives back what was promised. A promise is a lease, so that nothing stays
reserved by a session whose admission is gone.
"""

from __future__ import annotations

from keytwin.vocabulary.identity import ElementName, Ksid, LinkId, NodeId
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.units import BitsPerSecond


class ReserveLinks(Message, frozen=True, gc=False):
    """Reserve `cost` on the directions of `links` that lead away from `node`: all of them or none.

    Repeated until answered. `is_held`: the key managers have the route already, so it renews the lease, and is entered
    anew where it was lost, whatever the links make now.
    """

    ksid: Ksid
    epoch: int
    owner: ElementName
    node: NodeId
    links: tuple[LinkId, ...]
    cost: BitsPerSecond
    priority: int
    is_held: bool = False


class LinksReserved(Message, frozen=True, gc=False):
    """The node's admission keeps the reservation, for as long as its lease is renewed."""

    ksid: Ksid
    epoch: int
    node: NodeId


class LinksRefused(Message, frozen=True, gc=False):
    """Nothing is reserved at this node: the `lacking` links have no room."""

    ksid: Ksid
    epoch: int
    node: NodeId
    lacking: tuple[LinkId, ...]


class ReleaseLinks(Message, frozen=True, gc=False):
    """Give the reservation back, and never take it again; where this is lost, the lease runs out."""

    ksid: Ksid
    epoch: int


class LinksShort(Message, frozen=True, gc=False):
    """A link makes less than is reserved on it, and this session is the one to leave it."""

    ksid: Ksid
    epoch: int
    link: LinkId
    cause: str
