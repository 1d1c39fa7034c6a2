"""A case explored here, in processes and on a cluster: the same bytes, whoever worked at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import Self, cast

import msgspec
import pytest

from keytwin.assessment import exploring
from keytwin.assessment.evaluating import Shared, count_of, inconsistencies, packed, unpacked
from keytwin.assessment.exploring import Crew, Explored, explore_case
from keytwin.design.exploration import Fate
from keytwin.design.need import Case
from keytwin.design.variability import Configuration
from keytwin.files.ovm import library_ovm
from keytwin.report.exploration import exploration_record
from keytwin.vocabulary.errors import Mistake, Refusal
from tests.assessment.needs import TWO_LINES, case_of, with_

ALONE = Crew(1)


def two_lines() -> Case:
    return case_of(with_(TWO_LINES, ("choose: {protocol: decoy-bb84, q-link: direct,", "choose: {q-link: direct,")))


def octets(explored: Explored) -> bytes:
    return msgspec.json.encode(exploration_record(explored))


@pytest.fixture(scope="module")
def alone() -> Explored:
    return explore_case(two_lines(), crew=ALONE)


def test_all_alternatives_are_compared(alone: Explored) -> None:
    found = alone.found
    assert [each.name for each in found.objectives] == [
        *("key-rate", "key-rate under cut(1 link)", "security", "readiness"),
    ]
    assert alone.left_out == ("restoration", "consistency")
    protocols = {each.proposal.configuration.chosen for each in found.candidates}
    assert len(protocols) == len(found.candidates) > 5
    assert found.is_met
    assert {found.judgement(each).fate for each in found.candidates} >= {Fate.FRONT, Fate.DOMINATED}
    assert found.front


def test_the_front_has_its_consistency_found_out_and_others_do_not(alone: Explored) -> None:
    def consistency(place: int) -> list[object]:
        return [each.found for each in alone.found.candidates[place].proposal.verdicts if each.need.id == "N5"]

    fates = [alone.found.judgement(each).fate for each in alone.found.candidates]
    assert all((consistency(place) != [None]) == (fate is Fate.FRONT) for place, fate in enumerate(fates))


def test_what_fails_by_its_consistency_leaves_the_front(monkeypatch: pytest.MonkeyPatch, alone: Explored) -> None:
    first = alone.found.front[0].candidates[0].proposal.configuration

    def counted(task: bytes) -> bytes:
        _, configuration = cast("tuple[Shared, Configuration]", unpacked(task))
        return packed(3 if configuration == first else 0)

    monkeypatch.setattr(exploring, "inconsistencies", counted)
    strict = case_of(
        with_(
            TWO_LINES,
            ("choose: {protocol: decoy-bb84, q-link: direct,", "choose: {q-link: direct,"),
            ('at-most: "0", priority: should', 'at-most: "0", priority: must'),
        )
    )
    found = explore_case(strict, crew=ALONE).found
    (left,) = (each for each in found.candidates if each.proposal.configuration == first)
    assert [each.need.id for each in found.judgement(left).missed] == ["N5"]
    for point in found.front:
        assert all(
            verdict.found for each in point.candidates for verdict in each.proposal.verdicts if verdict.need.id == "N5"
        )


def test_architectures_of_the_library_are_consistent(alone: Explored) -> None:
    shared = Shared(alone.case, alone.ovm, alone.book, alone.found.objectives, 1)
    first = alone.found.candidates[0].proposal.configuration
    assert count_of(inconsistencies(packed((shared, first)))) == 0


def assert_same(found: Explored, expected: Explored) -> None:
    assert found.found == expected.found
    assert octets(found) == octets(expected)


def test_processes_find_the_same_bytes(alone: Explored) -> None:
    assert_same(explore_case(two_lines(), crew=Crew(2)), alone)


def test_work_that_takes_long_is_shared(monkeypatch: pytest.MonkeyPatch, alone: Explored) -> None:
    begun: list[int] = []

    @contextmanager
    def in_processes(jobs: int) -> Iterator[Callable[..., list[bytes]]]:
        begun.append(jobs)
        yield lambda part, tasks: [part(task) for task in tasks]

    monkeypatch.setattr(exploring, "_in_processes", in_processes)
    monkeypatch.setattr(exploring, "cpu_count", lambda: 3)
    monkeypatch.setattr(exploring, "PATIENCE", inf)
    explore_case(two_lines())
    assert begun == []
    monkeypatch.setattr(exploring, "PATIENCE", 0.0)
    assert_same(explore_case(two_lines()), alone)
    assert begun[0] == 3


def test_a_cluster_finds_the_same_bytes(alone: Explored) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is an extra: pip install 'keytwin[cluster]'")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        assert_same(explore_case(two_lines(), crew=Crew(scheduler=cluster.scheduler_address)), alone)


def test_nothing_hangs_on_what_was_asked_before(alone: Explored) -> None:
    # A second time all programmes are cached.
    assert_same(explore_case(two_lines(), crew=ALONE), alone)


def test_what_a_need_forbids_is_looked_at_and_told() -> None:
    text = with_(
        TWO_LINES,
        ("choose: {protocol: decoy-bb84, q-link: direct,", "choose: {q-link: direct,"),
        ('at-least: "8", priority: should', 'at-least: "8", priority: must'),
    )
    found = explore_case(case_of(text), crew=ALONE).found
    rejected = [each for each in found.candidates if found.judgement(each).fate is Fate.REJECTED]
    assert rejected
    assert {missed.need.id for each in rejected for missed in found.judgement(each).missed} >= {"N7"}


def test_where_nothing_fits_the_ways_out_are_told() -> None:
    hard = case_of(
        with_(TWO_LINES, ("key-rate, at-least: 2 kbit/s, priority", "key-rate, at-least: 900 Gbit/s, priority"))
    )
    explored = explore_case(hard, crew=ALONE)
    assert not explored.found.is_met
    # The demand of the first need is what the second one is measured under as well.
    assert explored.conflicts[0][0].id == "N1"
    assert explored.relaxed[0].changes[0].need.id == "N1"


def test_all_of_a_plan_survives_being_packed(alone: Explored) -> None:
    subject = replace(alone.case, choose=MappingProxyType({}))
    again = unpacked(packed((subject, library_ovm("qkd"), alone.found)))
    assert again == (subject, library_ovm("qkd"), alone.found)


def test_a_crew_of_nobody_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="0 jobs: there are from 1 to 256"):
        Crew(0)


def lacking(task: bytes) -> bytes:
    """Do a part where something is not installed."""
    raise ModuleNotFoundError(f"No module named 'keytwin' for {len(task)} octets")


def test_workers_that_lack_something_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is an extra: pip install 'keytwin[cluster]'")
    monkeypatch.setattr(exploring, "evaluated", lacking)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
        ) as cluster,
        pytest.raises(Refusal, match=r"lack what is here .*No module named 'keytwin'.*: install the same there"),
    ):
        explore_case(two_lines(), crew=Crew(scheduler=cluster.scheduler_address))


def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying:
        def __init__(self, jobs: int, context: object) -> None:
            assert (jobs, context is None) == (2, False)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def map(self, *_: object) -> Iterator[bytes]:
            raise BrokenProcessPool

    monkeypatch.setattr(exploring, "ProcessPoolExecutor", Dying)
    with pytest.raises(Refusal, match="a process that shared the work has died"):
        explore_case(two_lines(), crew=Crew(2))


def test_without_the_extra_one_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Refusal, match=r"pip install 'keytwin\[cluster\]'"):
        explore_case(two_lines(), crew=Crew(scheduler="tcp://127.0.0.1:1"))


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask is an extra: pip install 'keytwin[cluster]'")
    monkeypatch.setattr(exploring, "WAIT", 0.2)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(Refusal, match="no Dask scheduler answers at"):
            explore_case(two_lines(), crew=Crew(scheduler=address))
