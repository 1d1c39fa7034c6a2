"""What the operator sees of a live network's links and elements, gathered from their events."""

from __future__ import annotations

from dataclasses import dataclass, field

from keytwin.service.operator_values import QLinkStatus
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import LinkStatusChanged, StockSeen
from keytwin.vocabulary.identity import ElementName, LinkId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology_messages import LinkStatus
from keytwin.vocabulary.units import Instant


@dataclass(slots=True)
class Picture:
    """The newest of what was told of each link; a listener of the network."""

    statuses: dict[LinkId, str] = field(default_factory=dict)
    stocks: dict[LinkId, StockSeen] = field(default_factory=dict)

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Hear of an event, as a listener of the network."""
        del at, element
        match event:
            case LinkStatusChanged():
                self.statuses[event.link] = event.status
            case StockSeen():
                self.stocks[event.link] = event
            case _:
                pass

    def links(self, blueprint: Blueprint) -> tuple[QLinkStatus, ...]:
        """Return every link of the network as it stands."""
        return tuple(self._link(link.id) for link in blueprint.topology.links)

    def _link(self, link: LinkId) -> QLinkStatus:
        status = self.statuses.get(link, LinkStatus.PENDING.value)
        seen = self.stocks.get(link)
        return (
            QLinkStatus(link, status) if seen is None else QLinkStatus(link, status, seen.rate, seen.qber, seen.stocks)
        )
