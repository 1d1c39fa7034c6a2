"""Alternatives whose figures are given, for what compares them."""

from __future__ import annotations

from keytwin.design.exploration import Candidate
from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import Case
from keytwin.design.objectives import Objective, objectives_of
from keytwin.design.proposals import Proposal
from keytwin.design.variability import Configuration
from keytwin.design.verdict import judge
from keytwin.vocabulary.identity import VariantId
from tests.design.cases import GROUND, case, line, need, plan

SOME_PLAN = plan(case(line("a--b", 10.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND)
SUBJECT = case(line("a--b", 10.0), needs=(need("key-rate", 10.0), need("cost", 1e6), need("security", 2.0)))


def objectives(subject: Case = SUBJECT) -> tuple[Objective, ...]:
    return objectives_of(subject)[0]


def candidate(*values: float, variants: tuple[str, ...] = ("q-link.direct",), subject: Case = SUBJECT) -> Candidate:
    """Return an alternative of which each need of a case has been found to come to a value, in the order of needs."""
    verdicts = tuple(
        judge(each, Found(value, Method.ANALYSIS)) for each, value in zip(subject.needs, values, strict=True)
    )
    configuration = Configuration("small", tuple(sorted(map(VariantId, variants))))
    found = {verdict.need.id: verdict.found for verdict in verdicts}
    figures = []
    for each in objectives(subject):
        known = found.get(each.need.id)
        figures.append(None if known is None else known.value)
    return Candidate(Proposal(configuration, SOME_PLAN, verdicts=verdicts), tuple(figures))


def impossible(why_not: str, *variants: str) -> Candidate:
    return Candidate(Proposal(Configuration("small", tuple(sorted(map(VariantId, variants)))), why_not=why_not))
