"""Marks stay in order and off one another."""

from __future__ import annotations

import itertools
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from keytwin.report.lanes import LaneMark, Lanes, Mark, lanes_of
from keytwin.report.placement import panels, place
from keytwin.vocabulary.identity import AppId, NodeId
from keytwin.vocabulary.units import START, Instant
from tests.report.happenings import experiment

NODES = tuple(NodeId(name) for name in "abc")
MARKS = st.lists(
    st.builds(
        LaneMark,
        at=st.integers(0, 1_000).map(Instant),
        node=st.sampled_from(NODES),
        app=st.sampled_from([AppId("x"), AppId("y")]),
        mark=st.sampled_from(list(Mark)),
    ),
    min_size=1,
    max_size=25,
)


@given(MARKS, st.integers(30, 120))
def test_marks_of_a_row_never_touch_while_there_is_room(marks: list[LaneMark], columns: int) -> None:
    marks.sort(key=lambda mark: mark.at)
    (panel,) = panels(Lanes(NODES, (), tuple(marks)), most=1)
    rows: dict[tuple[NodeId, AppId], list[float]] = defaultdict(list)
    for mark, column in zip(panel.marks, place(panel, columns), strict=True):
        assert 0 <= column <= columns - 1
        rows[mark.node, mark.app].append(column)
    for row in rows.values():
        assert all(right - left > 1 - 1e-9 for left, right in itertools.pairwise(row))


@given(MARKS)
def test_a_row_with_too_little_room_keeps_its_order(marks: list[LaneMark]) -> None:
    marks.sort(key=lambda mark: mark.at)
    (panel,) = panels(Lanes(NODES, (), tuple(marks)), most=1)
    assert all(0 <= column <= 3 for column in place(panel, 4))


def test_what_is_later_never_stands_before_what_is_earlier_by_a_column() -> None:
    for panel in panels(lanes_of(experiment())):
        columns = 40
        worth = max(1, panel.stretch.length / (columns - 1))
        placed = list(zip(panel.marks, place(panel, columns), strict=True))
        for early, left in placed:
            assert all(left <= right for late, right in placed if late.at - early.at > 2 * worth)


def test_the_first_panel_begins_with_the_run() -> None:
    first, *_ = panels(lanes_of(experiment()))
    assert first.stretch.start == START
    assert first.busiest == 3


def test_a_run_without_events_has_no_panels() -> None:
    assert panels(lanes_of([])) == ()
