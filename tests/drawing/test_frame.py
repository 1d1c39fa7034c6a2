"""Frames: around everything, the heading in the corner, never narrower than the title."""

from __future__ import annotations

import pytest

from keytwin.drawing.frame import FRAME, MARGIN, PAD, TAB, extent, framed, heading, heading_width, mark_box
from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.scene import Figure, Label, Mark, Node, Scene, Text, Wire

EMPTY = Scene(id="", title="", about="", width=0, height=0)


def around(*nodes: Node, title: str = "T", flush: bool = False) -> Scene:
    content = Scene(id="", title="", about="", width=0, height=0, nodes=nodes)
    return framed(content, kind="bdd", name="n", title=title, about="why", flush=flush)


def node(box: Box, name: str = "a", within: str = "") -> Node:
    return Node(id=name, figure=Figure.BOX, box=box, title="", within=within)


def test_nothing_is_framed_by_the_heading_alone() -> None:
    scene = around()
    assert scene.nodes[0].box.width >= heading_width("bdd", "T")
    assert [each.id for each in scene.nodes] == [FRAME]


@pytest.mark.parametrize("at", [(0, 0), (-500, 40), (900, -70)])
def test_what_is_framed_lies_inside_wherever_it_was(at: tuple[int, int]) -> None:
    frame, inner = around(node(Box(*at, 300, 100))).nodes
    assert inner.box == Box(MARGIN + PAD, MARGIN + TAB + PAD, 300, 100)
    assert frame.box.holds(inner.box)


def test_a_flush_frame_leaves_no_space() -> None:
    frame, inner = around(node(Box(0, 0, 300, 100)), flush=True).nodes
    assert (inner.box.x, inner.box.right, inner.box.bottom) == (frame.box.x, frame.box.right, frame.box.bottom)


def test_a_long_title_widens_the_frame_and_the_content_stays_in_the_middle() -> None:
    scene = around(node(Box(0, 0, 20, 20)), title="a title that is much longer than its diagram is wide")
    frame, inner = scene.nodes
    assert all(text.box.right < frame.box.right for text in scene.texts)
    assert inner.box.middle.x == pytest.approx(frame.box.middle.x)


def test_only_the_outermost_nodes_lie_in_the_frame_itself() -> None:
    scene = around(node(Box(0, 0, 90, 90)), node(Box(10, 10, 9, 9), "b", within="a"))
    assert [each.within for each in scene.nodes] == ["", FRAME, "a"]


def test_kind_and_title_stand_beside_one_another() -> None:
    kind, title = heading("ibd", "A title", Point(10, 20))
    assert kind.bold
    assert not title.bold
    assert kind.box.right < title.box.x


def test_the_extent_takes_everything_in() -> None:
    assert extent(EMPTY) == Box(0, 0, 0, 0)
    full = Scene(
        id="", title="", about="", width=0, height=0,
        nodes=(node(Box(0, 0, 10, 10)),),
        wires=(Wire(id="w", points=(Point(5, 5), Point(50, -20)), source="a", target="a", title=""),),
        labels=(Label(wire="w", lines=(), box=Box(-30, 0, 5, 5)),),
        marks=(Mark(path=("M", 0.0, 0.0, "L", 1.0, 80.0)),),
    )  # fmt: skip
    assert extent(full) == Box(-30, -20, 80, 100)
    text = Text("words", Point(100, 0))
    assert extent(Scene(id="", title="", about="", width=0, height=0, texts=(text,))) == text.box


def test_control_points_count_for_the_box_of_a_mark() -> None:
    assert mark_box(Mark(path=("M", 0.0, 0.0, "Q", 5.0, -9.0, 10.0, 0.0, "Z"))) == Box(0, -9, 10, 9)
