"""What a plan costs, by a cost book of assumptions: a range, and what it is made of. No price list of anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from keytwin.design.plan import Plan
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import FIBRE, SATELLITE

PAIR: Final = "device-pair"
GROUND_STATION: Final = "ground-station"
PASSES: Final = "satellite-passes"
FIBRE_KILOMETRE: Final = "fibre-kilometre"
RELAY_SITE: Final = "relay-site"
KEY_MANAGER: Final = "key-manager"


@dataclass(frozen=True, slots=True)
class Price:
    """Of one of a kind, over the years of the book, in EUR."""

    least: float
    most: float
    source: str

    def __post_init__(self) -> None:
        assert 0 <= self.least <= self.most


@dataclass(frozen=True, slots=True)
class CostBook:
    """Prices by item; `device-pair.<protocol>` wins over `device-pair`."""

    name: str
    about: str
    years: int
    prices: Mapping[str, Price]

    def price(self, item: str) -> Price:
        """Return the price of an item, or else of its kind before the dot; Mistake when the book has neither."""
        kind = item.partition(".")[0]
        found = self.prices.get(item) or self.prices.get(kind)
        if found is None:
            raise Mistake(f"cost book {self.name} has no price for {item!r}: add one under prices")
        return found


@dataclass(frozen=True, slots=True)
class CostLine:
    """So many of an item."""

    item: str
    count: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Cost:
    """A whole plan."""

    lines: tuple[CostLine, ...]

    @property
    def least(self) -> float:
        """EUR when everything comes cheap."""
        return sum(line.least for line in self.lines)

    @property
    def most(self) -> float:
        """EUR when everything comes dear."""
        return sum(line.most for line in self.lines)


def cost_of(plan: Plan, book: CostBook) -> Cost:
    """Price all devices, fibre, stations, relay sites and key managers of a plan; Mistake when a price is missing."""
    counted: dict[str, float] = {}
    for item, count in _items(plan):
        # Counted before it is priced: a line of the answer says how many, and a reader checks that first.
        counted[item] = counted.get(item, 0.0) + count
    lines = []
    for item, count in counted.items():
        price = book.price(item)
        lines.append(CostLine(item, count, count * price.least, count * price.most))
    return Cost(tuple(lines))


def _items(plan: Plan) -> Iterator[tuple[str, float]]:
    blueprint = plan.blueprint
    # Nobody rents a room in orbit: a satellite is paid for by its passes.
    satellites = {link.ends[1] for link in blueprint.topology.links if link.medium == SATELLITE}
    for link in blueprint.topology.links:
        if link.medium == SATELLITE:
            yield GROUND_STATION, 1.0
            yield PASSES, 1.0
            continue
        yield f"{PAIR}.{blueprint.devices[link.device].protocol}", 1.0
        if link.medium == FIBRE:
            yield FIBRE_KILOMETRE, link.length
    for node in blueprint.topology.nodes:
        yield KEY_MANAGER, 1.0
        # A site of the stakeholder is there anyway; only what the layout has put in is a cost of it.
        if node.id in plan.because and node.id not in satellites:
            yield RELAY_SITE, 1.0
