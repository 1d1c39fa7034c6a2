"""Where the control plane runs: one for the whole network, or one at each node. ITU-T Y.3802 knows both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.vocabulary.identity import (
    ADMISSION,
    CONTROLLER,
    MONITORING,
    ROUTING,
    ElementName,
    LinkId,
    NodeId,
    link_ends,
)

EVERYWHERE: Final = (CONTROLLER, MONITORING, ROUTING, ADMISSION)
"""What runs at each node when control is per node; access has no state of sessions and stays one."""


class Placement(StrEnum):
    """One central controller, or one at each node."""

    CENTRAL = "central"
    PER_NODE = "per-node"


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an element of the control plane sits: at `node`, one of `nodes`; without any, at the one place for all.

    A node's control has what begins there: the node itself, the links whose first end it is, and the direction of each
    of its links that leads away from it.
    """

    node: NodeId | None = None
    nodes: tuple[NodeId, ...] = ()

    @property
    def is_central(self) -> bool:
        """Whether there is one control plane for all."""
        return self.node is None

    @property
    def admission(self) -> ElementName:
        """Admission control here."""
        return _at(ADMISSION, self.node)

    @property
    def routing(self) -> ElementName:
        """The routing element here."""
        return _at(ROUTING, self.node)

    @property
    def monitoring(self) -> ElementName:
        """Monitoring here."""
        return _at(MONITORING, self.node)

    @property
    def controller(self) -> ElementName:
        """The controller here."""
        return _at(CONTROLLER, self.node)

    def everywhere(self, element: ElementName) -> tuple[ElementName, ...]:
        """Return the elements of one kind at all places."""
        return tuple(_at(element, node) for node in self.nodes) if self.nodes else (element,)

    def others(self, element: ElementName) -> tuple[ElementName, ...]:
        """Return the elements of one kind at all places but this one."""
        return tuple(_at(element, node) for node in self.nodes if node != self.node)

    def at(self, node: NodeId) -> Seat:
        """Return the seat of what `node` is subject to."""
        return Seat(node, self.nodes) if self.nodes else self

    def of_link(self, link: LinkId) -> Seat:
        """Return the seat that has a link: the one at its first end."""
        return self.at(link_ends(link)[0])

    def of_pair(self, first: NodeId, second: NodeId) -> Seat:
        """Return the seat that has the sessions between two nodes, whichever opens first: that of the smaller name."""
        return self.at(min(first, second))


CENTRAL: Final = Seat()


def seat_of(placement: Placement, nodes: tuple[NodeId, ...]) -> Seat:
    """Return a seat from which all others are found by `at`."""
    return CENTRAL if placement is Placement.CENTRAL else Seat(None, nodes)


def _at(element: ElementName, node: NodeId | None) -> ElementName:
    return element if node is None else ElementName(f"{element}/{node}")
