"""A foreign key manager examined from both sides: ETSI GS QKD 014 V1.1.1.

First everything is asked (`conformance_interview`), then the checks judge what was heard: they are functions of it, so
the same answers always bring the same verdict.
"""

from __future__ import annotations

from typing import Final

from keytwin.operation.conformance_calls import Visit, visitor_of
from keytwin.operation.conformance_checks import DELIVERIES
from keytwin.operation.conformance_interview import Subject, interview
from keytwin.operation.conformance_questions import MOST_KEYS
from keytwin.operation.conformance_refusals import REFUSALS
from keytwin.operation.conformance_values import Examination, judge

STANDARD: Final = "ETSI GS QKD 014 V1.1.1"
CHECKS: Final = (*DELIVERIES, *REFUSALS)


def examine(subject: Subject, visit: Visit = visitor_of) -> Examination:
    """Ask and judge; Refusal when nothing answers at all, Mistake when the files are none."""
    heard = interview(subject, visit)
    results = tuple(judge(check, heard) for check in CHECKS)
    return Examination(STANDARD, subject.master.url, subject.slave.url, results, heard.used, MOST_KEYS)
