"""A part of an exploration, as another process or machine is given it: bytes in, bytes out.

It imports no more than it needs, for every process that is started pays for it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import TypeAlias, cast

from keytwin.assessment.physics import Physics, shelf
from keytwin.design.cost import CostBook
from keytwin.design.exploration import Candidate, candidate_of
from keytwin.design.measures import Yardstick
from keytwin.design.need import Case
from keytwin.design.objectives import Objective
from keytwin.design.proposals import Judging
from keytwin.design.realisation import Layouts
from keytwin.design.relaxation import widened
from keytwin.design.variability import Configuration, Ovm


@dataclass(frozen=True, slots=True)
class Shared:
    """What every part of the work needs."""

    case: Case
    ovm: Ovm
    book: CostBook
    objectives: tuple[Objective, ...]
    routes: int


@dataclass(frozen=True, slots=True)
class Part:
    """Configurations that one process lays out and judges."""

    configurations: tuple[Configuration, ...]
    within: frozenset[Configuration]
    """Those that no need forbids; the others are laid out as if nothing had to be met, to see what is missed then."""


def evaluated(task: bytes) -> bytes:
    """Lay out and judge the configurations of one part."""
    shared, part = cast("tuple[Shared, Part]", unpacked(task))
    stock, yardstick, needs = shelf(Physics()), Yardstick(shared.book), shared.case.needs
    strict, wide = (
        Judging(needs, Layouts(case, shared.ovm, stock, shared.routes), yardstick)
        for case in (shared.case, widened(shared.case))
    )
    return packed(
        tuple(
            candidate_of(strict if each in part.within else wide, each, shared.objectives)
            for each in part.configurations
        )
    )


def inconsistencies(task: bytes) -> bytes:
    """Count what is inconsistent in the architecture of a configuration."""
    # Composing reads the library's views: nothing that other parts need.
    from keytwin.assessment.architecture import architecture_of  # noqa: PLC0415  # as above

    shared, configuration = cast("tuple[Shared, Configuration]", unpacked(task))
    return packed(len(architecture_of(shared.ovm, configuration).after.findings))


def candidates_of(answer: bytes) -> tuple[Candidate, ...]:
    """Read what `evaluated` has returned."""
    return cast("tuple[Candidate, ...]", unpacked(answer))


def count_of(answer: bytes) -> int:
    """Read what `inconsistencies` has returned."""
    return cast("int", unpacked(answer))


def packed(thing: object) -> bytes:
    """Return a value as bytes."""
    buffer = BytesIO()
    _Packer(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
    return buffer.getvalue()


def unpacked(octets: bytes) -> object:
    """Return the value that was packed, by this program and for it: never what somebody sends."""
    return pickle.loads(octets)  # noqa: S301  # our own workers' answers


class _Packer(pickle.Pickler):
    """A pickler that can read-only mappings as well."""

    def reducer_override(self, thing: object) -> _Reduced:
        if isinstance(thing, MappingProxyType):
            return _read_only, (dict(thing),)
        # Whatever else there is, pickle knows how.
        return cast("_Reduced", NotImplemented)


_Reduced: TypeAlias = tuple[Callable[[dict[object, object]], MappingProxyType[object, object]], tuple[object]]


def _read_only(entries: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(entries)
