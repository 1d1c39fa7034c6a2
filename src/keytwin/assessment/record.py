"""An assessed case as an answer to be written down: in words and numbers, and nothing that another run would change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from math import isinf

from keytwin.assessment.answer import (
    FORMAT,
    KIND,
    Answer,
    Asked,
    BaselineLine,
    ChangeLine,
    ChannelLine,
    EvidenceLine,
    FoundLine,
    PlaceLine,
    ProposalLine,
    RunLine,
    VerdictLine,
    WishLine,
)
from keytwin.assessment.assess import Assessed, Judged
from keytwin.assessment.summary import reason_of, summary
from keytwin.assessment.tracing import ties
from keytwin.assessment.trials import ERROR_RATE, Tried
from keytwin.design.cost import CostBook, cost_of
from keytwin.design.measures import Found
from keytwin.design.need import MEASURES, Case, Measure, Need
from keytwin.design.plan import Plan
from keytwin.design.proposals import Proposal
from keytwin.design.verdict import Outcome, show_value
from keytwin.files.network import write_network
from keytwin.runtime.trace import own_version
from keytwin.vocabulary.units import Duration, in_seconds

BASE_UNITS: Mapping[str, str] = {
    "rate": "bit/s",
    "duration": "ns",
    "money": "EUR",
    "length": "km",
    "share": "1",
    "count": "1",
    "level": "place in the order",
}
"""By quantity: in what `value`s of an answer are."""


def recorded(assessed: Assessed, need_text: bytes, book: CostBook, take: int | None = None) -> Answer:
    """Return the answer; `need_text` is the file that the case was read from."""
    case, plan = assessed.case, assessed.plan
    return Answer(
        format=FORMAT,
        kind=KIND,
        keytwin=own_version(),
        name=case.name,
        stakeholder=case.stakeholder,
        about=case.about,
        summary=summary(assessed),
        is_met=assessed.is_met,
        seed=assessed.seed,
        take=take,
        costs=book.name,
        hashes=dict(_hashes(need_text, plan)),
        ovm=assessed.ovm.name,
        variants=plan.configuration.chosen if plan else (),
        verdicts=tuple(_verdict(case, each, assessed.tries) for each in assessed.judged),
        baseline=tuple(_without(assessed)),
        wishes=tuple(_wishes(assessed)),
        clash=tuple(_clash(assessed)),
        conflicts=tuple(tuple(need.id for need in group) for group in assessed.conflicts),
        relaxations=tuple(_relaxed(assessed)),
        proposals=tuple(_proposals(assessed, book)),
        runs=tuple(map(_run, assessed.tries)),
        places=tuple(_places(case, plan)),
        channels=tuple(_channels(plan)),
        left_out=dict(plan.left_out) if plan else {},
        not_runnable=plan.not_runnable if plan else (),
        assumptions=tuple(_assumptions(assessed, book)),
        trace=tuple(ties(assessed)),
    )


def sha256(octets: bytes) -> str:
    """Return the digest of a file's octets."""
    return hashlib.sha256(octets).hexdigest()


def _without(assessed: Assessed) -> Iterator[BaselineLine]:
    for each in assessed.baseline:
        yield BaselineLine(each.need.id, each.outcome, each.value, each.found.remark if each.found else "")


def _wishes(assessed: Assessed) -> Iterator[WishLine]:
    for each in assessed.derived.wishes:
        is_given_up = each in assessed.given_up
        yield WishLine(each.rule, each.stance, each.variants, each.reason, each.needs, is_given_up)


def _clash(assessed: Assessed) -> Iterator[tuple[str, ...]]:
    for group in assessed.clash.conflicts if assessed.clash else ():
        yield tuple(wish.reason for wish in group)


def _relaxed(assessed: Assessed) -> Iterator[tuple[ChangeLine, ...]]:
    for each in assessed.relaxed:
        yield tuple(ChangeLine(change.need.id, change.need.written, change.written) for change in each.changes)


def _hashes(need_text: bytes, plan: Plan | None) -> Iterator[tuple[str, str]]:
    yield "need.yaml", sha256(need_text)
    if plan is not None:
        yield "network.yaml", sha256(write_network(plan.blueprint).encode())


# --- verdicts -------------------------------------------------------------------------------------------------------


def asked(case: Case, need: Need) -> Asked:
    """Return a need as it is told."""
    pairs = tuple(f"{first} -- {second}" for first, second in case.pairs(need))
    under = str(need.under) if need.under else ""
    return Asked(need.id, need.text, need.priority, need.measure, need.written, under, pairs)


def _verdict(case: Case, judged: Judged, tries: tuple[Tried, ...]) -> VerdictLine:
    verdict = judged.verdict
    measure = MEASURES.get(verdict.need.measure)
    margin = verdict.margin
    return VerdictLine(
        need=asked(case, verdict.need),
        outcome=verdict.outcome,
        shown=verdict.value,
        unit=BASE_UNITS[measure.quantity] if measure else "",
        margin=None if margin is None or isinf(margin) else margin,
        method=verdict.found.method if verdict.found else "",
        reason=reason_of(judged, has_run=bool(tries)),
        analysed=_found(measure, judged.analysed),
        measured=_found(measure, judged.measured),
        evidence=_evidence(judged.tried) if judged.tried else None,
    )


def _found(measure: Measure | None, found: Found | None) -> FoundLine | None:
    if measure is None or found is None:
        return None
    value = None if isinf(found.value) else found.value
    return FoundLine(found.method, show_value(measure, found.value), value, found.remark, found.culprits)


def _evidence(tried: Tried) -> EvidenceLine:
    events = tried.outcome.events
    # What is asked of a network that suffers is seen from the failure on.
    first, last = (events.opened, events.total) if tried.under is None else (events.failed, events.total)
    return EvidenceLine(tried.id, tried.seed, first, last)


# --- proposals ------------------------------------------------------------------------------------------------------


def _proposals(assessed: Assessed, book: CostBook) -> Iterator[ProposalLine]:
    for number, each in enumerate(assessed.proposals, 1):
        yield ProposalLine(
            number=number,
            variants=each.configuration.chosen,
            is_acceptable=each.is_acceptable,
            is_taken=each is assessed.taken,
            why_not=each.why_not,
            found={verdict.need.id: verdict.value for verdict in each.verdicts if verdict.found},
            missed=tuple(verdict.need.id for verdict in each.verdicts if verdict.outcome is Outcome.MISSED),
            cost=show_value(MEASURES["cost"], cost_of(each.plan, book).most) if each.plan else "",
            not_runnable=each.plan.not_runnable if each.plan else (),
            readiness=_least_ready(assessed, each),
        )


def _least_ready(assessed: Assessed, proposal: Proposal) -> str:
    known = {
        variant: level
        for variant in proposal.configuration.chosen
        if (level := assessed.ovm.variants[variant].readiness) is not None
    }
    if not known:
        return ""
    least = min(known, key=lambda variant: known[variant])
    return f"{assessed.ovm.variants[least].name} at level {known[least]:g} of 9"


# --- the network and its runs ---------------------------------------------------------------------------------------


def _because(plan: Plan, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the variants and the rules that put a node or a link there."""
    said = plan.because.get(name, ())
    chosen = set(plan.configuration.chosen)
    return tuple(each for each in said if each in chosen), tuple(each for each in said if each not in chosen)


def _places(case: Case, plan: Plan | None) -> Iterator[PlaceLine]:
    if plan is None:
        return
    sites = {site.id: site for site in case.sites}
    for node in plan.blueprint.topology.nodes:
        site = sites.get(node.id)
        owner = plan.owners.get(node.id, "")
        is_endpoint, position = (site.is_endpoint, site.position) if site else (False, None)
        yield PlaceLine(node.id, owner, is_endpoint, position, *_because(plan, node.id))


def _channels(plan: Plan | None) -> Iterator[ChannelLine]:
    if plan is None:
        return
    for link in plan.blueprint.topology.links:
        rate = plan.rates[link.id]
        yield ChannelLine(link.id, link.ends, link.medium, link.length, link.device, rate, *_because(plan, link.id))


def _run(tried: Tried) -> RunLine:
    seen = tried.outcome.apps
    is_calm = tried.under is None
    rate = min((each.rate if is_calm else each.rate_after for each in seen), default=0.0)
    return RunLine(
        id=tried.id,
        under=str(tried.under) if tried.under else "",
        failed=tried.failed,
        seed=tried.seed,
        seconds=in_seconds(tried.outcome.evidence.duration),
        events=tried.outcome.events.total,
        trace=tried.trace,
        throughput=show_value(MEASURES["key-rate"], rate),
        response_delay=_longest(each.latency for each in seen),
        delay_variation=_longest(each.variation for each in seen),
        error_ratio=f"{max((each.errors for each in seen), default=0.0):.3g}",
        loss_ratio=f"{max((each.losses for each in seen), default=0.0):.3g}",
        availability=show_value(MEASURES["availability"], min((each.availability for each in seen), default=0.0)),
        restoration="" if is_calm else _longest(each.restoration for each in seen),
    )


def _longest(times: Iterable[Duration | None]) -> str:
    known = list(times)
    # One that never ended is longer than all others.
    if not known or None in known:
        return "never"
    return show_value(MEASURES["latency"], max(time for time in known if time is not None))


# --- assumptions ----------------------------------------------------------------------------------------------------


def _assumptions(assessed: Assessed, book: CostBook) -> Iterator[str]:
    assume, plan = assessed.case.assume, assessed.plan
    yield f"prices: cost book {book.name}, over {book.years} years; {book.about}"
    yield f"a relay is in somebody else's hands with a probability of {assume.risk:g}, unless its site says otherwise"
    if assume.span is not None:
        yield f"lines with relays are cut into spans of at most {assume.span:g} km"
    if plan is None:
        return
    yield (
        f"a share of {plan.usable:.3g} of the key that a link makes can be promised: either end of a session may ask, "
        "so its rate is kept free in both directions, less admission's margin"
    )
    yield f"an attack on a channel flips {ERROR_RATE:.0%} of the bits of each of its links"
    for name, device in sorted(plan.blueprint.devices.items()):
        yield f"device {name}: {device.about}" if device.about else f"device {name}"
