"""How much end-to-end key a network sustains for all its demands at once: a maximum concurrent flow.

The linear programme over the flow of each demand through each direction of each link: Shahrokhi, Matula, J. ACM 37 318.
A bit of end-to-end key takes one bit of each link on its way as one-time pad, and its part of the relay message's tag;
between neighbours it is the quantum key itself (paper B, Fig. 3b). Both directions of a link draw on the same key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from keytwin.algorithms.flow import largest_flow
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.units import Bits

TAG_KEY: Final = Bits(256)  # bits of fresh pad for the one-time tag of a relay message (Poly1305's key)
MOST_CACHED: Final = 64  # programmes kept; one takes some kilobytes a demand
MOST_ANSWERS: Final = 1_024  # kept of each question; one takes some hundred bytes a link
NEGLIGIBLE: Final = 1e-9  # of a share: what a solver leaves of nothing
WIDER: Final = 2.0  # as much key on a link, to see whether it limits

Reals: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]


class Span(NamedTuple):
    """A link as the programme sees it."""

    id: LinkId
    ends: tuple[NodeId, NodeId]
    capacity: float
    """Bits of key a second, both directions together."""


class Demand(NamedTuple):
    """Two nodes that want so many bits of end-to-end key a second."""

    ends: tuple[NodeId, NodeId]
    rate: float


@dataclass(frozen=True, slots=True)
class Sustained:
    """What all demands get at once."""

    share: float
    """Of each demand's rate, the same for all: 1 or more = all are met. 0 when a demand has no way at all."""
    load: Mapping[LinkId, float]
    """Bits of key a second that each link spends when every demand has this share."""
    priced: tuple[LinkId, ...]
    """Links whose key is worth something in the optimum found; where several optima meet, `bottleneck` says more."""
    stranded: tuple[Demand, ...] = ()
    """Demands without any way."""

    @property
    def headroom(self) -> float:
        """What is left above the demands, as a share of them; negative where they are not met."""
        return self.share - 1.0


class Overhead(NamedTuple):
    """What relaying costs beside the pad."""

    key_size: Bits = Bits(256)
    batch: int = 64
    routes: int = 1
    """Routes without a common relay over which each key goes in shares; with more than one see `shares.py`."""

    @property
    def factor(self) -> float:
        """Bits of link key spent per relayed bit and hop: (batch bits + 256) / batch bits."""
        carried = self.batch * self.key_size
        return (carried + TAG_KEY) / carried


USUAL_OVERHEAD: Final = Overhead()


def sustained(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    overhead: Overhead = USUAL_OVERHEAD,
) -> Sustained:
    """Return the largest share of all demands that the network sustains; only `relays` may pass key on.

    Demands must have a rate above 0; capacities of 0 stand for links that are down.
    """
    assert demands
    assert all(demand.rate > 0 for demand in demands)
    assert all(span.capacity >= 0 for span in spans)
    return _sustained(tuple(spans), tuple(demands), relays, overhead)


def bottleneck(
    spans: Sequence[Span],
    demands: Sequence[Demand],
    relays: frozenset[NodeId],
    overhead: Overhead = USUAL_OVERHEAD,
) -> tuple[LinkId, ...]:
    """Return links that hold the share down: with more key on all of them every demand would have more.

    None when a demand has no way at all: then no amount of key on the links that there are would help.
    """
    return _bottleneck(tuple(spans), tuple(demands), relays, overhead)


# --- answers, each worked out once: hundreds of configurations are a handful of networks ---------------------------


@lru_cache(maxsize=MOST_ANSWERS)
def _sustained(
    spans: tuple[Span, ...], demands: tuple[Demand, ...], relays: frozenset[NodeId], overhead: Overhead
) -> Sustained:
    # A pair without any way makes the common share 0, and the programme could not say whose fault that is.
    stranded = tuple(demand for demand in demands if not _is_joined(demand, spans, relays))
    if stranded:
        return Sustained(0.0, MappingProxyType(dict.fromkeys((span.id for span in spans), 0.0)), (), stranded)
    if len(demands) == 1:
        return _alone(spans, demands[0], relays, overhead)
    # Capacities stay out of the programme: under failures only they change, and a failure is a capacity of 0.
    programme = _programme(tuple((span.id, span.ends) for span in spans), demands, relays, overhead)
    return programme.solve(np.array([span.capacity for span in spans], dtype=np.float64))


def _alone(spans: tuple[Span, ...], demand: Demand, relays: frozenset[NodeId], overhead: Overhead) -> Sustained:
    """Return what a demand without others gets: a maximum flow, for which nobody needs a linear programme."""
    ends = set(demand.ends)
    # The links of the two ends themselves hand their key on as it is, and no other way uses them.
    own = [span for span in spans if set(span.ends) == ends]
    others = [span for span in spans if set(span.ends) != ends]
    flow = largest_flow([span.ends for span in others], [span.capacity for span in others], *demand.ends, relays)
    used = {span.id: spent for span, spent in zip(others, flow.used, strict=True)}
    load = {span.id: used.get(span.id, span.capacity) for span in spans}
    priced = {*(span.id for span in own), *(others[place].id for place in flow.cut)}
    rate = sum(span.capacity for span in own) + flow.value / overhead.factor
    named = tuple(span.id for span in spans if span.id in priced)
    return Sustained(rate / demand.rate, MappingProxyType(load), named)


@lru_cache(maxsize=MOST_ANSWERS)
def _bottleneck(
    spans: tuple[Span, ...], demands: tuple[Demand, ...], relays: frozenset[NodeId], overhead: Overhead
) -> tuple[LinkId, ...]:
    found = sustained(spans, demands, relays, overhead)
    if found.stranded:
        return ()
    limits: dict[LinkId, None] = {}
    widened, share = list(spans), found.share
    while found.share <= share * (1 + NEGLIGIBLE):
        # Links that limit alike hide behind one another: widen those that show until the share moves.
        assert not limits.keys() >= set(found.priced), "a link that was widened cannot limit"
        limits |= dict.fromkeys(found.priced)
        # Twice as much and not just a little more: a solver's tolerance must not hide the gain.
        widened = [each._replace(capacity=each.capacity * (WIDER if each.id in limits else 1)) for each in spans]
        found = sustained(widened, demands, relays, overhead)
    return tuple(span.id for span in spans if span.id in limits)


_Wire: TypeAlias = tuple[LinkId, tuple[NodeId, NodeId]]


class _Arc(NamedTuple):
    """One direction of one link, as one demand may use it."""

    demand: int
    wire: int
    tail: NodeId
    head: NodeId
    price: float
    """Bits of the link's key per bit of end-to-end key."""


class _Rows(NamedTuple):
    """A sparse matrix as triplets."""

    shape: tuple[int, int]
    rows: Places
    columns: Places
    values: Reals

    @classmethod
    def of(cls, shape: tuple[int, int], entries: list[tuple[int, int, float]]) -> _Rows:
        rows, columns, values = zip(*entries, strict=True)
        return cls(shape, np.array(rows), np.array(columns), np.array(values))

    def times(self, vector: Reals) -> Reals:
        """Return the product with a column."""
        weights = self.values * vector[self.columns]
        return np.asarray(np.bincount(self.rows, weights, self.shape[0]), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Programme:
    """The programme of a topology and its demands, without capacities: these change, all else is made once."""

    wires: tuple[_Wire, ...]
    largest: float
    """Demand, in bit/s: the last variable is what it gets."""
    conservation: _Rows
    """A row a demand and node: what comes in less what goes out, and what the demand adds there."""
    consumption: _Rows
    """A row a link."""

    def solve(self, capacities: Reals) -> Sustained:
        # scipy takes 0.4 s to import, and only those who plan come here.
        from scipy.optimize import linprog  # noqa: PLC0415
        from scipy.sparse import csr_array  # noqa: PLC0415

        rows, columns = self.conservation.shape
        objective = np.zeros(columns)
        # The solver minimises.
        objective[-1] = -1.0
        scale = float(capacities.max())  # a solver's tolerances are absolute: keep all numbers near 1
        # Made anew each time: building them costs little beside the solution, and nothing untyped is kept.
        equal, at_most = (
            csr_array((each.values, (each.rows, each.columns)), shape=each.shape)
            for each in (self.conservation, self.consumption)
        )
        found = linprog(objective, A_ub=at_most, b_ub=capacities / scale, A_eq=equal, b_eq=np.zeros(rows))
        assert found.status == 0, found.message  # no flow at all is always possible, and the links bound the share
        flows = np.asarray(found.x, dtype=np.float64) * scale
        names = [name for name, _ in self.wires]
        load = dict(zip(names, self.consumption.times(flows).tolist(), strict=True))
        prices = np.asarray(found.ineqlin.marginals, dtype=np.float64)
        priced = tuple(name for name, price in zip(names, prices, strict=True) if price < -NEGLIGIBLE)
        return Sustained(float(flows[-1]) / self.largest, MappingProxyType(load), priced)


@lru_cache(maxsize=MOST_CACHED)
def _programme(
    wires: tuple[_Wire, ...], demands: tuple[Demand, ...], relays: frozenset[NodeId], overhead: Overhead
) -> _Programme:
    """Write the programme of a topology down."""
    arcs = [arc for index, demand in enumerate(demands) for arc in _arcs(index, demand, wires, relays, overhead)]
    # A row for every node of every demand: what comes in goes out again, but at the demand's own ends.
    row_of = {node: row for row, node in enumerate(dict.fromkeys(node for _, ends in wires for node in ends))}
    largest, share = max(demand.rate for demand in demands), len(arcs)
    entries: list[tuple[int, int, float]] = []
    for column, arc in enumerate(arcs):
        base = arc.demand * len(row_of)
        entries += [(base + row_of[arc.head], column, 1.0), (base + row_of[arc.tail], column, -1.0)]
    for index, demand in enumerate(demands):
        # Relative to the largest demand, so that the last variable is near the capacities in size.
        base, part = index * len(row_of), demand.rate / largest
        entries += [(base + row_of[end], share, sign * part) for end, sign in zip(demand.ends, (1, -1), strict=True)]
    spent = [(arc.wire, column, arc.price) for column, arc in enumerate(arcs)]
    return _Programme(
        wires,
        largest,
        _Rows.of((len(demands) * len(row_of), share + 1), entries),
        _Rows.of((len(wires), share + 1), spent),
    )


def _arcs(
    index: int, demand: Demand, wires: tuple[_Wire, ...], relays: frozenset[NodeId], overhead: Overhead
) -> Iterator[_Arc]:
    """Give the directions that a demand may use: out of its source and of relays, never back into its source."""
    source, target = demand.ends
    for wire, (_, (first, second)) in enumerate(wires):
        for tail, head in ((first, second), (second, first)):
            # A flow that came back to its source, or went on from its target, would only feed itself.
            if (tail == source or tail in relays) and tail != target and head != source:
                # Only a link that joins the two ends themselves hands its key on as it is: no pad, and no tag.
                is_neighbour = (tail, head) == demand.ends
                yield _Arc(index, wire, tail, head, 1.0 if is_neighbour else overhead.factor)


def _is_joined(demand: Demand, spans: Sequence[Span], relays: frozenset[NodeId]) -> bool:
    """Whether some way has key on all its links and passes relays only."""
    source, target = demand.ends
    reached, waiting = {source}, [source]
    while waiting:
        node = waiting.pop()
        for span in spans:
            # A link that is down is no way, though the programme knows it.
            if span.capacity > 0 and node in span.ends:
                far = span.ends[node == span.ends[0]]
                if far == target:
                    return True
                if far in relays and far not in reached:
                    reached.add(far)
                    waiting.append(far)
    return False
