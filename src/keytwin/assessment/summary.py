"""The answer in a few sentences, for somebody who reads nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from keytwin.assessment.assess import Assessed, Judged
from keytwin.design.need import Need, Priority
from keytwin.design.plan import Plan
from keytwin.design.relaxation import Change
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.verdict import Outcome, Verdict, show_value


def summary(assessed: Assessed) -> tuple[str, ...]:
    """Return whether the need is met and by what, what is missed, the way out, and whether QKD is needed at all."""
    return tuple(_sentences(assessed))


def reason_of(judged: Judged, *, has_run: bool) -> str:
    """Say what holds a value down, or why there is none."""
    verdict = judged.verdict
    match verdict.outcome:
        case Outcome.UNVERIFIABLE:
            if verdict.need.measure:
                return "there is nothing here by which it could be told"
            return "nobody has said how it would be measured"
        case Outcome.UNRUN:
            return "no trial tells it" if has_run else "only a run of the network can tell, and there was none"
        case _:
            pass
    found = verdict.found
    assert found is not None
    held = ", ".join(found.culprits)
    told = f"decided by {held}" if held and not found.remark else held
    return ": ".join(filter(None, (told, found.remark)))


def _sentences(assessed: Assessed) -> Iterator[str]:
    if assessed.taken is None or assessed.plan is None:
        yield from _nothing(assessed)
    else:
        yield f"{_headline(assessed)} {_by_what(assessed, assessed.plan)}."
        yield from _missed(assessed)
        if assessed.plan.not_runnable:
            lacking = ", ".join(assessed.plan.not_runnable)
            yield f"Not runnable yet, so by analysis only: {lacking}."
    for wish in assessed.given_up:
        asking = f" ({_list(wish.needs)})" if wish.needs else ""
        yield f"Your choices stand against this{asking}: {wish.reason}."
    yield from _ways_out(assessed)
    yield _without(assessed)


def _by_what(assessed: Assessed, plan: Plan) -> str:
    if not plan.configuration.chosen:
        return f"on network {plan.blueprint.name}"
    return f"with {_chosen(assessed.ovm, plan.configuration)}"


def _chosen(ovm: Ovm, configuration: Configuration) -> str:
    """Name each variation point that is decided, and its variants, in the order of the OVM."""
    by_point = {
        point.name: [each.name for each in ovm.variants_of(name) if each.id in configuration]
        for name, point in ovm.points.items()
    }
    return ", ".join(f"{point} {' and '.join(names)}" for point, names in by_point.items() if names)


def _headline(assessed: Assessed) -> str:
    if assessed.is_met:
        return "Everything that must be met is met"
    verdicts = [each.verdict for each in assessed.judged]
    missed = [each.need.id for each in verdicts if each.rejects]
    if missed:
        return f"Not met: {_list(missed)} must be met and {'is' if len(missed) == 1 else 'are'} not,"
    unsure = [
        each.need.id for each in verdicts if each.need.priority is Priority.MUST and each.outcome is not Outcome.MET
    ]
    return f"Nothing that must be met is missed, but {_list(unsure)} cannot be told yet,"


def _missed(assessed: Assessed) -> Iterator[str]:
    for each in assessed.judged:
        verdict = each.verdict
        if verdict.outcome is Outcome.MISSED:
            yield f"{_named(verdict.need)} comes to {verdict.value}{_why(verdict)}; {verdict.need.written} is wanted."
        elif verdict.outcome is Outcome.OPEN:
            yield f"{_named(verdict.need)} is open: {_range(verdict)}; {verdict.need.written} is wanted."
        elif verdict.outcome is Outcome.UNVERIFIABLE:
            yield f"{verdict.need.id} cannot be verified: {reason_of(each, has_run=bool(assessed.tries))}."


def _range(verdict: Verdict) -> str:
    assert verdict.found is not None
    assert verdict.found.best is not None
    ends = sorted((verdict.found.best, verdict.found.value))
    return f"it comes to between {' and '.join(show_value(verdict.measure, end) for end in ends)}"


def _named(need: Need) -> str:
    under = f" under {need.under}" if need.under else ""
    return f"{need.id}, a {need.priority}: {need.measure}{under}"


def _why(verdict: Verdict) -> str:
    assert verdict.found is not None
    told = [*([", ".join(verdict.found.culprits)] if verdict.found.culprits else [])]
    told += [verdict.found.remark] if verdict.found.remark else []
    return f" ({'; '.join(told)})" if told else ""


def _nothing(assessed: Assessed) -> Iterator[str]:
    if not assessed.proposals:
        yield "No design: what is wanted excludes itself."
        groups = assessed.clash.conflicts if assessed.clash else ()
        for group in groups:
            yield f"These cannot be had together: {'; '.join(wish.reason for wish in group)}."
        return
    yield "No design: none of the configurations that meet the rules gives key on these sites."
    for reason in dict.fromkeys(each.why_not for each in assessed.proposals):
        yield f"{reason}."


def _ways_out(assessed: Assessed) -> Iterator[str]:
    for group in assessed.conflicts:
        if len(group) > 1:
            yield f"No design meets {_list(need.id for need in group)} together."
    if assessed.relaxed:
        first = assessed.relaxed[0]
        yield f"The cheapest way out is to {_list(map(_change, first.changes))}."


def _change(change: Change) -> str:
    if change.gives_up:
        return f"give up {change.need.id}"
    return f"relax {change.need.id} from {change.need.written} to {change.written}"


def _without(assessed: Assessed) -> str:
    """Say whether post-quantum key agreement alone would do: as often as not the honest answer."""
    missed = [each for each in assessed.baseline if each.outcome is Outcome.MISSED]
    musts = [each.need.id for each in missed if each.need.priority is Priority.MUST]
    alone = "post-quantum key agreement alone"
    if musts:
        return f"Without QKD, {alone} would miss {_list(musts)}, which must be met."
    if missed:
        wished = _list(each.need.id for each in missed)
        return f"You do not have to have QKD for this: {alone} misses only {wished}, which is wished for."
    return f"You do not need QKD for this: {alone} meets everything that can be told without a run."


def _list(words: Iterable[str]) -> str:
    some = list(words)
    return some[0] if len(some) == 1 else f"{', '.join(some[:-1])} and {some[-1]}" if some else "nothing"
