"""A configuration laid out on the stakeholder's sites: what a blueprint says, and what a blueprint has no word for."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from keytwin.design.throughput import Demand, Span
from keytwin.design.variability import Configuration
from keytwin.vocabulary.blueprint import Blueprint, ControlSettings, KeyManagementSettings, Sla
from keytwin.vocabulary.identity import LinkId, NodeId, VariantId
from keytwin.vocabulary.units import Bits, Kilometres


@dataclass(frozen=True)
class Plan:
    """One way to meet a case."""

    configuration: Configuration
    blueprint: Blueprint
    rates: Mapping[LinkId, float]
    """Bits of key a second that each link gives in the mean."""
    demands: tuple[Demand, ...]
    """What the key-rate needs ask for, all at once; pairs that ask for no rate are not among them."""
    pairs: tuple[tuple[NodeId, NodeId], ...]
    """All pairs that want keys."""
    relays: frozenset[NodeId]
    """Nodes that may pass keys on."""
    owners: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of nodes that are not the stakeholder's own."""
    risks: Mapping[NodeId, float] = field(default_factory=lambda: MappingProxyType({}))
    """Of relays: the probability that somebody else has them."""
    channels: Mapping[str, tuple[LinkId, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Links that an attack takes together: one line, or one satellite."""
    distances: Mapping[tuple[NodeId, NodeId], Kilometres] = field(default_factory=lambda: MappingProxyType({}))
    """Between the sites of a pair; a pair whose distance nobody knows is left out."""
    store: Bits = Bits(0)
    """Key kept of each direction of a link."""
    usable: float = 1.0
    """Share of a link's key that sessions can be promised: see `usable_share`."""
    routes: int = 1
    """Node-disjoint routes over which each key goes in shares; 1 = whole."""
    because: Mapping[str, tuple[VariantId | str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Per node and link the variants and rules that put it there, and per service level those that it follows."""
    readiness: Mapping[VariantId, float] = field(default_factory=lambda: MappingProxyType({}))
    """Levels of the chosen variants, of those that anybody has judged."""
    left_out: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Lines and satellites of the case that would give no key, each with the physical reason."""
    not_runnable: tuple[str, ...] = ()
    """Chosen variants that the running half lacks: analysed only."""

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The links as the measures of throughput see them."""
        links = self.blueprint.topology.links
        return tuple(Span(link.id, link.ends, self.rates[link.id] * self.usable) for link in links)

    def promised_to(self, pair: tuple[NodeId, NodeId]) -> tuple[Sla, ...]:
        """Return the service levels of a pair's apps; none where nobody has laid out any."""
        return self._promised.get(frozenset(pair), ())

    @cached_property
    def _promised(self) -> Mapping[frozenset[NodeId], tuple[Sla, ...]]:
        return promised_in(self.blueprint)

    def chosen_as(
        self,
        configuration: Configuration,
        because: Mapping[str, tuple[VariantId | str, ...]],
        readiness: Mapping[VariantId, float],
        not_runnable: tuple[str, ...],
    ) -> Plan:
        """Return the same network as another configuration chooses it."""
        other = copy(self)
        # Past the freezing, before anybody has it: `replace` would set all other fields again, and lose the spans.
        vars(other).update(configuration=configuration, because=because, readiness=readiness, not_runnable=not_runnable)
        return other


def promised_in(network: Blueprint) -> dict[frozenset[NodeId], tuple[Sla, ...]]:
    """Return the service levels of the apps of each pair of nodes."""
    slas = {sla.id: sla for sla in network.slas}
    of_user = {user.id: slas[user.sla] for user in network.users}
    found: dict[frozenset[NodeId], tuple[Sla, ...]] = {}
    for app in network.apps:
        pair = frozenset(end.node for end in app.ends)
        found[pair] = (*found.get(pair, ()), of_user[app.user])
    return found


def usable_share(keys: KeyManagementSettings, control: ControlSettings) -> float:
    """Return the share of a link's key that admission promises to sessions.

    Either end of a session may be the master, so its rate is kept free in both directions of a link and the scarcer one
    decides; and a margin is never granted, for rates fluctuate.
    """
    return min(keys.split, 1.0 - keys.split) * (1.0 - control.admission.margin)
