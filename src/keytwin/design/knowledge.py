"""What is known before anything is grouped: insights with sources, and candidate variants. Paper A, steps 1 and 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keytwin.design.views import ViewKind


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something that a candidate may fix: how states are prepared, what the medium is, who controls."""

    id: str
    about: str
    view: ViewKind
    """The kind of view that shows it best."""


@dataclass(frozen=True, slots=True)
class Insight:
    """Something that was found out, by an experiment, a twin or a standard."""

    id: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way of doing something, not yet grouped with others."""

    id: str
    name: str
    fixes: Mapping[str, str]
    """What it says, by aspect."""
    rests_on: tuple[str, ...] = ()
    """Insights, by their identifiers."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A knowledge base: paper A, step 1."""

    name: str
    about: str
    aspects: Mapping[str, Aspect]
    insights: Mapping[str, Insight]
    candidates: Mapping[str, Candidate]
