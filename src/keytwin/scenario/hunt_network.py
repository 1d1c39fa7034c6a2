"""A network drawn by chance, for hunting faults: shape, settings and apps are the seed's.

Knobs are drawn from what makes trouble: stores that run over, pools of one second, keys that expire soon, blocks that
come rarely. Rates and sizes are no model of anything.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

import msgspec

from keytwin.vocabulary.blueprint import (
    AdmissionSettings,
    App,
    Blueprint,
    ControlSettings,
    Endpoint,
    KeyManagementSettings,
    MonitoringSettings,
    Relay,
    RoutingSettings,
    Sla,
    User,
)
from keytwin.vocabulary.device import EmpiricalDevice
from keytwin.vocabulary.identity import AppId, DeviceId, NodeId, SaeId, SlaId, UserId, link_id
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.placement import Placement
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import BitsPerSecond, Kilometres, kilobits, milliseconds, seconds

FEWEST_NODES: Final = 2
MOST_NODES: Final = 100
USUAL_NODES: Final = (3, 6)
FEWEST_FOR_SHARES: Final = 4
SLAS: Final = (
    Sla(SlaId("gold"), 0, BitsPerSecond(8_000), kilobits(32), on_stock=seconds(20)),
    Sla(SlaId("bronze"), 3, BitsPerSecond(2_000), kilobits(16)),
)
MODES: Final = ((KeyMode.HYBRID_CATKDF, 0.12), (KeyMode.HYBRID_XOR, 0.24), (KeyMode.PQC_ONLY, 0.3))
"""Of all networks these shares at most; the rest has quantum key alone."""
FEW_KEYS: Final = 70  # of one post-quantum secret, so that several are agreed in a run
USERS: Final = (User(UserId("alice"), SlaId("gold")), User(UserId("bob"), SlaId("bronze"), BitsPerSecond(4_000)))


@dataclass(frozen=True, slots=True)
class Design:
    """How a network keeps its control, over how many ways its keys go, and what they are made of."""

    routes: int = 1
    placement: Placement = Placement.CENTRAL
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE


def drawn_design(dice: random.Random, nodes: int) -> Design:
    """Draw a design: most have one control plane and send a key over one way."""
    shares, placed, made, fallen = dice.random(), dice.random(), dice.random(), dice.random()
    routes = 2 if shares < 0.2 and nodes >= FEWEST_FOR_SHARES else 1
    mode = next((mode for mode, share in MODES if made < share), KeyMode.QKD_ONLY)
    fallback = Fallback.PQC_ONLY if mode.is_hybrid and fallen < 0.5 else Fallback.NONE
    return Design(routes, Placement.PER_NODE if placed < 0.25 else Placement.CENTRAL, mode, fallback)


def drawn_network(dice: random.Random, nodes: int | None = None) -> Blueprint:
    """Draw a network of so many nodes, or of a few: a tree, some links more, and one to four apps."""
    few = dice.randint(*USUAL_NODES)
    names = [NodeId(f"n{index}") for index in range(nodes or few)]
    pairs = _pairs(dice, names)
    box = EmpiricalDevice(
        name=DeviceId("box"),
        about="a black box",
        protocol="empirical",
        sources={},
        rate=BitsPerSecond(dice.choice((60_000, 120_000, 300_000))),
        qber=0.02,
        block_time=milliseconds(dice.choice((400, 1000, 3000))),
        deviation=dice.choice((0.0, 0.1)),
    )
    links = tuple(QLink(link_id(*pair), box.name, length=Kilometres(dice.uniform(1, 80))) for pair in sorted(pairs))
    return Blueprint(
        name="hunt",
        topology=Topology(tuple(Node(name) for name in names), links),
        slas=SLAS,
        users=USERS,
        apps=_apps(dice, names),
        control=_control(dice),
        key_management=_key_management(dice),
        devices={box.name: box},
    )


def designed(blueprint: Blueprint, design: Design) -> Blueprint:
    """Return the network with this design."""
    if design.mode is not KeyMode.QKD_ONLY or design.fallback is not Fallback.NONE:
        blueprint = _of_mode(blueprint, design)
    if design.routes > 1:
        blueprint = _in_shares(blueprint, design.routes)
    return _per_node(blueprint) if design.placement is Placement.PER_NODE else blueprint


def _pairs(dice: random.Random, names: list[NodeId]) -> set[tuple[NodeId, NodeId]]:
    pairs = {(names[dice.randrange(index)], names[index]) for index in range(1, len(names))}
    for _ in range(dice.randint(0, 4)):
        first, second = sorted(dice.sample(names, 2))
        pairs.add((first, second))
    return pairs


def _apps(dice: random.Random, names: list[NodeId]) -> tuple[App, ...]:
    apps = []
    for index in range(dice.randint(1, 4)):
        first, second = dice.sample(names, 2)
        ends = (Endpoint(SaeId(f"a{index}-a"), first), Endpoint(SaeId(f"a{index}-b"), second))
        apps.append(App(AppId(f"a{index}"), dice.choice(USERS).id, ends))
    return tuple(apps)


def _control(dice: random.Random) -> ControlSettings:
    return ControlSettings(
        RoutingSettings(dice.choice(("hops", "key-aware")), dice.randint(1, 3)),
        AdmissionSettings(peer_timeout=seconds(10), inactivity_timeout=seconds(dice.choice((20, 60)))),
        MonitoringSettings(probe_period=seconds(2)),
    )


def _key_management(dice: random.Random) -> KeyManagementSettings:
    return KeyManagementSettings(
        algorithm=dice.choice(("pool", "pool", "on-demand")),
        pool_depth=seconds(dice.choice((1, 5))),
        batch=dice.choice((2, 16, 64)),
        key_lifetime=seconds(dice.choice((8, 60))),
        store=kilobits(dice.choice((200, 4_000))),
        split=dice.choice((0.5, 0.5, 0.4)),
        relay=_relay(dice),
    )


def _relay(dice: random.Random) -> Relay:
    of_nodes = dice.choice((Relay.ONE_TIME_PAD, Relay.ONE_TIME_PAD, Relay.XOR_ANNOUNCED))
    return Relay.XOR_CENTRAL if dice.random() < 0.25 else of_nodes


def _per_node(blueprint: Blueprint) -> Blueprint:
    """Let each node have its control; a quota over several admissions is what a file may not ask for."""
    control = msgspec.structs.replace(blueprint.control, placement=Placement.PER_NODE)
    users = tuple(msgspec.structs.replace(user, quota=None) for user in blueprint.users)
    return msgspec.structs.replace(blueprint, control=control, users=users)


def _of_mode(blueprint: Blueprint, design: Design) -> Blueprint:
    """Let every key be made of a post-quantum secret, too, which is soon used up; or of nothing else."""
    slas = tuple(msgspec.structs.replace(sla, mode=design.mode, fallback=design.fallback) for sla in blueprint.slas)
    kept = msgspec.structs.replace(blueprint.key_management, generation=FEW_KEYS)
    return msgspec.structs.replace(blueprint, slas=slas, key_management=kept)


def _in_shares(blueprint: Blueprint, routes: int) -> Blueprint:
    """Let every key go in shares, over a network that has as many ways: each node is joined to the next `routes`."""
    nodes = [node.id for node in blueprint.topology.nodes]
    names = {link.id: link for link in blueprint.topology.links}
    for index, node in enumerate(nodes):
        for step in range(1, routes):
            first, second = sorted((node, nodes[(index + step) % len(nodes)]))
            link = link_id(first, second)
            names.setdefault(link, QLink(link, next(iter(blueprint.devices)), length=Kilometres(10.0)))
    topology = msgspec.structs.replace(blueprint.topology, links=tuple(names.values()))
    slas = tuple(msgspec.structs.replace(sla, routes=routes) for sla in blueprint.slas)
    return msgspec.structs.replace(blueprint, topology=topology, slas=slas)
