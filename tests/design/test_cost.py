"""The price of a plan: what is counted, and the range that comes of it."""

from __future__ import annotations

import pytest

from keytwin.design.cost import CostBook, Price, cost_of
from keytwin.design.need import Orbiter
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import NodeId
from tests.design.cases import APART, GROUND, RELAYED, SKY, case, line, plan

ITEMS = ("device-pair", "ground-station", "satellite-passes", "fibre-kilometre", "relay-site", "key-manager")
BOOK = CostBook("test", "", 10, {item: Price(10.0**place, 2 * 10.0**place, "") for place, item in enumerate(ITEMS)})


def counts(*variants: str) -> dict[str, float]:
    subject = case(line("a--b", 150.0, relays="Telco"), sites=APART, satellites=(Orbiter(NodeId("leo")),))
    return {item.item: item.count for item in cost_of(plan(subject, *variants), BOOK).lines}


def test_a_relayed_line_costs_devices_fibre_relay_sites_and_key_managers() -> None:
    assert counts(*RELAYED) == {
        "device-pair.decoy-bb84": 2,
        "fibre-kilometre": pytest.approx(150.0),
        "key-manager": 3,
        "relay-site": 1,
    }


def test_a_satellite_costs_a_ground_station_and_passes_for_each_site() -> None:
    assert counts("protocol.decoy-bb84", "q-link.direct", *SKY) == {
        "ground-station": 2,
        "satellite-passes": 2,
        "key-manager": 3,
    }


def test_the_range_is_the_sum_of_ranges() -> None:
    cost = cost_of(plan(case(line("a--b", 20.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND), BOOK)
    assert cost.least == pytest.approx(1 + 20 * 1e3 + 2 * 1e5)
    assert cost.most == pytest.approx(2 * cost.least)


def test_a_missing_price_is_no_price_of_nothing() -> None:
    prices = {item: price for item, price in BOOK.prices.items() if item != "key-manager"}
    with pytest.raises(Mistake, match="no price for 'key-manager'"):
        cost_of(
            plan(case(line("a--b", 20.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND),
            CostBook("test", "", 10, prices),
        )
