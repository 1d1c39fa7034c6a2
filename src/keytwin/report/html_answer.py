"""The head of a report: whether the need is met, in a word, in a sentence, and need by need in one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from keytwin.assessment.answer import Answer, VerdictLine
from keytwin.design.need import Priority
from keytwin.design.verdict import Outcome
from keytwin.report.html_elements import Markup, counted, element, joined, section, table, told, unbroken
from keytwin.report.html_wording import MEANINGS, anchor, asked_short, badge


def head(answer: Answer) -> Markup:
    """Return the title, who asks for what, and the answer."""
    return element(
        "header",
        element("p", "Does this network do what is needed?", class_="soft"),
        element("h1", answer.name),
        element("p", element("strong", answer.stakeholder, dir="auto")) if answer.stakeholder else "",
        element("p", answer.about, dir="auto") if answer.about else "",
        element(
            "div",
            badge(outcome_of(answer)),
            element("p", sentence(answer), class_="said"),
            element("p", counts(answer)) if answer.verdicts else "",
            *(element("p", each, dir="auto") for each in answer.summary),
            class_="answer",
        ),
    )


def outcome_of(answer: Answer) -> Outcome:
    """Return the answer as a word: open where nothing is missed that must be met, and not everything is known."""
    if answer.is_met:
        return Outcome.MET
    return Outcome.MISSED if missed(answer) or not answer.verdicts else Outcome.OPEN


def missed(answer: Answer) -> list[VerdictLine]:
    """Return the needs that must be met and are not."""
    return [each for each in _musts(answer) if each.outcome == Outcome.MISSED]


def sentence(answer: Answer) -> str:
    """Return the answer in a sentence."""
    match outcome_of(answer):
        case Outcome.MET:
            return "Yes: the design meets everything that must be met."
        case Outcome.OPEN:
            unsure = [
                each.need.id for each in _musts(answer) if each.outcome not in {Outcome.MET, Outcome.UNVERIFIABLE}
            ]
            return f"Not sure yet: nothing that must be met is missed, but {told(unsure)} cannot be told."
        case _ if not answer.verdicts:
            return "No: there is no design that gives keys here and keeps the rules."
        case _:
            lost = [each.need.id for each in missed(answer)]
            return f"No: {told(lost)} must be met, and {'is' if len(lost) == 1 else 'are'} not."


def counts(answer: Answer) -> str:
    """Return how many needs came to what."""
    numbers = Counter(each.outcome for each in answer.verdicts)
    parts = [f"{numbers[outcome]} {outcome}" for outcome, _ in MEANINGS if numbers[outcome]]
    return f"Of {counted(len(answer.verdicts), 'need')}: {', '.join(parts)}."


def overview(answer: Answer) -> Markup:
    """Return all needs in one table, with what the outcomes mean."""
    if not answer.verdicts:
        return Markup()
    heads = ("Need", "Verdict", "Found", "Asked for", "In the words of who needs it")
    return section(
        "overview",
        "The needs at a glance",
        table("Each need with its verdict", heads, map(_row, answer.verdicts)),
        element("p", joined(_meanings(answer), " "), class_="soft"),
    )


def _row(line: VerdictLine) -> tuple[str, ...]:
    need = line.need
    name = joined([element("a", need.id, href=f"#{anchor(need)}"), element("br"), need.priority])
    found = unbroken(line.shown or "-")
    return name, badge(line.outcome), found, asked_short(need), element("span", need.text, dir="auto")


def _meanings(answer: Answer) -> Iterator[Markup]:
    seen = {each.outcome for each in answer.verdicts}
    for outcome, meaning in MEANINGS:
        if outcome in seen:
            yield joined([element("strong", f"{outcome.capitalize()}: "), meaning])
    yield Markup("A <em>must</em> that is not met rejects a design; a <em>should</em> or a <em>could</em> does not.")


def _musts(answer: Answer) -> list[VerdictLine]:
    return [each for each in answer.verdicts if each.need.priority == Priority.MUST]
