"""Pieces and strands: text in the middle of boxes that hold it, colours by nature."""

from __future__ import annotations

import pytest

from keytwin.design.model import Block, ElementId
from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.pieces import Line, box_piece, centred, label_lines, label_size, name_lines, settled, told
from keytwin.drawing.scene import Anchor, Figure
from keytwin.vocabulary.identity import VariantId

BLOCK = Block(id=ElementId("b"), name="Fibre")


def test_what_is_told_of_an_element_says_who_asked_for_it() -> None:
    assert told(BLOCK) == "Fibre"
    asked = Block(id=ElementId("b"), name="Fibre", about="glass", because=(VariantId("medium.fibre"),))
    assert told(asked) == "Fibre: glass (by medium.fibre)"


@pytest.mark.parametrize("count", [1, 2, 7])
def test_lines_are_centred_about_their_point(count: int) -> None:
    texts = centred([Line(f"line {n}") for n in range(count)], Point(50, 80))
    assert {text.anchor for text in texts} == {Anchor.MIDDLE}
    assert (texts[0].box.y + texts[-1].box.bottom) / 2 == pytest.approx(80)
    assert [text.at.y for text in texts] == sorted(text.at.y for text in texts)


def test_no_lines_have_no_place() -> None:
    assert centred([]) == ()
    assert label_lines("") == ()
    assert label_size([]) == (0.0, 0.0)


@pytest.mark.parametrize("words", ["a", "a name of many words " * 6, "unbreakable" * 9])
def test_a_box_holds_its_text_at_its_place_even_when_it_has_grown(words: str) -> None:
    piece = box_piece(BLOCK, name_lines(words), at=(0, 0))
    size = piece.node.box
    for grown in (0, 40):
        box = Box(100, 200, size.width, size.height + grown)
        node = settled(piece, box)
        assert all(box.holds(text.box) for text in node.texts)
        middle = (node.texts[0].box.y + node.texts[-1].box.bottom) / 2
        assert middle == pytest.approx(box.middle.y)


def test_a_figure_with_a_point_is_wider_for_the_same_words() -> None:
    lines = [Line("a rather long action name")]
    plain, sending = (box_piece(BLOCK, lines, at=(0, 0), figure=each) for each in (Figure.ROUND, Figure.SEND))
    assert sending.node.box.width == plain.node.box.width + 28
