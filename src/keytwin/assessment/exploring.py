"""Exploring a case on all cores, or on a Dask cluster: equal results, in equal order, however many work at it.

Configurations are handed out by protocol: those of one protocol share their links, and so the physics. Each such part
begins with fresh physics, so what it says does not hang on what was asked before, nor on who was asked.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import groupby
from multiprocessing import get_context
from os import cpu_count
from types import MappingProxyType
from typing import Final, TypeAlias, cast

from keytwin.assessment.architecture import USUAL_OVM, architecture_of
from keytwin.assessment.assess import kept_wishes, usual_costs
from keytwin.assessment.physics import Physics, shelf
from keytwin.design.cost import CostBook
from keytwin.design.derivation import derive
from keytwin.design.exploration import Candidate, Exploration, candidate_of, explore
from keytwin.design.measures import Found, Yardstick
from keytwin.design.model import Method
from keytwin.design.need import Case
from keytwin.design.objectives import Objective, objectives_of
from keytwin.design.proposals import configurations
from keytwin.design.realisation import Layouts
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.verdict import judge
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake, Refusal

MOST_JOBS: Final = 256
CONSISTENCY: Final = "consistency"
GET_CLUSTER: Final = "pip install 'keytwin[cluster]'"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works at it."""

    jobs: int | None = None
    """Processes; None = one a core, 1 = none but this one."""
    scheduler: str = ""
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786; then `jobs` is of no matter."""

    def __post_init__(self) -> None:
        if self.jobs is not None and not 1 <= self.jobs <= MOST_JOBS:
            raise Mistake(f"{self.jobs} jobs: there are from 1 to {MOST_JOBS}")


@dataclass(frozen=True, slots=True)
class Explored:
    """What came of exploring a case, with what it rests on."""

    case: Case
    ovm: Ovm
    found: Exploration
    left_out: tuple[str, ...]
    """Figures of the needs that alternatives are not compared by."""


USUAL_CREW: Final = Crew()


def explore_case(case: Case, costs: CostBook | None = None, crew: Crew = USUAL_CREW) -> Explored:
    """Return all alternatives of a case, compared; Refusal when a scheduler is named and cannot be worked with."""
    ovm = library_ovm(USUAL_OVM)
    derived = kept_wishes(ovm, derive(case, ovm, Physics().reaches))
    objectives, left_out = objectives_of(case)
    shared = _Shared(case, ovm, costs or usual_costs(), objectives, derived.routes)
    every = tuple(configurations(ovm, derived))
    parts = [tuple(group) for _, group in groupby(every, key=lambda each: _protocol(ovm, each))]
    with _workers(crew, len(parts)) as work:
        done = work(_evaluated, [_packed((shared, part)) for part in parts])
        candidates = [candidate for part in done for candidate in cast("tuple[Candidate, ...]", pickle.loads(part))]  # noqa: S301
        found = explore(objectives, candidates)
        if any(need.measure == CONSISTENCY for need in case.needs):
            found = _with_findings(found, shared, work)
    return Explored(case, ovm, found, left_out)


# --- parts of the work ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every part of the work needs."""

    case: Case
    ovm: Ovm
    book: CostBook
    objectives: tuple[Objective, ...]
    routes: int


def _evaluated(task: bytes) -> bytes:
    """Lay out and judge the configurations of one part."""
    shared, part = cast("tuple[_Shared, tuple[Configuration, ...]]", pickle.loads(task))  # noqa: S301
    layouts = Layouts(shared.case, shared.ovm, shelf(Physics()), shared.routes)
    yardstick = Yardstick(shared.book)
    return _packed(tuple(candidate_of(layouts, each, shared.objectives, yardstick) for each in part))


def _findings(task: bytes) -> bytes:
    """Count what is inconsistent in the architecture of a configuration."""
    shared, configuration = cast("tuple[_Shared, Configuration]", pickle.loads(task))  # noqa: S301
    return _packed(len(architecture_of(shared.ovm, configuration).after.findings))


def _with_findings(found: Exploration, shared: _Shared, work: _Work) -> Exploration:
    """Find out the consistency of the front; what fails by it leaves, and what comes in instead is asked as well."""
    asked: set[Configuration] = set()
    while True:
        front = [each.proposal.configuration for point in found.front for each in point.candidates]
        fresh = [each for each in front if each not in asked]
        if not fresh:
            return found
        counts = work(_findings, [_packed((shared, each)) for each in fresh])
        known = {each: cast("int", pickle.loads(count)) for each, count in zip(fresh, counts, strict=True)}  # noqa: S301
        asked |= known.keys()
        found = explore(found.objectives, [_rejudged(each, known) for each in found.candidates])


def _rejudged(candidate: Candidate, findings: dict[Configuration, int]) -> Candidate:
    count = findings.get(candidate.proposal.configuration)
    if count is None:
        return candidate
    verdicts = tuple(
        judge(each.need, Found(count, Method.INSPECTION)) if each.need.measure == CONSISTENCY else each
        for each in candidate.proposal.verdicts
    )
    return replace(candidate, proposal=replace(candidate.proposal, verdicts=verdicts))


def _protocol(ovm: Ovm, configuration: Configuration) -> tuple[str, ...]:
    return tuple(each for each in configuration.chosen if ovm.variants[each].point == "protocol")


# --- who does it ----------------------------------------------------------------------------------------------------

_Part: TypeAlias = Callable[[bytes], bytes]
_Work: TypeAlias = Callable[[_Part, Sequence[bytes]], list[bytes]]
"""Does a part for each task; the answers come in the order of the tasks."""


def _workers(crew: Crew, parts: int) -> AbstractContextManager[_Work]:
    if crew.scheduler:
        return _on_cluster(crew.scheduler)
    jobs = min(crew.jobs or cpu_count() or 1, parts)
    return nullcontext(_here) if jobs <= 1 else _in_processes(jobs)


def _here(part: _Part, tasks: Sequence[bytes]) -> list[bytes]:
    return [part(task) for task in tasks]


@contextmanager
def _in_processes(jobs: int) -> Iterator[_Work]:
    # Spawned and not forked: the solver may have threads by now, and a fork would copy their locks without them.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield lambda part, tasks: list(pool.map(part, tasks))


@contextmanager
def _on_cluster(scheduler: str) -> Iterator[_Work]:
    try:
        from distributed import Client  # noqa: PLC0415  # an extra
    except ImportError:
        raise Refusal(f"no Dask here to work with a scheduler: get it with {GET_CLUSTER}, or leave it out") from None
    try:
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Refusal(f"no Dask scheduler answers at {scheduler!r}: {error}") from None
    with client:
        # Not pure: equal tasks of two explorations are two works, and nothing stays behind on the cluster.
        yield lambda part, tasks: list(client.gather(client.map(part, tasks, pure=False)))


# --- what goes from one process to another --------------------------------------------------------------------------


class _Packer(pickle.Pickler):
    """A pickler that can read-only mappings as well."""

    def reducer_override(self, thing: object) -> object:
        if isinstance(thing, MappingProxyType):
            return _read_only, (dict(thing),)
        return NotImplemented


def _read_only(entries: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(entries)


def _packed(thing: object) -> bytes:
    buffer = BytesIO()
    _Packer(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
    return buffer.getvalue()
