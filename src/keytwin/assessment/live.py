"""A need on a live network: keys are asked for as a stock client would, and the clock on the wall is watched.

What is found so is evidence of that hour and cannot be replayed; needs under a failure are not tried, for nobody wants
a link cut by an assessment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, inf
from types import MappingProxyType
from typing import Final

from keytwin.design.measures import Found, Pair
from keytwin.design.model import Method
from keytwin.design.need import Case, Need, NeedId
from keytwin.design.verdict import Verdict, judge
from keytwin.operation.key_watch import REQUESTS, Heard, watch
from keytwin.service.operator_values import NetworkStatus, SaeStatus
from keytwin.vocabulary.errors import Mistake


def judge_live(case: Case, status: NetworkStatus, analysed: Mapping[NeedId, Verdict]) -> tuple[Verdict, ...]:
    """Return a verdict on each need of a live network; what asking for keys cannot tell is as `analysed`.

    Mistake when no app of the network joins a pair that a need speaks of; Refusal when the network gives no key at all.
    """
    ends = {pair: _ends(pair, status) for need in case.needs if need.measure in _FINDERS for pair in case.pairs(need)}
    heard = {pair: watch(*both) for pair, both in ends.items()}
    found = {need.id: _found(case, need, heard) for need in case.needs}
    return tuple(judge(need, found[need.id]) if found[need.id] else analysed[need.id] for need in case.needs)


def _ends(pair: Pair, status: NetworkStatus) -> tuple[SaeStatus, SaeStatus]:
    by_app: dict[str, list[SaeStatus]] = {}
    for end in status.saes:
        by_app.setdefault(end.app, []).append(end)
    for ends in by_app.values():
        if {end.node for end in ends} == set(pair):
            return ends[0], ends[-1]
    raise Mistake(f"{status.network} has no app that joins {pair[0]} and {pair[1]}: add one to its file")


def _found(case: Case, need: Need, heard: Mapping[Pair, Heard]) -> Found | None:
    finder = _FINDERS.get(need.measure)
    if finder is None or need.under is not None:
        return None
    values = {pair: finder(heard[pair]) for pair in case.pairs(need)}
    is_high = need.measure != "availability"
    worst = max(values, key=lambda pair: values[pair] if is_high else -values[pair])
    remark = f"{REQUESTS + 1} keys of each pair, one after the other"
    return Found(values[worst], Method.DEMONSTRATION, (f"{worst[0]} -- {worst[1]}",), remark)


def _latency(heard: Heard) -> float:
    """Return what 99 of 100 requests waited at most, in nanoseconds."""
    if not heard.waits:
        return inf
    ordered = sorted(heard.waits)
    return 1e9 * ordered[ceil(0.99 * len(ordered)) - 1]


_FINDERS: Final[Mapping[str, Callable[[Heard], float]]] = MappingProxyType(
    {
        "latency": _latency,
        "set-up-time": lambda heard: 1e9 * heard.set_up,
        "availability": lambda heard: heard.equal / heard.asked,
    }
)
