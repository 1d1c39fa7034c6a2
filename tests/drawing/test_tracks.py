"""Tracks: wires of one corridor lie side by side, never upon one another."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.geometry import Side
from keytwin.drawing.lattice import Cell, Lattice, Link
from keytwin.drawing.tracks import Routed, routed

QUICK = settings(max_examples=30, deadline=None)


def grid(*places: tuple[str, int, int]) -> Lattice:
    cells = {
        key: Cell(key=key, row=row, column=column, left=20, right=20, up=10, down=10) for key, row, column in places
    }
    rows, columns = max(each.row for each in cells.values()) + 1, max(each.column for each in cells.values()) + 1
    return Lattice(rows, columns, cells)


def link(source: str, target: str, key: str, *, bundle: str = "", port: str = "") -> Link:
    right, left = {Side.RIGHT: 0.0}, {Side.LEFT: 0.0}
    return Link(key=key, source=source, target=target, leaves=right, enters=left, bundle=bundle, source_port=port)


def lines(found: Routed) -> list[tuple[bool, int, float]]:
    return [(run.is_level, run.corridor, run.track if run.in_channel else run.offset) for run in found.runs]


def test_a_straight_wire_is_one_run_in_the_middle_of_its_row() -> None:
    found = routed(grid(("a", 0, 0), ("b", 0, 1)), [link("a", "b", "w")])
    (run,) = found.wires["w"]
    assert (run.is_level, run.corridor, run.low, run.high, run.offset) == (True, 1, 1, 3, 0.0)
    assert [pin.side for pin in found.ends["w"]] == [Side.RIGHT, Side.LEFT]


def test_no_wires_have_no_runs() -> None:
    assert routed(grid(("a", 0, 0)), []).runs == []


@pytest.mark.parametrize("count", [2, 3, 8, 30])
def test_parallel_wires_never_share_a_line(count: int) -> None:
    lattice = grid(("a", 0, 0), ("b", 0, 1))
    found = routed(lattice, [link("a", "b", str(number)) for number in range(count)])
    straight = sorted(run.offset for run in found.runs if run.is_level and run.corridor == 1)
    assert len(straight) == len(set(straight))
    assert len(set(lines(found))) >= count


def test_a_loop_is_out_and_down_and_back() -> None:
    found = routed(grid(("a", 0, 0)), [Link(key="w", source="a", target="a")])
    assert [run.is_level for run in found.wires["w"]] == [True, False, True]
    first, _, last = found.wires["w"]
    assert first.offset != last.offset


def test_wires_of_a_bundle_share_their_trunk() -> None:
    lattice = grid(("a", 0, 0), ("b", 0, 1), ("c", 1, 1))
    apart = routed(grid(("a", 0, 0), ("b", 0, 1), ("c", 1, 1)), [link("a", each, each) for each in "bc"])
    shared = routed(lattice, [link("a", each, each, bundle="trunk") for each in "bc"])
    assert len(shared.runs) < len(apart.runs)
    assert shared.wires["b"][0] is shared.wires["c"][0]
    assert len(shared.at("a", Side.RIGHT)) == 1


def test_wires_of_one_port_are_not_parted_by_those_of_another() -> None:
    lattice = grid(("a", 1, 0), *((f"t{row}", row, 1) for row in range(3)))
    links = [
        Link(key=key, source="a", target=target, leaves={Side.RIGHT: 0.0}, enters={Side.LEFT: 0.0}, source_port=port)
        for key, target, port in (("1", "t0", "p"), ("2", "t1", "q"), ("3", "t2", "p"))
    ]
    found = routed(lattice, links)
    ports = [pin.port for run in sorted(found.at("a", Side.RIGHT), key=lambda run: run.offset) for pin in run.pins[:1]]
    assert ports in (["p", "p", "q"], ["q", "p", "p"])


@QUICK
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=10))
def test_runs_of_one_corridor_that_share_more_than_a_corner_have_tracks_of_their_own(
    pairs: list[tuple[int, int]],
) -> None:
    lattice = grid(*((str(index), index // 3, index % 3) for index in range(6)))
    links = [Link(key=f"w{n}", source=str(a), target=str(b)) for n, (a, b) in enumerate(pairs)]
    found = routed(lattice, links)
    for one, other in combinations(found.runs, 2):
        if (one.is_level, one.corridor) == (other.is_level, other.corridor):
            apart = one.high <= other.low or other.high <= one.low
            assert apart or one.track != other.track


@QUICK
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8))
def test_a_wire_turns_at_each_joint_and_ends_at_its_nodes(pairs: list[tuple[int, int]]) -> None:
    lattice = grid(*((str(index), index // 2, index % 2) for index in range(4)))
    links = [Link(key=f"w{n}", source=str(a), target=str(b)) for n, (a, b) in enumerate(pairs)]
    found = routed(lattice, links)
    assert set(found.wires) == {each.key for each in links}
    for each in links:
        runs = found.wires[each.key]
        assert all(one.is_level is not other.is_level for one, other in pairwise(runs))
        assert tuple(pin.key for pin in found.ends[each.key]) == (each.source, each.target)
