"""A network made of a known topology: its links cut into spans, one device everywhere, and apps between far nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from keytwin.algorithms.far_pairs import far_pairs
from keytwin.algorithms.graphs import Edge, Graph
from keytwin.files.device import read_device
from keytwin.files.hub import PACKAGE, HubTopology, Site, SiteId, hub_topology, hub_version
from keytwin.files.known import BROUGHT, Known
from keytwin.files.page import nearest
from keytwin.files.site_names import name_sites
from keytwin.files.spans import CutLink, cut_links, spans_needed
from keytwin.vocabulary.blueprint import AdmissionSettings, App, Blueprint, Endpoint, KeyManagementSettings, Sla, User
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, SlaId, UserId
from keytwin.vocabulary.medium import FIBRE, SATELLITE
from keytwin.vocabulary.topology import MOST_HOPS, Node, QLink, Topology
from keytwin.vocabulary.units import BitsPerSecond, Kilometres, kilobits

USUAL_SPAN: Final = Kilometres(80.0)  # what amplified lines of fibre have, and what most devices of the library reach
USUAL_APPS: Final = 3
MOST_NODES: Final = 10_000  # a larger network is no file that anybody reads, nor one that a run would end with
_FASTEST: Final = 16_000.0  # bit/s: apps of an example need not empty the links
_STEPS: Final = (5, 2, 1)
_BURST: Final = kilobits(16)
_OWNER: Final = UserId("tenant")
_LEVEL: Final = SlaId("standard")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an architect says beside the name of a topology."""

    span: Kilometres = USUAL_SPAN
    device: str = "generic-decoy-bb84"
    medium: str = FIBRE
    apps: int | None = None
    """None = a few, as many as there are nodes for."""


@dataclass(frozen=True, slots=True)
class Grown:
    """The network, and what one should know of how it was made."""

    blueprint: Blueprint
    topology: str
    nodes: int
    """Of the topology; those of the network are more."""
    links: int
    renamed: Mapping[str, NodeId]
    """Names that cannot name a node here, or came twice."""
    left_out: int
    """Edges from a node to itself."""


def grow(name: str, wishes: Wishes, known: Known = BROUGHT) -> Grown:
    """Make a network of a topology of topohub; Mistake when it cannot be made as wished, with the reason."""
    topology = hub_topology(name)
    device = read_device(wishes.device, known)
    _check(name, topology, wishes, known)
    names = name_sites(topology.nodes)
    cut = tuple(cut_links(topology.edges, names, wishes.span))
    links = tuple(
        QLink(span.id, device.name, medium=wishes.medium, length=span.length) for each in cut for span in each.spans
    )
    between = tuple(node for each in cut for node in each.between)
    # Before anything is promised to apps: a span that gives no key makes the whole network worthless.
    slowest = _slowest(links, device, known)
    sla, apps = _apps(names.values(), cut, wishes.apps, slowest)
    blueprint = Blueprint(
        name=name.replace("/", "-"),
        topology=Topology(tuple(Node(node) for node in (*names.values(), *between)), links),
        about=_about(name, topology, len(between), wishes),
        slas=(sla,) if apps else (),
        users=(User(_OWNER, _LEVEL),) if apps else (),
        apps=apps,
        devices=MappingProxyType({device.name: device}),
    )
    left_out = len(topology.edges) - len(cut)
    return Grown(blueprint, name, len(names), len(cut), _renamed(topology.nodes, names), left_out)


def _check(name: str, topology: HubTopology, wishes: Wishes, known: Known) -> None:
    if wishes.span <= 0:
        raise Mistake("a span of no length cuts a link into infinitely many: write --span 80km, say")
    if wishes.medium == SATELLITE:
        raise Mistake(f"the links of a topology lie on the ground: take 'fibre' or 'free-space', not {SATELLITE!r}")
    if wishes.medium not in known.media:
        near = nearest(wishes.medium, list(known.media))
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(known.media)}"
        raise Mistake(f"unknown medium {wishes.medium[:80]!r} ({hint})")
    needed = len(topology.nodes) + sum(spans_needed(edge.dist, wishes.span) - 1 for edge in topology.edges)
    if needed > MOST_NODES:
        raise Mistake(
            f"{name} in spans of {wishes.span:g} km would have {needed} nodes: {MOST_NODES} is the most; "
            "take longer spans with a device that reaches them, or a smaller topology"
        )


def _about(name: str, topology: HubTopology, between: int, wishes: Wishes) -> str:
    return (
        f"{name} of {PACKAGE} {hub_version()}, with its {len(topology.nodes)} nodes and {between} trusted nodes more "
        f"that cut links into spans of at most {wishes.span:g} km; distances are those of a map, and fibres are longer"
    )


def _renamed(sites: Iterable[Site], names: Mapping[SiteId, NodeId]) -> Mapping[str, NodeId]:
    changed: dict[str, NodeId] = {}
    for site in sites:
        if site.name != names[site.id]:
            said = repr(site.name) if site.name else f"the nameless node {site.id}"
            changed[f"{said} (node {site.id})" if said in changed else said] = names[site.id]
    return changed


# --- what the links give, and what apps may ask ---------------------------------------------------------------------


def _slowest(links: tuple[QLink, ...], device: Device, known: Known) -> float | None:
    """Return the bit/s of the slowest span, None when nobody knows; Mistake when it gives no key."""
    if known.expected_rate is None or not links:
        return None
    # Less light never gives more key, and a receiver that too much light blinds is found at the shortest span.
    ends = {link.length: link for link in (min(links, key=_length), max(links, key=_length))}
    try:
        return min(known.expected_rate(link, device) for link in ends.values())
    except Mistake as mistake:
        raise Mistake(f"a span of {max(ends):g} km gives no key: {mistake}") from None


def _length(link: QLink) -> float:
    return link.length


def _apps(
    nodes: Iterable[NodeId], cut: tuple[CutLink, ...], wished: int | None, slowest: float | None
) -> tuple[Sla, tuple[App, ...]]:
    """Return apps between far nodes, and a service level that all of them could have on the same span."""
    named = tuple(nodes)
    wanted = min(USUAL_APPS, len(named) // 2) if wished is None else wished
    if wanted > len(named) // 2:
        raise Mistake(f"{len(named)} nodes give at most {len(named) // 2} apps with nodes of their own, not {wanted}")
    hops = {index: len(each.spans) for index, each in enumerate(cut)}
    graph = Graph(named, (Edge(index, *each.ends) for index, each in enumerate(cut)))
    pairs = far_pairs(graph, wanted, hops.__getitem__, MOST_HOPS)
    apps = tuple(
        App(AppId(f"app{number}"), _OWNER, (_end(f"app{number}-a", near), _end(f"app{number}-b", far)))
        for number, (near, far) in enumerate(pairs, start=1)
    )
    share = min(KeyManagementSettings().split, 1 - KeyManagementSettings().split) * (1 - AdmissionSettings().margin)
    # All apps may come to share the slowest span: twice their number leaves half of its key unspent.
    room = _FASTEST if slowest is None else slowest * share / max(1, 2 * len(apps))
    return Sla(_LEVEL, 1, _rounded_down(min(room, _FASTEST)), _BURST), apps


def _end(sae: str, node: NodeId) -> Endpoint:
    return Endpoint(SaeId(sae), node)


def _rounded_down(rate: float) -> BitsPerSecond:
    """Return the largest of 1, 2, 5, 10, 20, 50 ... that is not above `rate`; at least 1."""
    power = 1
    while power * 10 <= rate:
        power *= 10
    return BitsPerSecond(next((step * power for step in _STEPS if step * power <= rate), 1))
