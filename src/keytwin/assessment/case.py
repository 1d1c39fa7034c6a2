"""A need file assessed from beginning to end: what the command line and the Python API both do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from keytwin.assessment.answer import Answer
from keytwin.assessment.assess import USUAL_SEED, Assessed, Options, assess, usual_costs
from keytwin.assessment.record import recorded
from keytwin.files.cost_book import cost_book_from
from keytwin.files.library import Source, cost_book_source, need_source
from keytwin.files.need import check_need


@dataclass(frozen=True, slots=True)
class AssessedFile:
    """A need file with what came of it."""

    source: Source
    costs: Source | None
    """The cost book's file; None = the usual one."""
    assessed: Assessed
    answer: Answer


def assess_file(
    need: str, *, seed: int | None = None, take: int | None = None, costs: str | None = None
) -> AssessedFile:
    """Assess a need by the name of an example or by path; Mistake, or FileMistake with all that is wrong in it."""
    wanted = Options(seed=USUAL_SEED if seed is None else seed, take=take)
    return assess_source(need_source(need), wanted, cost_book_source(costs) if costs else None)


def assess_source(source: Source, wanted: Options, costs: Source | None) -> AssessedFile:
    """Assess a need file that has been found; `costs` is the cost book's, or None for the usual one."""
    case = check_need(source).value
    book = cost_book_from(costs) if costs else usual_costs()
    assessed = assess(case, replace(wanted, costs=book))
    return AssessedFile(source, costs, assessed, recorded(assessed, source.octets, book, wanted.take))


def answer_to(need: str | Path, *, seed: int = USUAL_SEED, take: int | None = None) -> Answer:
    """Turn a need into a network, run it on the twin and return the answer: whether and by what the need is met.

    `need` is the name of an example, such as `hospital`, or the path of a need file; `take` names another proposal than
    the one that keytwin would take. Equal seeds give equal answers. Mistake when the need is written wrongly.
    """
    return assess_file(str(need), seed=seed, take=take).answer
