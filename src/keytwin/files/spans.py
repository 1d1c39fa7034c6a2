"""Links cut into spans that light can cross, with a trusted node wherever two spans meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final

from keytwin.files.hub import Cable, SiteId
from keytwin.vocabulary.identity import LinkId, NodeId, link_ends, link_id, parse_node
from keytwin.vocabulary.units import Kilometres

DIGITS: Final = 1  # of a span's kilometres: positions of nodes are known to a hundredth of a degree, about a kilometre


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a link between two nodes that keep keys."""

    id: LinkId
    length: Kilometres


@dataclass(frozen=True, slots=True)
class CutLink:
    """A link of a topology: its spans in order, and the trusted nodes between them."""

    spans: tuple[Span, ...]
    between: tuple[NodeId, ...]

    @property
    def ends(self) -> tuple[NodeId, NodeId]:
        """The two nodes of the topology that it joins."""
        return link_ends(self.spans[0].id)[0], link_ends(self.spans[-1].id)[1]


def cut_links(cables: Iterable[Cable], names: Mapping[SiteId, NodeId], longest: Kilometres) -> Iterator[CutLink]:
    """Cut each cable into as few equal spans as are not longer than `longest`; one that leads to itself is left out.

    The trusted nodes of the link from Berlin to Hamburg are `Berlin-Hamburg.1` and so on; those of a second link
    between the two are `Berlin-Hamburg_2.1`, and where no node is needed the link is `Berlin--Hamburg/2`.
    """
    taken = set(names.values())
    stems: set[str] = set()
    # Without direction: a cable from B to A is the second one beside that from A to B.
    met: dict[frozenset[SiteId], int] = {}
    for cable in cables:
        if cable.source == cable.target:
            continue
        ends = (names[cable.source], names[cable.target])
        pair = frozenset((cable.source, cable.target))
        met[pair] = met.get(pair, 0) + 1
        count = spans_needed(cable.dist, longest)
        between = _between(ends, count - 1, stems, taken) if count > 1 else ()
        # Rounding up may pass the longest span by a hair, which a device at its very reach would not forgive.
        length = Kilometres(min(round(cable.dist / count, DIGITS), float(longest)))
        stops = (ends[0], *between, ends[1])
        parallel = str(met[pair]) if met[pair] > 1 and not between else ""
        spans = (Span(link_id(near, far, parallel), length) for near, far in pairwise(stops))
        yield CutLink(tuple(spans), between)


def spans_needed(length: float, longest: Kilometres) -> int:
    """Return the least number of equal spans of which none is longer than `longest`."""
    return max(1, ceil(length / longest))


def _between(ends: tuple[NodeId, NodeId], count: int, stems: set[str], taken: set[NodeId]) -> tuple[NodeId, ...]:
    """Return names for the trusted nodes of a link, none of which anything else has."""
    wanted = "-".join(ends)
    stem, number = wanted, 1
    # A site may be called `Berlin-Hamburg.1` itself: names of others are not ours to give away.
    while stem in stems or any(f"{stem}.{place + 1}" in taken for place in range(count)):
        number += 1
        stem = f"{wanted}_{number}"
    stems.add(stem)
    return tuple(parse_node(f"{stem}.{place + 1}") for place in range(count))
