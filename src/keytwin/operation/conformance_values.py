"""What a check is and what came of it, in an examination of a foreign key manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from keytwin.operation.conformance_questions import Heard

Findings: TypeAlias = Iterator[str]


class Level(StrEnum):
    """Whether a key manager that fails a check breaks the standard, or only does it otherwise than most."""

    MUST = "must"
    SHOULD = "should"


class Outcome(StrEnum):
    """What came of a check; SKIP = its questions could not be put, which is no pass."""

    PASS = "pass"  # noqa: S105  # no password
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: the clause or table it stands in, what it says, and what finds the breaches of it in what was heard."""

    clause: str
    level: Level
    title: str
    find: Callable[[Heard], Findings]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check; `notes` say what is wrong, or why it was passed over."""

    clause: str
    level: Level
    title: str
    outcome: Outcome
    notes: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether the standard is broken by it."""
        return self.outcome is Outcome.FAIL and self.level is Level.MUST
