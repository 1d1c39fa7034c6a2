"""Why everything is there: need, rule, variant, view element, blueprint element, running element, run and verdict.

A tie says that its source is a reason for its target. They are made when a case is assessed and kept with its verdict,
so a question can be asked in both directions years later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.assessment.answer import Tie
from keytwin.assessment.assess import Assessed
from keytwin.design.plan import Plan
from keytwin.vocabulary.identity import km_of, sae_element, twin_of


class Kind(StrEnum):
    """What stands at the end of a tie, from what is wanted to what was found."""

    NEED = "need"
    RULE = "rule"
    VARIANT = "variant"
    VIEW = "view element"
    BLUEPRINT = "blueprint element"
    RUNNING = "running element"
    RUN = "run"
    VERDICT = "verdict"


_ORDER: Final = tuple(Kind)


def ties(assessed: Assessed) -> Iterator[Tie]:
    """Give every tie of an assessed case, in the order of kinds."""
    yield from _wished(assessed)
    if assessed.architecture is not None:
        for element in assessed.architecture.after.model:
            for variant in element.because:
                yield Tie((Kind.VARIANT, variant), (Kind.VIEW, element.id))
            for rule in element.rules:
                yield Tie((Kind.RULE, rule), (Kind.VIEW, element.id))
    if assessed.plan is not None:
        yield from _laid(assessed, assessed.plan)
    yield from _judged(assessed)


def _wished(assessed: Assessed) -> Iterator[Tie]:
    chosen = assessed.taken.configuration.chosen if assessed.taken else ()
    for wish in assessed.derived.wishes:
        if wish in assessed.given_up:
            continue
        for need in wish.needs:
            yield Tie((Kind.NEED, need), (Kind.RULE, wish.rule), wish.reason)
        for variant in wish.variants:
            # A wish for one of several is the reason only for the one that was taken.
            if variant in chosen:
                yield Tie((Kind.RULE, wish.rule), (Kind.VARIANT, variant), wish.reason)


def _laid(assessed: Assessed, plan: Plan) -> Iterator[Tie]:
    chosen = set(plan.configuration.chosen)
    for name, reasons in plan.because.items():
        for reason in reasons:
            kind = Kind.VARIANT if reason in chosen else Kind.RULE
            yield Tie((kind, reason), (Kind.BLUEPRINT, name))
    for need in assessed.case.needs:
        for app in plan.blueprint.apps:
            if {end.node for end in app.ends} in [set(pair) for pair in assessed.case.pairs(need)]:
                yield Tie((Kind.NEED, need.id), (Kind.BLUEPRINT, app.id), "keys for this pair are asked for")
                for end in app.ends:
                    yield Tie((Kind.NEED, need.id), (Kind.BLUEPRINT, end.node), "keys are wanted here")
    yield from _running(plan)


def _running(plan: Plan) -> Iterator[Tie]:
    blueprint = plan.blueprint
    for node in blueprint.topology.nodes:
        yield Tie((Kind.BLUEPRINT, node.id), (Kind.RUNNING, km_of(node.id)))
    for link in blueprint.topology.links:
        yield Tie((Kind.BLUEPRINT, link.id), (Kind.RUNNING, twin_of(link.id)))
    for app in blueprint.apps:
        promised = blueprint.sla_of(app).id
        for end in app.ends:
            yield Tie((Kind.BLUEPRINT, app.id), (Kind.RUNNING, sae_element(end.sae)))
            if promised in plan.because:
                yield Tie((Kind.BLUEPRINT, promised), (Kind.RUNNING, sae_element(end.sae)))
    # Control serves the network as a whole, so its name is the network's.
    for seat in dict.fromkeys(blueprint.seat.at(node.id) for node in blueprint.topology.nodes):
        for element in (*blueprint.sole_elements, seat.admission, seat.routing, seat.monitoring, seat.controller):
            yield Tie((Kind.BLUEPRINT, blueprint.name), (Kind.RUNNING, element))


def _judged(assessed: Assessed) -> Iterator[Tie]:
    for each in assessed.judged:
        need = each.verdict.need
        verdict = (Kind.VERDICT, f"{need.id}: {each.verdict.outcome}")
        yield Tie((Kind.NEED, need.id), verdict)
        if each.tried is not None:
            yield Tie((Kind.RUN, each.tried.id), verdict, "measured it")
        if assessed.plan is not None and each.verdict.found is not None:
            for element in _elements(assessed.plan, each.verdict.found.culprits):
                yield Tie((Kind.BLUEPRINT, element), verdict, "holds the value down")
    for tried in assessed.tries:
        for app in tried.trial.scenario.blueprint.apps:
            for end in app.ends:
                yield Tie((Kind.RUNNING, sae_element(end.sae)), (Kind.RUN, tried.id))


def _elements(plan: Plan, culprits: Iterable[str]) -> Iterator[str]:
    """Give the elements of a blueprint that culprits are, or consist of; a price is none."""
    topology = plan.blueprint.topology
    known: set[str] = {*(node.id for node in topology.nodes), *(link.id for link in topology.links)}
    pairs = {" -- ".join(end.node for end in app.ends): app.id for app in plan.blueprint.apps}
    known |= {app.id for app in plan.blueprint.apps}
    for culprit in culprits:
        if culprit in known:
            yield culprit
        elif culprit in plan.channels:
            yield from plan.channels[culprit]
        elif culprit in pairs:
            yield pairs[culprit]


Ways = dict[tuple[str, str], list[tuple[str, str]]]
"""Where the ties of each end lead."""

# --- questions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Traced:
    """What leads to something, and what it leads to; names by kind, in the order of kinds."""

    kind: Kind
    name: str
    up: Mapping[Kind, tuple[str, ...]]
    down: Mapping[Kind, tuple[str, ...]]
    why: Mapping[tuple[str, str], str]
    """Reasons of the ties on the way, by the names of their ends."""


def traced(known: Iterable[Tie], name: str) -> tuple[Traced, ...]:
    """Return what leads to everything of this name, and what it leads to; none where nothing has this name."""
    every = tuple(known)
    ends = dict.fromkeys(end for tie in every for end in (tie.source, tie.target) if end[1] == name)
    return tuple(_of(every, (kind, own)) for kind, own in ends)


def names(known: Iterable[Tie]) -> tuple[str, ...]:
    """Return every name that can be asked for, each once."""
    return tuple(dict.fromkeys(end[1] for tie in known for end in (tie.source, tie.target)))


def _of(every: tuple[Tie, ...], start: tuple[str, str]) -> Traced:
    onward: Ways = {}
    back: Ways = {}
    for tie in every:
        onward.setdefault(tie.source, []).append(tie.target)
        back.setdefault(tie.target, []).append(tie.source)
    up, down = _reached(back, start), _reached(onward, start)
    if start[0] == Kind.NEED:
        down = [each for each in down if not _is_of_others(each, start, onward)]
    met = {*up, *down, start}
    told = [tie for tie in every if tie.why and tie.source in met and tie.target in met]
    why = {(tie.source[1], tie.target[1]): tie.why for tie in told}
    return Traced(Kind(start[0]), start[1], _by_kind(up), _by_kind(down), why)


def _is_of_others(found: tuple[str, str], need: tuple[str, str], onward: Ways) -> bool:
    """Whether something is the verdict on another need, or a run that measured only others: runs are shared."""
    own = [end for end in onward[need] if end[0] == Kind.VERDICT]
    if found[0] == Kind.RUN:
        return not any(verdict in onward.get(found, ()) for verdict in own)
    return found[0] == Kind.VERDICT and found not in own


def _reached(ways: Ways, start: tuple[str, str]) -> list[tuple[str, str]]:
    seen: dict[tuple[str, str], None] = {start: None}
    waiting = [start]
    while waiting:
        for each in ways.get(waiting.pop(), ()):
            if each not in seen:
                seen[each] = None
                waiting.append(each)
    return [each for each in seen if each != start]


def _by_kind(found: Iterable[tuple[str, str]]) -> dict[Kind, tuple[str, ...]]:
    some = list(found)
    named = {kind: tuple(sorted({name for each, name in some if each == kind})) for kind in _ORDER}
    return {kind: known for kind, known in named.items() if known}
