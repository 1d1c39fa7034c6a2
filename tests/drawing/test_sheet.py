"""Sheets: drawings side by side, none upon another, each with identifiers of its own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.scene import Figure, Label, Mark, Node, Scene, Text, Wire
from keytwin.drawing.sheet import GAP, HEAD, sheet

QUICK = settings(max_examples=40, deadline=None)


def scene(name: str, width: float, height: float) -> Scene:
    node = Node(id="n", figure=Figure.BOX, box=Box(0, 0, width, height), title=name)
    return Scene(id=name, title=f"View {name}", about="", width=width, height=height, nodes=(node,))


def test_an_empty_sheet_has_room_for_its_title() -> None:
    found = sheet([], "A title")
    assert found.nodes == ()
    assert found.height == HEAD
    assert found.width > found.texts[0].width


def test_one_drawing_without_title_fills_its_sheet() -> None:
    found = sheet([scene("a", 300, 200)], "")
    assert (found.width, found.height) == (300, 200)
    assert found.texts == ()
    assert (found.title, found.about) == ("Sheet", "View a")


def test_drawings_of_a_row_stand_side_by_side_in_their_order() -> None:
    found = sheet([scene(name, 100, 100) for name in "abc"], "")
    assert [node.box.x for node in found.nodes] == [0, 100 + GAP, 0]
    assert [node.box.y for node in found.nodes] == [0, 0, 100 + GAP]


def test_a_wide_drawing_gets_a_row_of_its_own() -> None:
    found = sheet([scene("a", 50, 20), scene("wide", 900, 20), scene("b", 50, 20)], "")
    assert [node.box.y for node in found.nodes] == [0, 20 + GAP, 2 * (20 + GAP)]
    assert found.width == 900


def test_a_title_wider_than_the_drawings_widens_the_sheet() -> None:
    found = sheet([scene("a", 50, 20)], "A very long title of a very small sheet")
    assert found.width > found.texts[0].box.right
    assert found.nodes[0].box.y == HEAD


def test_everything_of_a_drawing_moves_and_is_named_after_it() -> None:
    text = Text("hello", Point(5, 5))
    full = Scene(
        id="b", title="B", about="", width=40, height=30,
        nodes=(Node(id="n", figure=Figure.BOX, box=Box(1, 2, 3, 4), title="", within="outer"),),
        wires=(Wire(id="w", points=(Point(1, 1), Point(9, 1)), source="n", target="m", title="", bundle="t"),),
        labels=(Label(wire="w", lines=(text,), box=Box(5, 0, 9, 9)), Label(wire="", lines=(), box=Box(0, 0, 1, 1))),
        marks=(Mark(path=("M", 1.0, 2.0, "L", 3.0, 4.0)),), texts=(text,),
    )  # fmt: skip
    found = sheet([full], "T")
    assert (found.nodes[0].id, found.nodes[0].within) == ("b/n", "b/outer")
    wire = found.wires[0]
    assert (wire.id, wire.source, wire.target, wire.bundle) == ("b/w", "b/n", "b/m", "b/t")
    assert wire.points == (Point(1, 1 + HEAD), Point(9, 1 + HEAD))
    assert [label.wire for label in found.labels] == ["b/w", ""]
    assert found.marks[0].path == ("M", 1, 2 + HEAD, "L", 3, 4 + HEAD)
    assert found.texts[1].at == Point(5, 5 + HEAD)


@QUICK
@given(st.lists(st.tuples(st.integers(20, 900), st.integers(20, 900)), min_size=1, max_size=9))
def test_no_two_drawings_meet_and_all_lie_on_the_sheet(sizes: list[tuple[int, int]]) -> None:
    found = sheet([scene(str(n), *size) for n, size in enumerate(sizes)], "")
    boxes = [node.box for node in found.nodes]
    paper = Box(0, 0, found.width, found.height)
    assert len({node.id for node in found.nodes}) == len(sizes)
    assert all(paper.holds(box) for box in boxes)
    assert not any(one.meets(other) for one in boxes for other in boxes if one is not other)
