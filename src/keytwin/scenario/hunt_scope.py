"""What of a hunt's load and storm takes place: all of it, or the part that still shows what a seed has shown.

Every family of faults draws from dice of its own, so leaving one out changes nothing of what the others plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from keytwin.vocabulary.units import Instant, seconds

STORM: Final = (2, 25)  # seconds in which things go wrong
CALM: Final = 30  # from here on nothing does

FAMILIES: Final = {
    "messages": 0.7,
    "links": 0.9,
    "kills": 0.4,
    "flips": 0.3,
    "partitions": 0.35,
    "pauses": 0.35,
    "writes": 0.35,
    "replays": 0.3,
    "failpoints": 0.3,
    "full-disks": 0.15,
    "clocks": 0.25,
    "lying-disks": 0.15,
    "rot": 0.15,
}
"""Families of faults, each with the share of seeds that have it."""

BEYOND_CRASHES: Final = frozenset({"rot"})
"""Families that are had by name only: a key manager loses all it had, its sessions too, and no SAE is told of that."""

SHORTER_STORMS: Final = (4, 6, 9, 13, 18)  # seconds at which it may end, the shortest first
MOST_TRIES: Final = 40  # runs that making a finding smaller may take


@dataclass(frozen=True, slots=True)
class Scope:
    """What takes place; None = all that the seed draws. An app that does not take part only stands there."""

    only: frozenset[str] | None = None
    apps: frozenset[str] | None = None
    storm_ends: int = STORM[1]

    def has(self, family: str) -> bool:
        """Whether a seed may draw this family of faults."""
        if self.only is None:
            return family not in BEYOND_CRASHES
        return family in self.only

    def is_stormy(self, at: Instant) -> bool:
        """Whether things go wrong at this instant."""
        return seconds(STORM[0]) <= at <= seconds(self.storm_ends)

    def options(self) -> str:
        """Return what to type to have it again."""
        only = "" if self.only is None else f" --only {','.join(sorted(self.only)) or 'none'}"
        apps = "" if self.apps is None else f" --apps {','.join(sorted(self.apps))}"
        return only + apps + ("" if self.storm_ends == STORM[1] else f" --storm-ends {self.storm_ends}")


ALL: Final = Scope()


def shrunk(scope: Scope, families: frozenset[str], apps: frozenset[str], breaks: Callable[[Scope], bool]) -> Scope:
    """Return the smallest scope found that still breaks, by leaving out one thing after another.

    `families` and `apps` are those of the run that broke; `breaks` runs again and tells whether the same rule does.
    Greedy and in a fixed order, so the answer is always the same; MOST_TRIES bounds what it costs.
    """
    tries = MOST_TRIES
    for step in _steps(families, apps):
        smaller = step(scope)
        if smaller != scope and tries:
            tries -= 1
            if breaks(smaller):
                scope = smaller
    return scope


def _steps(families: frozenset[str], apps: frozenset[str]) -> Iterator[Callable[[Scope], Scope]]:
    """Give what to leave out, the most telling first; what does not apply any more leaves a scope as it is."""
    # What took part at all comes first: without it nothing else can be named.
    yield lambda scope: replace(scope, only=families, apps=apps)
    yield from (partial(_without_family, family) for family in sorted(families))
    yield from (partial(_without_app, app) for app in sorted(apps))
    yield from (partial(_ended_by, second) for second in SHORTER_STORMS)


def _without_family(family: str, scope: Scope) -> Scope:
    return scope if scope.only is None else replace(scope, only=scope.only - {family})


def _without_app(app: str, scope: Scope) -> Scope:
    return scope if scope.apps is None or len(scope.apps) == 1 else replace(scope, apps=scope.apps - {app})


def _ended_by(second: int, scope: Scope) -> Scope:
    return replace(scope, storm_ends=min(second, scope.storm_ends))
