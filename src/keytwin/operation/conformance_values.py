"""What a check is and what came of it, in an examination of a foreign key manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

Findings: TypeAlias = Iterator[str]
HeardT = TypeVar("HeardT")

MOST_NOTES: Final = 6  # of one check


class NotAsked(Exception):  # no error: the check is passed over
    """A check needs a reply to a question that was not put; says why not."""


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
class Check(Generic[HeardT]):
    """One rule: the clause or table it stands in, what it says, and what finds the breaches of it in what was heard."""

    clause: str
    level: Level
    title: str
    find: Callable[[HeardT], Findings]


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


@dataclass(frozen=True, slots=True)
class Examination:
    """All that came of it; `keys_used` counts those that were handed out, `most_keys` where all is well."""

    standard: str
    master_url: str
    slave_url: str
    results: tuple[Result, ...]
    keys_used: int
    most_keys: int

    @property
    def is_passed(self) -> bool:
        """Whether nothing broke the standard."""
        return not any(result.breaks for result in self.results)

    def number(self, outcome: Outcome) -> int:
        """Return how many checks came out so."""
        return sum(result.outcome is outcome for result in self.results)


def judge(check: Check[HeardT], heard: HeardT) -> Result:
    """Return what one check says of what was heard."""
    try:
        notes = tuple(check.find(heard))
    except NotAsked as reason:
        return Result(check.clause, check.level, check.title, Outcome.SKIP, (str(reason),))
    told = notes if len(notes) <= MOST_NOTES else (*notes[:MOST_NOTES], f"and {len(notes) - MOST_NOTES} more")
    return Result(check.clause, check.level, check.title, Outcome.FAIL if notes else Outcome.PASS, told)
