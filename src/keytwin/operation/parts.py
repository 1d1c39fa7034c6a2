"""What of a network one process hosts: all, or control and twins, or one key manager with the SAEs of its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import KM_PREFIX, ElementName, NodeId, SaeId, km_of

SAE: Final = "sae/"
CONTROL_PART: Final = "control"
BUS_PART: Final = "bus"


@dataclass(frozen=True, slots=True)
class Part:
    """The nodes whose key managers a process has, and whether it has control and the twins as well."""

    name: str
    nodes: frozenset[NodeId]
    has_control: bool
    homes: Mapping[SaeId, NodeId]

    def hosts(self, element: ElementName) -> bool:
        """Whether an element lives here; an SAE's standing sessions live beside its key manager."""
        kind, _, name = element.partition("/")
        if f"{kind}/" == KM_PREFIX:
            return name in self.nodes
        if f"{kind}/" == SAE:
            return self.homes.get(SaeId(name)) in self.nodes
        return self.has_control

    @property
    def node(self) -> NodeId | None:
        """The node of a part that is one key manager's; None = that of control."""
        return next(iter(self.nodes), None) if not self.has_control else None


def whole(blueprint: Blueprint) -> Part:
    """Return the part that is everything."""
    nodes = frozenset(node.id for node in blueprint.topology.nodes)
    return Part("network", nodes, has_control=True, homes=_homes(blueprint))


def parts_of(blueprint: Blueprint) -> dict[str, Part]:
    """Return the parts of a network of several processes, by name: control first, then each key manager."""
    homes, nodes = _homes(blueprint), [node.id for node in blueprint.topology.nodes]
    control = Part(CONTROL_PART, frozenset(), has_control=True, homes=homes)
    managers = (Part(km_of(node), frozenset({node}), has_control=False, homes=homes) for node in nodes)
    return {part.name: part for part in (control, *managers)}


def _homes(blueprint: Blueprint) -> dict[SaeId, NodeId]:
    return {end.sae: end.node for app in blueprint.apps for end in app.ends}
