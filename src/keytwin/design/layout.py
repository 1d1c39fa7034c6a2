"""Lines and satellites of a case laid out as nodes and links: spans that the device reaches, relays where allowed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from keytwin.design.need import Case, Line, Orbiter
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LONGEST_NAME, NodeId, link_id
from keytwin.vocabulary.medium import FIBRE, SATELLITE
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, Duration, Kilometres

LinkRate = Callable[[QLink, Device], float]
"""Mean bit/s of secret key of a link; Mistake, with the physical reason, when there is none."""

MOST_SPANS: Final = 64  # of a line: the most hops a route may have
SHORTEST_SPAN: Final = Kilometres(5.0)  # below it more relays bring nothing that a second device would not

_ANY_KEY: Final = 1e-9  # bit/s: a bit in thirty years is none

SPAN_RULE: Final = "layout-span"
"""A line is cut into as few spans as give enough key."""
WHOLE_RULE: Final = "layout-whole"
"""A line without relays is one link."""
PASS_RULE: Final = "layout-pass"  # noqa: S105  # of a satellite
"""A satellite is a trusted node with a link to each site it passes."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A line or a satellite as part of a network."""

    channel: str
    """Its name: what an attack takes as a whole."""
    links: tuple[QLink, ...]
    relays: tuple[NodeId, ...]
    """Nodes that are there for it alone."""
    owner: str
    """Of these."""
    rates: tuple[float, ...]
    """Of the links."""
    rule: str


def lay_whole(line: Line, device: Device, rate: LinkRate) -> Laid:
    """Lay a line as one link; Mistake, with the physical reason, when it gives no key."""
    link = _span(line, device, 1, 0)
    return Laid(line.channel, (link,), (), "", (rate(link, device),), WHOLE_RULE)


def lay_spans(line: Line, device: Device, rate: LinkRate, wanted: float, longest: Kilometres | None) -> Laid:
    """Cut a line into the fewest spans no longer than `longest` that give `wanted` bit/s each, or all they can.

    Mistake, with the physical reason, when no span however short gives key.
    """
    assert line.relay_owner is not None
    # Rounded up: a span is never longer than the case assumes.
    least = 1 if longest is None else max(1, -int(-line.length // longest))
    # A case may ask for shorter spans than we would cut by ourselves, but never for more hops than a route may have.
    most = max(least, min(MOST_SPANS, int(line.length // SHORTEST_SPAN)))

    def given(number: int) -> float:
        return _rate_or_none(_span(line, device, number, 0), device, rate)

    best = given(most)
    if not best > 0:
        # Asked once more only to hear the physical reason.
        rate(_span(line, device, most, 0), device)  # says why
        raise AssertionError("a link without key has a reason")
    enough = min(best, max(wanted, _ANY_KEY))
    # More spans lose less each and never give less, so the first that is enough is the cheapest, and halving finds it.
    numbers = range(least, most + 1)
    count = numbers[bisect_left(numbers, enough, key=given)]
    links = tuple(_span(line, device, count, index) for index in range(count))
    relays = tuple(_hut(line, index) for index in range(1, count))
    return Laid(line.channel, links, relays, line.relay_owner, (given(count),) * count, SPAN_RULE)


def lay_passes(case: Case, satellite: Orbiter, device: Device, rate: LinkRate) -> Laid:
    """Lay a satellite as a trusted node above the sites that it passes; Mistake, with the reason, without key."""
    # All or nothing: a satellite that gives no key over one of its sites does not join it to the others.
    links = tuple(_passes(case, satellite, device))
    rates = tuple(rate(link, device) for link in links)
    return Laid(satellite.id, links, (satellite.id,), satellite.owner, rates, PASS_RULE)


def _passes(case: Case, satellite: Orbiter, device: Device) -> Iterator[QLink]:
    # A site where nobody wants keys needs no telescope, unless the case says so.
    sites = satellite.sites or tuple(site.id for site in case.sites if site.is_endpoint)
    for index, site in enumerate(sites):
        # One satellite is over one site at a time, so its passes follow one another.
        first = Duration(satellite.passes.first + index * satellite.apart)
        setting = structs.replace(satellite.passes, first=first)
        yield QLink(link_id(site, satellite.id), device.name, medium=SATELLITE, setting=setting)


def _span(line: Line, device: Device, count: int, index: int) -> QLink:
    """Return one of `count` equal spans; connectors take their loss from each."""
    length = Kilometres(line.length / count)
    near = line.ends[0] if index == 0 else _hut(line, index)
    far = line.ends[1] if index == count - 1 else _hut(line, index + 1)
    # The relays carry the line's name already, so their links need none to be told apart.
    name = line.name if count == 1 else ""
    return QLink(
        link_id(near, far, name),
        device.name,
        medium=FIBRE,
        length=length,
        attenuation=line.attenuation,
        total_loss=Decibels(length * line.attenuation + line.extra) if line.extra else None,
    )


def _hut(line: Line, index: int) -> NodeId:
    """Return the name of the relay after so many spans."""
    name = "-".join((*line.ends, *filter(None, (line.name,)))) + f".{index}"
    if len(name) > LONGEST_NAME:
        raise Mistake(f"relay {name!r} would have more than {LONGEST_NAME} characters: shorten the names of its line")
    return NodeId(name)


def _rate_or_none(link: QLink, device: Device, rate: LinkRate) -> float:
    try:
        return rate(link, device)
    except Mistake:
        return 0.0
