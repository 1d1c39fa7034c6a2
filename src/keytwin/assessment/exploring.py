"""Exploring a case on all cores, or on a Dask cluster: equal results, in equal order, however many work at it.

Configurations are handed out by protocol: those of one protocol share their links, and so the physics. Each such part
begins with fresh physics, so what it says does not hang on what was asked before, nor on who was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context
from os import cpu_count
from time import monotonic
from typing import Final, TypeAlias

from keytwin.assessment.architecture import USUAL_OVM
from keytwin.assessment.assess import kept_wishes, usual_costs
from keytwin.assessment.evaluating import (
    Part,
    Shared,
    candidates_of,
    count_of,
    evaluated,
    inconsistencies,
    packed,
)
from keytwin.assessment.physics import Physics
from keytwin.design.cost import CostBook
from keytwin.design.derivation import derive
from keytwin.design.exploration import Candidate, Exploration, explore
from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import Case, Need
from keytwin.design.objectives import objectives_of
from keytwin.design.proposals import configurations
from keytwin.design.realisation import PROTOCOL
from keytwin.design.relaxation import Relaxation, needs_in_conflict, relaxations, widened
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.verdict import judge
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake, Refusal
from keytwin.vocabulary.identity import VariantId

MOST_JOBS: Final = 256
WAIT: Final = 10  # seconds for a scheduler to answer
PATIENCE: Final = 5.0  # seconds; below it, starting processes costs more than they bring
CONSISTENCY: Final = "consistency"
GET_CLUSTER: Final = "pip install 'keytwin[cluster]'"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works at it."""

    jobs: int | None = None
    """Processes; None = one a core as soon as it takes long, 1 = none but this one."""
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
    book: CostBook
    conflicts: tuple[tuple[Need, ...], ...]
    """Needs that no alternative meets together."""
    relaxed: tuple[Relaxation, ...]
    """The cheapest ways out, where nothing meets all that must be met."""


USUAL_CREW: Final = Crew()


def explore_case(case: Case, costs: CostBook | None = None, crew: Crew = USUAL_CREW) -> Explored:
    """Return all alternatives of a case, compared; Refusal when a scheduler is named and cannot be worked with.

    What the case chooses stays chosen: `replace(case, choose={})` looks beyond it.
    """
    ovm = library_ovm(USUAL_OVM)
    reaches = Physics().reaches
    derived, wide = (kept_wishes(ovm, derive(each, ovm, reaches)) for each in (case, widened(case)))
    objectives, left_out = objectives_of(case)
    shared = Shared(case, ovm, costs or usual_costs(), objectives, derived.routes)
    within = frozenset(configurations(ovm, derived))
    # What a need forbids is looked at as well: only then does it show what the need costs.
    every = tuple(dict.fromkeys((*configurations(ovm, wide), *configurations(ovm, derived))))
    parts = [Part(tuple(group), within & set(group)) for group in _by_protocol(ovm, every)]
    with _workers(crew, len(parts)) as work:
        done = work(evaluated, [packed((shared, part)) for part in parts])
        found = explore(objectives, [candidate for answer in done for candidate in candidates_of(answer)])
        if any(need.measure == CONSISTENCY for need in case.needs):
            found = _with_findings(found, shared, work)
    proposals = [each.proposal for each in found.candidates]
    conflicts, relaxed = needs_in_conflict(case, proposals), relaxations(case, proposals)
    return Explored(case, ovm, found, left_out, shared.book, conflicts, relaxed)


def _with_findings(found: Exploration, shared: Shared, work: _Work) -> Exploration:
    """Find out the consistency of the front; what fails by it leaves, and what comes in instead is asked as well."""
    asked: set[Configuration] = set()
    while True:
        front = [each.proposal.configuration for point in found.front for each in point.candidates]
        fresh = [each for each in front if each not in asked]
        if not fresh:
            return found
        counts = work(inconsistencies, [packed((shared, each)) for each in fresh])
        known = {each: count_of(count) for each, count in zip(fresh, counts, strict=True)}
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


def _by_protocol(ovm: Ovm, every: tuple[Configuration, ...]) -> list[list[Configuration]]:
    """Group configurations by protocol, in the order of coming."""
    groups: dict[tuple[VariantId, ...], list[Configuration]] = {}
    for each in every:
        protocol = tuple(variant for variant in each.chosen if ovm.variants[variant].point == PROTOCOL)
        groups.setdefault(protocol, []).append(each)
    return list(groups.values())


# --- who does it ----------------------------------------------------------------------------------------------------

_Part: TypeAlias = Callable[[bytes], bytes]
_Work: TypeAlias = Callable[[_Part, Sequence[bytes]], list[bytes]]
"""Does a part for each task; the answers come in the order of the tasks."""


def _workers(crew: Crew, parts: int) -> AbstractContextManager[_Work]:
    if crew.scheduler:
        return _on_cluster(crew.scheduler)
    if crew.jobs is None:
        return nullcontext(_patiently)
    jobs = min(crew.jobs, parts)
    return nullcontext(_here) if jobs <= 1 else _in_processes(jobs)


def _patiently(part: _Part, tasks: Sequence[bytes]) -> list[bytes]:
    """Do parts here, and share the rest between all cores once it takes long: processes need seconds to start."""
    done: list[bytes] = []
    began = monotonic()
    for place, task in enumerate(tasks):
        rest = tasks[place:]
        jobs = min(cpu_count() or 1, len(rest))
        if jobs > 1 and monotonic() - began > PATIENCE:
            with _in_processes(jobs) as work:
                return [*done, *work(part, rest)]
        done.append(part(task))
    return done


def _here(part: _Part, tasks: Sequence[bytes]) -> list[bytes]:
    return [part(task) for task in tasks]


@contextmanager
def _in_processes(jobs: int) -> Iterator[_Work]:
    # Spawned and not forked: the solver may have threads by now, and a fork would copy their locks without them.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:

        def work(part: _Part, tasks: Sequence[bytes]) -> list[bytes]:
            try:
                return list(pool.map(part, tasks))
            except BrokenProcessPool:
                raise Refusal(
                    "a process that shared the work has died, perhaps for lack of memory: take fewer jobs"
                ) from None

        yield work


@contextmanager
def _on_cluster(scheduler: str) -> Iterator[_Work]:
    try:
        from distributed import Client  # noqa: PLC0415  # an extra
    except ImportError:
        raise Refusal(f"no Dask here to work with a scheduler: get it with {GET_CLUSTER}, or leave it out") from None
    try:
        client = Client(scheduler, timeout=WAIT, set_as_default=False)  # type: ignore[no-untyped-call]  # Dask has no types
    except (OSError, ValueError) as error:
        raise Refusal(f"no Dask scheduler answers at {scheduler!r}: {error}") from None
    with client:

        def work(part: _Part, tasks: Sequence[bytes]) -> list[bytes]:
            # Not pure: equal tasks of two explorations are two works, and nothing stays behind on the cluster.
            futures = client.map(part, tasks, pure=False)
            try:
                return list(client.gather(futures))  # type: ignore[no-untyped-call]  # Dask has no types
            except ImportError as error:
                raise Refusal(f"workers at {scheduler!r} lack what is here ({error}): install the same there") from None

        yield work
