"""The front of an exploration on the twin."""

from __future__ import annotations

import pytest

from keytwin.assessment.exploring import Crew, Explored, explore_case
from keytwin.assessment.front_runs import PointRun, run_front
from keytwin.report.exploration import exploration_record, with_runs
from tests.assessment.needs import TWO_LINES, case_of, with_

OPEN = with_(TWO_LINES, ("choose: {protocol: decoy-bb84, q-link: direct, ", "choose: {q-link: direct, "))


@pytest.fixture(scope="module")
def explored() -> Explored:
    return explore_case(case_of(OPEN), crew=Crew(jobs=1))


@pytest.fixture(scope="module")
def runs(explored: Explored) -> tuple[PointRun, ...]:
    return run_front(explored)


@pytest.mark.slow
def test_each_point_is_run_under_all_that_the_needs_name(explored: Explored, runs: tuple[PointRun, ...]) -> None:
    assert len(runs) == len(explored.found.front) > 0
    for run in runs:
        assert [each.id for each in run.tries] == ["calm", "cut-1-link"]
        assert run.is_borne_out
        measured = {str(each.verdict.need.id) for each in run.judged if each.tried is not None}
        assert measured == {"N1", "N2", "N4"}


@pytest.mark.slow
def test_the_runs_stand_in_the_record(explored: Explored, runs: tuple[PointRun, ...]) -> None:
    before = exploration_record(explored)
    record = with_runs(before, runs)
    assert record.is_met
    assert all(not point.runs for point in before.front)
    for point, run in zip(record.front, runs, strict=True):
        assert [line.trace for line in point.runs] == [each.trace for each in run.tries]
        assert set(point.missed_in_runs) >= set(point.misses) - {"N6"}


@pytest.mark.slow
def test_equal_seeds_run_equally_and_others_do_not(explored: Explored, runs: tuple[PointRun, ...]) -> None:
    again = run_front(explored)
    assert [each.trace for run in again for each in run.tries] == [each.trace for run in runs for each in run.tries]
    other = run_front(explored, seed=2)
    assert other[0].tries[0].trace != runs[0].tries[0].trace
