"""Why the design is as it is: the rules and what they asked for, what else was looked at, and the ways out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from keytwin.assessment.answer import Answer, ProposalLine, WishLine
from keytwin.design.derivation import Stance
from keytwin.design.verdict import Outcome
from keytwin.report.html_elements import (
    Markup,
    code,
    counted,
    element,
    facts,
    folded,
    joined,
    listed,
    section,
    table,
    told,
    typed,
    unbroken,
)
from keytwin.report.html_wording import Names, badge

MOST_PROPOSALS: Final = 24  # in the table; verdict.json has all of them
LEFT_OPEN: Final = "No rule asks for it: it was left open, and is what the design that was taken has."


# --- choices --------------------------------------------------------------------------------------------------------


def choices(answer: Answer, names: Names) -> Markup:
    """Return what was chosen and why, what was ruled out, and what was given up."""
    if not answer.variants and not answer.wishes:
        return Markup()
    rows = [(names.of(each), names.about(each), _why(answer, each)) for each in answer.variants]
    return section(
        "choices",
        "What was chosen, and why",
        element(
            "p",
            "A network can be built in many ways. Rules turn the needs into wishes for or against each way of doing "
            "something; the design is one that keeps them.",
        ),
        table("What was chosen", ("Choice", "What it is", "Why"), rows) if rows else "",
        _given_up(answer, names),
        _clash(answer),
        _ruled_out(answer, names),
        _not_runnable(answer, names),
    )


def _why(answer: Answer, variant: str) -> Markup:
    wishes = [each for each in answer.wishes if each.stance == Stance.TAKE and variant in each.variants]
    reasons = listed(_reason(each) for each in wishes if not each.is_given_up)
    return reasons or Markup(LEFT_OPEN)


def _reason(wish: WishLine) -> Markup:
    needs = f" ({told(wish.needs)})" if wish.needs else ""
    return joined([f"{_sentence(wish.reason)}{needs} ", code(wish.rule)])


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def _given_up(answer: Answer, names: Names) -> Markup:
    lost = [each for each in answer.wishes if each.is_given_up]
    if not lost:
        return Markup()
    rows = [
        (_reason(each), "wanted" if each.stance == Stance.TAKE else "unwanted", names.all(each.variants))
        for each in lost
    ]
    return element(
        "div",
        element("h3", "What was given up"),
        element("p", "Your own choices stand against these rules, and your choices count."),
        table("Wishes that were given up", ("Rule", "Makes", "What"), rows),
    )


def _clash(answer: Answer) -> Markup:
    if not answer.clash:
        return Markup()
    return element(
        "div",
        element("h3", "What cannot be had together"),
        *(listed(map(_sentence, group)) for group in answer.clash),
    )


def _ruled_out(answer: Answer, names: Names) -> Markup:
    left: dict[str, list[WishLine]] = defaultdict(list)
    for wish in answer.wishes:
        if wish.stance == Stance.LEAVE and not wish.is_given_up:
            for variant in wish.variants:
                left[variant].append(wish)
    if not left:
        return Markup()
    rows = [(names.of(variant), listed(map(_reason, wishes))) for variant, wishes in sorted(left.items())]
    title = f"What was ruled out: {counted(len(rows), 'way')} of doing something"
    return folded(title, table("What was ruled out", ("Not taken", "Why not"), rows))


def _not_runnable(answer: Answer, names: Names) -> Markup:
    if not answer.not_runnable:
        return Markup()
    lacking = names.all(answer.not_runnable)
    return element("p", f"Worked out only, for keytwin cannot run it yet: {lacking}. Nothing else stands in for it.")


# --- proposals ------------------------------------------------------------------------------------------------------


def proposals(answer: Answer, names: Names) -> Markup:
    """Return the other designs that were looked at; none gets a score, for what counts is whose need it is."""
    if len(answer.proposals) < 2:
        return Markup()
    common = set.intersection(*(set(each.variants) for each in answer.proposals))
    built = [each for each in answer.proposals if not each.why_not]
    shown = [each for index, each in enumerate(built) if index < MOST_PROPOSALS or each.is_taken]
    needs = list(dict.fromkeys(need for each in shown for need in [*each.found, *each.missed]))
    heads = ("No.", "Standing", "What sets it apart", "Costs at most", "Least ready part", *needs)
    rows = [_proposal(each, common, needs, names) for each in shown]
    rest = len(built) - len(shown)
    return section(
        "proposals",
        "What else was looked at",
        element(
            "p",
            "Values here are worked out, not measured. There is no overall score: which of these is best depends on "
            "what a reader gives for each need. To design another one, type its number: ",
            typed("keytwin design need.yaml --take 2 -o other"),
        ),
        table("Designs that can be laid out", heads, rows, "proposals") if rows else "",
        element("p", f"{counted(rest, 'more design')} in verdict.json.") if rest else "",
        _impossible(answer, common, names),
    )


def _proposal(each: ProposalLine, common: set[str], needs: Sequence[str], names: Names) -> tuple[str, ...]:
    own = told([names.of(variant) for variant in each.variants if variant not in common])
    taken = "taken" if each.is_taken else "would do" if each.is_acceptable else f"misses {told(each.missed)}"
    values = (_value(each, need) for need in needs)
    said = (own or "as chosen", unbroken(each.cost or "-"), each.readiness or "-")
    return str(each.number), taken, *said, *values


def _value(each: ProposalLine, need: str) -> Markup:
    shown = unbroken(each.found.get(need, "-"))
    return joined([f"{shown} ", badge(Outcome.MISSED)]) if need in each.missed else joined([shown])


def _impossible(answer: Answer, common: set[str], names: Names) -> Markup:
    reasons: dict[str, list[ProposalLine]] = defaultdict(list)
    for each in answer.proposals:
        if each.why_not:
            reasons[each.why_not].append(each)
    if not reasons:
        return Markup()
    number = sum(map(len, reasons.values()))
    return folded(
        f"{counted(number, 'design')} that cannot be built here, and why not",
        listed(
            joined([element("strong", f"{reason}. "), f"No. {_numbers(group)}: {_own(group, common, names)}"])
            for reason, group in reasons.items()
        ),
    )


def _numbers(group: Sequence[ProposalLine]) -> str:
    return ", ".join(str(each.number) for each in group)


def _own(group: Sequence[ProposalLine], common: set[str], names: Names) -> str:
    shared = set.intersection(*(set(each.variants) for each in group)) - common
    return names.all(sorted(shared)) or "designs of several kinds"


# --- ways out -------------------------------------------------------------------------------------------------------


def ways_out(answer: Answer) -> Markup:
    """Return what stands in conflict and what to ask less of, where nothing fits."""
    if not answer.conflicts and not answer.relaxations:
        return Markup()
    return section(
        "ways-out",
        "Nothing fits: what can be done",
        element("div", *_conflicts(answer)),
        element("h3", "The cheapest ways out") if answer.relaxations else "",
        element("p", "Ask a little less of the needs on one line, and there is a design; the smallest change is first.")
        if answer.relaxations
        else "",
        listed((_relaxation(answer, number) for number in range(len(answer.relaxations))), "ol"),
    )


def _conflicts(answer: Answer) -> Iterator[Markup]:
    for group in answer.conflicts:
        if len(group) == 1:
            yield element("p", f"No design meets {group[0]}, whatever becomes of the other needs.")
        else:
            yield element("p", f"No design meets {told(group)} together; without one of them there would be a way.")


def _relaxation(answer: Answer, number: int) -> Markup:
    return facts((each.need, f"from {each.was} to {each.becomes}") for each in answer.relaxations[number])
