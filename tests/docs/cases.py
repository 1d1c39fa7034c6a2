"""The tables of `docs/reference/cases.md`: what a person works out by hand, and what the twin's physics says beside it.

`python -m tests.docs.cases` writes the tables of the page anew, each after the comment that names it; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import log2, sqrt
from typing import Final

from keytwin.assessment.physics import Physics, devices, shelf
from keytwin.design.derivation import derive
from keytwin.design.measures import Yardstick
from keytwin.design.need import Assumptions, Case
from keytwin.design.plan import Plan
from keytwin.design.proposals import Proposal, configurations, proposal_of
from keytwin.design.verdict import Verdict
from keytwin.files.cost_book import cost_book_from
from keytwin.files.library import cost_book_source, needs
from keytwin.files.need import read_need
from keytwin.files.ovm import library_ovm
from keytwin.files.reference import markdown_table
from keytwin.quantum.channel import channel_of
from keytwin.vocabulary.device_repeater import RepeaterDevice
from keytwin.vocabulary.medium import SATELLITE
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Kilometres
from tests.architecture.source import ROOT

PAGE: Final = ROOT / "docs/reference/cases.md"
CALIBRATION: Final = 17.094e6
"""bit/s without loss: the calibration of the Czech national network."""
SPANS: Final = (60.0, 80.0, 100.0, 120.0)
AES_KEY: Final = 256
DAY: Final = 86_400
GIGABYTE: Final = 8e9
PHYSICS: Final = Physics()
_TABLE: Final = re.compile(r"^<!-- table: ([a-z0-9 -]+) -->\n+((?:\|.*\n)*)\n*", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Compared:
    """A value worked out by hand, and the one that the twin gives."""

    what: str
    by_hand: float
    by_twin: float
    way: str = ""
    """How it is worked out."""
    unit: str = ""
    """Empty = bit/s, of which there are larger units."""

    @property
    def ratio(self) -> float:
        """The twin's value as a share of the other."""
        return self.by_twin / self.by_hand


def by_hand(loss: float) -> float:
    """Return R = 17.094 Mbit/s x 10^(-loss/10)."""
    return CALIBRATION * 10 ** (-loss / 10)


# --- what the library says ------------------------------------------------------------------------------------------


def proposed(case: Case) -> Proposal:
    """Return the first configuration of a case, laid out and judged by analysis, as if its views held no findings."""
    ovm = library_ovm("qkd")
    wishes = derive(case, ovm, PHYSICS.reaches)
    book = cost_book_from(cost_book_source("assumed"))
    made = [
        proposal_of(case, ovm, each, shelf(PHYSICS), wishes.routes, Yardstick(book, 0))
        for each in configurations(ovm, wishes)
    ]
    return next((each for each in made if each.is_acceptable), made[0])


@cache
def answer(name: str) -> Proposal:
    """Return the first proposal for a case of the library."""
    return proposed(read_need(name))


def plan_of(proposal: Proposal) -> Plan:
    """Return the plan of a proposal that has one."""
    assert proposal.plan is not None, proposal.why_not
    return proposal.plan


def verdict(name: str, need: str) -> Verdict:
    """Return the verdict of analysis on one need."""
    return next(each for each in answer(name).verdicts if each.need.id == need)


def fibres(plan: Plan) -> dict[str, QLink]:
    """Return the links over fibre, one for each of its kind: spans of one line are all alike."""
    alike = {
        (link.length, link.total_loss, link.attenuation): link
        for link in reversed(plan.blueprint.topology.links)
        if link.medium != SATELLITE
    }
    return {link.id: link for link in reversed(alike.values())}


def loss_of(link: QLink) -> float:
    """Return the loss of a fibre in dB."""
    return float(channel_of(link).loss)


def found(name: str, need: str) -> float:
    """Return what analysis found for a need."""
    told = verdict(name, need).found
    assert told is not None
    return told.value


# --- worked out by hand ---------------------------------------------------------------------------------------------


def links(name: str) -> list[Compared]:
    """Compare the key of each fibre link of a case."""
    plan = plan_of(answer(name))
    return [
        Compared(f"`{key}`", by_hand(loss_of(link)), plan.rates[link.id], f"{loss_of(link):.2f} dB")
        for key, link in fibres(plan).items()
    ]


def ring_under_a_cut() -> Compared:
    """Work out what each pair of the ring gets when the worst link is cut: the other four are a chain of five sites."""
    order = [by_hand(line.loss) for line in read_need("bank-ring").lines]
    # In a chain of five sites 4, 6, 6 and 4 pairs share the links.
    chains = [order[cut + 1 :] + order[:cut] for cut in range(len(order))]
    least = min(min(rate / pairs for rate, pairs in zip(chain, (4, 6, 6, 4), strict=True)) for chain in chains)
    way = "the worst cut leaves a chain, in which 6 of the 10 pairs share a link of 7 dB: R / 6"
    return Compared("key of each pair under one cut", least, found("bank-ring", "N1"), way)


def tenants_under_a_cut() -> Compared:
    """Work out what each tenant of the backbone gets when the better route is cut."""
    worst = min(by_hand(loss_of(link)) for link in fibres(plan_of(answer("backbone-923"))).values())
    return Compared("key of each tenant under one cut", worst / 6, found("backbone-923", "N4"), "R of a span / 6")


def hospital_a_day(name: str) -> Compared:
    """Work out how much a day can go under a one-time pad."""
    (line,) = read_need(name).lines
    most = by_hand(line.loss) * DAY / GIGABYTE
    way = "R x 86,400 s / 8 bit"
    return Compared("traffic a day under a one-time pad", most, found(name, "N1") * DAY / GIGABYTE, way, "GB")


def tunnels() -> Compared:
    """Work out what each tunnel gets over both routes."""
    both = sum(by_hand(line.loss) for line in read_need("dci").lines)
    return Compared("key of each tunnel", both / 12, found("dci", "N1"), "both R / 12")


def stored() -> Compared:
    """Work out how long full stores last in the data centres: two directions of two links."""
    case = read_need("dci")
    days = 2 * 2 * case.assume.store / (12 * AES_KEY / 120) / DAY
    way = "4 stores of 16 Mbit / (12 x 256 bit / 120 s)"
    return Compared("how long full stores last", days, found("dci", "N2") / (DAY * 1e9), way, "d")


def cloudy() -> Compared:
    """Work out how long full stores last at the embassy."""
    days = 2 * read_need("embassy").assume.store / (AES_KEY / 60) / DAY
    way = "2 stores of 1.2 Mbit / (256 bit / 60 s)"
    return Compared("how long full stores last", days, found("embassy", "N3") / (DAY * 1e9), way, "d")


def passes() -> Compared:
    """Work out the key of a satellite, clouds and all, from the calibration and the geometry of a pass."""
    case = read_need("embassy")
    (orbiter,) = case.satellites
    plan = plan_of(answer("embassy"))
    link = plan.blueprint.topology.links[0]
    # As long as the satellite is nearer than its farthest: a straight way overhead, at the speed of a low orbit.
    seconds = 2 * sqrt(orbiter.passes.farthest**2 - orbiter.passes.altitude**2) / 7.6
    rate = CALIBRATION * (100e6 / 1.25e9) * (0.50 / 0.32) * 10 ** (-channel_of(link).loss / 10)
    clear = orbiter.passes.clear / (orbiter.passes.clear + orbiter.passes.overcast)
    return Compared("key of each ground station", rate * seconds / DAY * clear, plan.rates[link.id], "below")


def repeater() -> Compared:
    """Work out the key of the chain of repeaters in endless blocks; the twin's are 10 min long."""
    (link,) = fibres(plan_of(answer("long-range"))).values()
    device = next(each for each in devices() if each.name == link.device)
    assert isinstance(device, RepeaterDevice)
    segments = int(device.segments)
    success = device.pair_probability * 10 ** (-loss_of(link) / segments / 10)
    slot = 1 / device.clock + link.length / segments / 2e5
    # All segments try at once; the last of N is done after H(N) / p attempts, in the mean.
    waiting = sum(1 / number for number in range(1, segments + 1)) / success * slot
    pairs = device.swap_probability ** (segments - 1) / waiting
    sifted = device.key_basis_share**2 + (1 - device.key_basis_share) ** 2
    error = (1 - (4 * device.elementary_fidelity / 3 - 1 / 3) ** segments) / 2
    entropy = -error * log2(error) - (1 - error) * log2(1 - error)
    secret = pairs * sifted * (1 - (1 + device.reconciliation) * entropy)
    return Compared("key of the chain of repeaters", secret, plan_of(answer("long-range")).rates[link.id], "below")


def spans() -> list[tuple[float, int, Compared]]:
    """Compare spans of the backbone: the longest allowed, the relays of both routes, and the key of its longest."""
    case = read_need("backbone-923")
    told = []
    for longest in SPANS:
        assume: Assumptions = replace(case.assume, span=Kilometres(longest))
        plan = plan_of(proposed(replace(case, assume=assume)))
        worst = max(fibres(plan).values(), key=loss_of)
        way = f"{worst.length:.1f} km, {loss_of(worst):.2f} dB"
        told.append((longest, len(plan.relays) - 2, Compared("", by_hand(loss_of(worst)), plan.rates[worst.id], way)))
    return told


def figures(name: str) -> list[Compared]:
    """Return what is worked out for a case as a whole."""
    return {
        "bank-ring": lambda: [ring_under_a_cut()],
        "backbone-923": lambda: [tenants_under_a_cut()],
        "hospital": lambda: [hospital_a_day("hospital")],
        "hospital-200": lambda: [hospital_a_day("hospital-200")],
        "dci": lambda: [tunnels(), stored()],
        "embassy": lambda: [passes(), cloudy()],
        "long-range": lambda: [repeater()],
    }[name]()


# --- tables ---------------------------------------------------------------------------------------------------------


def shown(rate: float) -> str:
    """Write a rate with a unit that suits it."""
    scale, unit = next(
        (pair for pair in ((1e6, "Mbit/s"), (1e3, "kbit/s")) if rate >= pair[0]),
        (1.0, "bit/s"),
    )
    return f"{rate / scale:.3g} {unit}"


def _compared(each: Compared) -> tuple[str, str, str]:
    """Return both values and their ratio."""
    told = (f"{value:.3g} {each.unit}" if each.unit else shown(value) for value in (each.by_hand, each.by_twin))
    hand, twin = told
    return hand, twin, f"{each.ratio:.2f}"


def links_table(name: str) -> str:
    """Return the fibre links of a case."""
    rows = ((each.what, each.way, *_compared(each)) for each in links(name))
    return markdown_table(("link", "loss", "by hand", "twin", "twin / hand"), rows)


def figures_table(name: str) -> str:
    """Return what is worked out for a case as a whole."""
    rows = ((each.what, each.way, *_compared(each)) for each in figures(name))
    return markdown_table(("what", "way", "by hand", "twin", "twin / hand"), rows)


def verdicts_table(name: str) -> str:
    """Return the verdicts of analysis on a case."""
    rows = (
        (
            f"{each.need.id}",
            f"{each.need.measure}{f', {each.need.under}' if each.need.under else ''}",
            str(each.need.priority),
            each.need.written,
            each.value or "-",
            "-" if each.margin is None else _margin(each.margin),
            f"*{each.outcome}*",
        )
        for each in answer(name).verdicts
    )
    return markdown_table(("need", "measure", "priority", "threshold", "found", "margin", "verdict"), rows)


def _margin(share: float) -> str:
    """Write a margin; of the large ones, how many times what is needed is there."""
    return f"{100 * share:+.0f} %" if share < 10 else f"{1 + share:,.0f} times"


def spans_table() -> str:
    """Return the spans of the backbone beside one another."""
    rows = ((f"{longest:g} km", each.way, str(relays), *_compared(each)) for longest, relays, each in spans())
    return markdown_table(("at most", "longest span", "relays", "by hand", "twin", "twin / hand"), rows)


def tables() -> Mapping[str, Callable[[], str]]:
    """Return what makes each table of the page, by its name there."""
    made: dict[str, Callable[[], str]] = {"backbone-923 spans": spans_table}
    for name in needs():
        made[f"{name} figures"] = _bound(figures_table, name)
        made[f"{name} verdicts"] = _bound(verdicts_table, name)
        if read_need(name).lines and name != "long-range":
            made[f"{name} links"] = _bound(links_table, name)
    return made


def _bound(table: Callable[[str], str], name: str) -> Callable[[], str]:
    return lambda: table(name)


def tables_in(page: str) -> Iterator[tuple[str, str]]:
    """Give the name of each table of the page, and what stands there."""
    for match in _TABLE.finditer(page):
        yield match[1], match[2]


def rewritten(page: str) -> str:
    """Return the page with all tables made anew."""
    made = tables()
    written = _TABLE.sub(lambda match: f"<!-- table: {match[1]} -->\n\n{made[match[1]]()}\n", page)
    return f"{written.rstrip()}\n"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
