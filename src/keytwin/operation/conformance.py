"""A foreign key manager examined from both sides: ETSI GS QKD 014 V1.1.1.

First everything is asked (`conformance_interview`), then the checks judge what was heard: they are functions of it, so
the same answers always bring the same verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keytwin.operation.conformance_calls import Visit, visitor_of
from keytwin.operation.conformance_checks import DELIVERIES
from keytwin.operation.conformance_interview import Subject, interview
from keytwin.operation.conformance_questions import Heard, NotAsked
from keytwin.operation.conformance_refusals import REFUSALS
from keytwin.operation.conformance_values import Check, Outcome, Result

STANDARD: Final = "ETSI GS QKD 014 V1.1.1"
CHECKS: Final = (*DELIVERIES, *REFUSALS)
MOST_NOTES: Final = 6  # of one check


@dataclass(frozen=True, slots=True)
class Examination:
    """All that came of it; `keys_used` counts those that the master was handed."""

    master_url: str
    slave_url: str
    results: tuple[Result, ...]
    keys_used: int

    @property
    def is_passed(self) -> bool:
        """Whether nothing broke the standard."""
        return not any(result.breaks for result in self.results)

    def number(self, outcome: Outcome) -> int:
        """Return how many checks came out so."""
        return sum(result.outcome is outcome for result in self.results)


def examine(subject: Subject, visit: Visit = visitor_of) -> Examination:
    """Ask and judge; Refusal when nothing answers at all, Mistake when the files are none."""
    heard = interview(subject, visit)
    results = tuple(judge(check, heard) for check in CHECKS)
    return Examination(subject.master.url, subject.slave.url, results, heard.used)


def judge(check: Check, heard: Heard) -> Result:
    """Return what one check says of what was heard."""
    try:
        notes = tuple(check.find(heard))
    except NotAsked as reason:
        return Result(check.clause, check.level, check.title, Outcome.SKIP, (str(reason),))
    told = notes if len(notes) <= MOST_NOTES else (*notes[:MOST_NOTES], f"and {len(notes) - MOST_NOTES} more")
    return Result(check.clause, check.level, check.title, Outcome.FAIL if notes else Outcome.PASS, told)
