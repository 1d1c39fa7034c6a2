"""What a plan is worth, measure by measure, by analysis and inspection: no run is needed. Measures are in `need.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from types import MappingProxyType
from typing import Final

from keytwin.design.cost import CostBook, cost_of
from keytwin.design.model import Method
from keytwin.design.need import Condition, Failure, Need
from keytwin.design.plan import Plan
from keytwin.design.resilience import (
    Worst,
    compromise,
    links_survived,
    nodes_survived,
    served,
    worst_group_failure,
    worst_link_failure,
    worst_node_failure,
)
from keytwin.design.secrecy import computed_by, security_of, takes_quantum_key
from keytwin.design.shares import Way, disjoint_ways
from keytwin.design.throughput import Demand, Overhead, bottleneck
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import NodeId

Pair = tuple[NodeId, NodeId]
_NO_DEMAND: Final = "nobody asks for quantum key at a rate"
COMPUTED: Final = "keys are computed, not received: as many as anybody asks for"
_STOCK_ONLY: Final = "of stock between passes or blocks; a session whose only way is cut ends at once"
_GIGABYTE_A_DAY: Final = 8e9 / 86_400  # in bit/s
_KEY_A_MINUTE: Final = 256 / 60  # of AES-256, in bit/s


@dataclass(frozen=True, slots=True)
class Found:
    """What a measure came to."""

    value: float
    """In the base unit of its quantity; infinity where nothing limits it."""
    method: Method
    culprits: tuple[str, ...] = ()
    """The elements that hold it down."""
    remark: str = ""
    """In words, where the number alone would mislead."""
    best: float | None = None
    """The best that it may come to, where what is known is a range and `value` its bad end; None = it is no range."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What some measures need beside the plan; without it they cannot be told."""

    book: CostBook | None = None
    findings: int | None = None
    """Left in the synchronised views of the configuration."""


NO_YARDSTICK: Final = Yardstick()
OF_THE_CONFIGURATION: Final = frozenset({"readiness", "consistency"})
"""Measures of the choice of variants itself; all others are of the network that it becomes."""


def find_out(plan: Plan, need: Need, pairs: tuple[Pair, ...], yardstick: Yardstick = NO_YARDSTICK) -> Found | None:
    """Return what analysis or inspection makes of a need; None where only a run of the network can tell."""
    match need.measure:
        case "cost":
            return None if yardstick.book is None else price(plan, yardstick.book)
        case "consistency":
            return None if yardstick.findings is None else Found(yardstick.findings, Method.INSPECTION)
        case measure:
            finder = _FINDERS.get(measure)
            return finder(plan, need, pairs) if finder else None


# --- key ------------------------------------------------------------------------------------------------------------


def key_rate(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """The key that the worst served of these pairs gets while all pairs ask at once, under the worst failure."""
    loading = [pair for pair in pairs if takes_quantum_key(plan.promised_to(pair))]
    if not loading:
        return Found(inf, Method.ANALYSIS, remark=COMPUTED)
    worst = worst_failure(plan, need.under)
    asked = {frozenset(demand.ends): demand.rate for demand in plan.demands}
    # All demands are served in the same proportion, so the smallest of them is the worst served.
    least = min(asked.get(frozenset(pair), need.demand) for pair in loading) / need.apps
    # What has failed explains a small rate better than the links that are full because of it.
    culprits = worst.failed or _limits(plan)
    stranded = ", ".join(f"{first} -- {second}" for first, second in (each.ends for each in worst.left.stranded))
    remark = f"no way is left for {stranded}" if stranded else ""
    return Found(worst.left.share * least, Method.ANALYSIS, culprits, remark)


def one_time_pad(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """The traffic that the worst served of these pairs can encrypt bit for bit; what to do where that is too little."""
    for pair in pairs:
        mode = computed_by(plan.promised_to(pair))
        if mode is not None:
            remark = f"keys of {mode} are among them, which are computed: a pad is as random as it is long"
            return Found(0.0, Method.INSPECTION, _named(pair), remark)
    found = key_rate(plan, need, pairs)
    if found.value >= need.threshold or found.remark:
        return found
    # A pad that is too short is no matter of degree: what is left over goes in the clear, or waits.
    most, wanted = found.value / _GIGABYTE_A_DAY, need.threshold / _GIGABYTE_A_DAY
    remark = (
        f"at most {most:.3g} GB a day ({found.value / 1e6:.3g} Mbit/s) can go under a pad here, of {wanted:.3g} GB; "
        f"with AES-256 and a fresh key every minute the same traffic takes {_KEY_A_MINUTE:.3g} bit/s of key"
    )
    return replace(found, remark=remark)


def headroom(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """What is left above all demands."""
    del pairs
    if not plan.demands:
        return Found(inf, Method.ANALYSIS, remark=_NO_DEMAND)
    worst = worst_failure(plan, need.under)
    return Found(worst.left.headroom, Method.ANALYSIS, worst.failed or _limits(plan))


def autonomy(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """How long full stores serve all demands in the dark, each asked for from one end only: the other's stay unused."""
    del need, pairs
    if not plan.demands:
        return Found(inf, Method.ANALYSIS, remark=_NO_DEMAND)
    stored = [span._replace(capacity=float(plan.store) if span.capacity > 0 else 0.0) for span in plan.spans]
    # Bits in stock over bits a second: the share of the demands that a second's worth of stock meets is a time.
    full = replace(plan, usable=1.0, rates={span.id: span.capacity for span in stored})
    lasting = worst_failure(full, None).left
    return Found(lasting.share * 1e9, Method.ANALYSIS, _limits(full), _STOCK_ONLY)


# --- failures -------------------------------------------------------------------------------------------------------


def links_that_may_fail(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return how many links any of the pairs can lose, whichever."""
    del need
    counts = {pair: links_survived(plan.spans, pair, plan.relays) for pair in pairs}
    weakest = min(counts, key=lambda pair: counts[pair])
    return Found(counts[weakest], Method.ANALYSIS, _named(weakest))


def nodes_that_may_fail(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return how many relays any of the pairs can lose, whichever; infinity where all are neighbours."""
    del need
    counts = {pair: nodes_survived(plan.spans, pair, plan.relays) for pair in pairs}
    limited = {pair: count for pair, count in counts.items() if count is not None}
    if not limited:
        return Found(inf, Method.ANALYSIS, remark="every pair has a link of its own")
    weakest = min(limited, key=lambda pair: limited[pair])
    return Found(limited[weakest], Method.ANALYSIS, _named(weakest))


def channels_that_may_be_attacked(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return how many channels may give no key before a pair has no way: a line with all its spans, or a satellite."""
    del need
    # One link stands for a whole channel in series with the others of it: cutting any of them cuts it.
    # From the fewest on: the first number that parts a pair is the one that is one too many.
    for count in range(len(plan.channels) + 1):
        worst = worst_group_failure(plan.spans, _ones(pairs), plan.relays, plan.channels, count)
        if worst.left.stranded:
            return Found(count - 1, Method.ANALYSIS, worst.failed)
    return Found(len(plan.channels), Method.ANALYSIS)


# --- trust ----------------------------------------------------------------------------------------------------------


def third_party_relays(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return the relays of others that may come to see keys: routes change, so each that can relay counts."""
    del need, pairs
    # A node with one link has nothing to pass on, whoever owns it.
    others = tuple(sorted(node for node in _relaying(plan) if plan.owners.get(node)))
    return Found(len(others), Method.INSPECTION, others)


def own_relays(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return the stakeholder's own relays that may come to see keys."""
    del need, pairs
    own = tuple(sorted(node for node in _relaying(plan) if not plan.owners.get(node)))
    return Found(len(own), Method.INSPECTION, own)


def compromised(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return the probability that somebody else has a key of the pair that is worst off."""
    del need
    risks: dict[Pair, float] = {}
    for pair in pairs:
        routes = _routes(plan, pair)
        # Fewer shares than promised would be a weaker key under the same name.
        if len(routes) < plan.routes:
            raise Mistake(
                f"{pair[0]} and {pair[1]} have {len(routes)} routes without a common relay, where each key is to go "
                f"in {plan.routes} shares: ask for fewer shares, or add a line"
            )
        risks[pair] = compromise([route.nodes[1:-1] for route in routes], plan.risks)
    worst = max(risks, key=lambda pair: risks[pair])
    inner = {node for route in _routes(plan, worst) for node in route.nodes[1:-1]}
    return Found(risks[worst], Method.ANALYSIS, tuple(sorted(inner)) or _named(worst))


def security(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return what the secrecy of the keys of the pair that is worst off rests on."""
    del need
    levels = {pair: security_of(plan, pair, _routes(plan, pair)) for pair in pairs}
    # An order and not a number: the weakest pair decides, and no mean of levels would mean anything.
    worst = min(levels, key=lambda pair: levels[pair].place)
    return Found(levels[worst].place, Method.INSPECTION, _named(worst), str(levels[worst]))


def reach(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return the distance of the farthest pair that has a way."""
    del need
    # A pair without a way is not reached, however near it is.
    joined = {pair for pair in pairs if links_survived(plan.spans, pair, plan.relays) >= 0}
    known = {pair: plan.distances[pair] for pair in joined if pair in plan.distances}
    if not known:
        return Found(0.0, Method.ANALYSIS, remark="no pair with a known distance has a way")
    farthest = max(known, key=lambda pair: known[pair])
    return Found(known[farthest], Method.ANALYSIS, _named(farthest))


def price(plan: Plan, book: CostBook) -> Found:
    """Return what a plan costs at most, and at best; the dearest item is the culprit."""
    cost = cost_of(plan, book)
    # The item to talk about first when the price is too high.
    dearest = max(cost.lines, key=lambda line: line.most)
    culprit = f"{dearest.count:g} x {dearest.item}"
    return Found(cost.most, Method.ANALYSIS, (culprit,), f"assumed by cost book {book.name}", best=cost.least)


def readiness(plan: Plan, need: Need, pairs: tuple[Pair, ...]) -> Found:
    """Return the level of the least ready variant."""
    del need, pairs
    if not plan.readiness:
        return Found(0.0, Method.INSPECTION, remark="nobody has judged any of the chosen variants")
    least = min(plan.readiness, key=lambda variant: plan.readiness[variant])
    return Found(plan.readiness[least], Method.INSPECTION, (least,))


# --- what they share ------------------------------------------------------------------------------------------------


def worst_failure(plan: Plan, condition: Condition | None) -> Worst:
    """Return what is left of all demands under the worst failure of a kind, or when nothing fails."""
    # Where nobody asks for a rate, only whether there is a way matters.
    demands, cost = plan.demands or _ones(plan.pairs), Overhead(routes=plan.routes)
    match condition:
        case None:
            return Worst((), served(plan.spans, demands, plan.relays, cost))
        case Condition(failure=Failure.CUT, count=count):
            return worst_link_failure(plan.spans, demands, plan.relays, count, cost)
        case Condition(failure=Failure.ATTACK, count=count):
            return worst_group_failure(plan.spans, demands, plan.relays, plan.channels, count, cost)
        case Condition(count=count):
            return worst_node_failure(plan.spans, demands, plan.relays, count, cost)


def _limits(plan: Plan) -> tuple[str, ...]:
    # In shares every route is fixed, so what is scarcest there is all that limits.
    if plan.routes > 1:
        return served(plan.spans, plan.demands, plan.relays, Overhead(routes=plan.routes)).priced
    return tuple(str(link) for link in bottleneck(plan.spans, plan.demands, plan.relays))


def _ones(pairs: tuple[Pair, ...]) -> tuple[Demand, ...]:
    """Return the least demand for each pair: only whether there is a way matters."""
    return tuple(Demand(pair, 1.0) for pair in pairs)


def _named(pair: Pair) -> tuple[str, ...]:
    return (f"{pair[0]} -- {pair[1]}",)


def _relaying(plan: Plan) -> frozenset[NodeId]:
    """Return the nodes that may relay and have something to relay between."""
    ends = Counter(node for span in plan.spans for node in span.ends)
    return frozenset(node for node in plan.relays if ends[node] > 1)


def _routes(plan: Plan, pair: Pair) -> tuple[Way, ...]:
    """Return the routes of the shares of a key: without a common relay, and as short as so many can be."""
    return disjoint_ways(plan.spans, pair, plan.relays, plan.routes)


_Finder = Callable[[Plan, Need, tuple[Pair, ...]], Found]
_FINDERS: Final[Mapping[str, _Finder]] = MappingProxyType(
    {
        "key-rate": key_rate,
        "one-time-pad": one_time_pad,
        "headroom": headroom,
        "autonomy": autonomy,
        "links-survived": links_that_may_fail,
        "nodes-survived": nodes_that_may_fail,
        "channels-survived": channels_that_may_be_attacked,
        "third-party-relays": third_party_relays,
        "own-relays": own_relays,
        "compromise": compromised,
        "security": security,
        "reach": reach,
        "readiness": readiness,
    }
)
