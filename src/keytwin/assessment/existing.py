"""A network that is there already, as a plan: so that any network file can be judged by any need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import structs

from keytwin.assessment.physics import Physics
from keytwin.design.asking import apps_of, asked_of, demands_of, pairs_of, promises
from keytwin.design.need import Case
from keytwin.design.plan import Plan, promised_in, usable_share
from keytwin.design.realisation import distances
from keytwin.design.secrecy import takes_quantum_key
from keytwin.design.variability import Configuration
from keytwin.files.page import nearest
from keytwin.network import protocol_of
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LinkId, NodeId, VariantId
from keytwin.vocabulary.medium import SATELLITE

UNKNOWN: Final = "unknown"
"""Whose a node is that the case does not name: nobody may count it as his own."""


def plan_of(case: Case, blueprint: Blueprint, physics: Physics) -> Plan:
    """Return a network as a plan of a case; its pairs that have no app get one.

    Mistake when it lacks a site where keys are wanted, and with the physical reason when a link gives no key.
    """
    _check_sites(case, blueprint)
    asking = _with_apps(case, blueprint)
    promised = promised_in(asking)
    links = blueprint.topology.links
    nodes = [node.id for node in blueprint.topology.nodes]
    sites = {site.id: site for site in case.sites}
    return Plan(
        configuration=Configuration("", ()),
        blueprint=asking,
        rates=MappingProxyType({link.id: physics.rate(link, blueprint.devices[link.device]) for link in links}),
        demands=tuple(each for each in demands_of(case) if takes_quantum_key(promised[frozenset(each.ends)])),
        pairs=pairs_of(case),
        # Every node of a network that runs relays, whoever owns it.
        relays=frozenset(nodes),
        owners={node: owner for node in nodes if (owner := sites[node].owner if node in sites else UNKNOWN)},
        risks={
            node: case.assume.risk if node not in sites or (risk := sites[node].risk) is None else risk
            for node in nodes
        },
        channels=MappingProxyType(dict(_channels(blueprint))),
        distances=MappingProxyType(dict(distances(case, pairs_of(case)))),
        store=blueprint.key_management.store,
        usable=usable_share(blueprint.key_management, blueprint.control),
        routes=min((sla.routes for sla in asking.slas), default=1),
        readiness=MappingProxyType(dict(_readiness(blueprint))),
    )


def _check_sites(case: Case, blueprint: Blueprint) -> None:
    known = [node.id for node in blueprint.topology.nodes]
    for site in dict.fromkeys(end for pair in pairs_of(case) for end in pair):
        if site not in known:
            near = nearest(site, list(known))
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(known)}"
            raise Mistake(f"network {blueprint.name} has no node {site!r}, where {case.name} wants keys ({hint})")


def _with_apps(case: Case, blueprint: Blueprint) -> Blueprint:
    """Return the network with an app for every pair; those that it has keep their service level: it is judged too."""
    served = {frozenset(end.node for end in app.ends) for app in blueprint.apps}
    missing = [each for each in asked_of(case) if frozenset(each.pair) not in served]
    slas, users = promises(each.rate for each in missing)
    return structs.replace(
        blueprint,
        slas=(*blueprint.slas, *(each for each in slas if each.id not in {known.id for known in blueprint.slas})),
        users=(*blueprint.users, *(each for each in users if each.id not in {known.id for known in blueprint.users})),
        apps=(*blueprint.apps, *(app for each in missing for app in apps_of(each))),
    )


def _channels(blueprint: Blueprint) -> Iterator[tuple[str, tuple[LinkId, ...]]]:
    """Give the links that an attack takes together: those of one satellite; of all others each alone."""
    links = blueprint.topology.links
    passing: dict[NodeId, list[LinkId]] = {}
    for link in links:
        if link.medium == SATELLITE:
            passing.setdefault(link.ends[1], []).append(link.id)
        else:
            yield link.id, (link.id,)
    for satellite, group in passing.items():
        yield satellite, tuple(group)


def _readiness(blueprint: Blueprint) -> Mapping[VariantId, float]:
    protocols = {device.protocol: protocol_of(device) for device in blueprint.devices.values()}
    return {VariantId(f"protocol.{name}"): float(found.traits.trl) for name, found in protocols.items()}
