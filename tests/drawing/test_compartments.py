"""Boxes with compartments: as wide as their text, ports on their borders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.model import Block, ElementId, Property
from keytwin.drawing.compartments import (
    INSET,
    LEAST,
    SOCKET,
    Compartment,
    Gate,
    Look,
    bold_lines,
    compartment_piece,
    keyword,
    port_room,
    value_lines,
    with_sockets,
)
from keytwin.drawing.geometry import Side
from keytwin.drawing.metrics import width_of
from keytwin.drawing.pieces import SMALL, Piece, Strand, composed, strand, wire_between
from keytwin.drawing.scene import Anchor, Scene

RIGHT, LEFT = {Side.RIGHT: 0.0}, {Side.LEFT: 0.0}


def block(name: str) -> Block:
    return Block(id=ElementId(name), name=name)


def piece(name: str = "a", *compartments: Compartment, room: float = 0.0, at: tuple[int, int] = (0, 0)) -> Piece:
    return compartment_piece(block(name), bold_lines(name), at=at, compartments=compartments, look=Look(room=room))


def test_a_box_is_never_narrower_than_the_least_nor_than_its_text() -> None:
    assert piece().node.box.width == LEAST
    long = "a line that is wider than the least width of a box"
    assert piece("a", Compartment("", (long,))).node.box.width == pytest.approx(width_of(long, SMALL) + 2 * INSET)


def test_an_empty_compartment_is_left_out() -> None:
    assert piece("a", Compartment("values", ())).node == piece().node


def test_each_compartment_has_a_rule_above_it_and_lies_below_the_last() -> None:
    node = piece("a", Compartment("one", ("1", "2")), Compartment("", ("3",))).node
    lines = {text.words: text.at.y for text in node.texts}
    first, second = node.rules
    assert lines["a"] < first < lines["one"] < lines["1"] < lines["2"] < second < lines["3"] < node.box.bottom


def test_all_text_lies_within_the_box() -> None:
    node = piece("a name of several words that is broken", Compartment("values", ("x = 1",))).node
    for text in node.texts:
        assert text.box.y >= 0
        assert text.box.bottom <= node.box.height


def test_a_long_name_is_broken_into_lines() -> None:
    lines = bold_lines("word " * 30, 100)
    assert len(lines) > 5
    assert all(line.bold and line.width <= 100 for line in lines)


def test_a_keyword_stands_in_guillemets() -> None:
    assert keyword("block").words == "«block»"


def test_a_box_with_ports_leaves_a_strip_for_them() -> None:
    plain, ported = piece(), piece(room=300.0)
    assert ported.node.box.width == 300.0
    assert ported.cell.up + ported.cell.down > plain.cell.up + plain.cell.down
    assert plain.cell.head == 0 < ported.cell.head < ported.cell.up


def test_room_for_ports_follows_the_longest_name() -> None:
    assert port_room([]) == 0.0
    assert port_room(["long name", "x"]) == port_room(["long name"]) > port_room(["x"])
    assert port_room(["x"], sides=1) < port_room(["x"])


def test_values_say_what_is_known_and_of_what_quantity_the_others_are() -> None:
    known, open_one = Property("loss", "attenuation", "3 dB"), Property("rate", "key rate")
    assert value_lines([known, open_one]) == ("loss = 3 dB", "rate : key rate")
    assert value_lines([]) == ()


def joined(*ports: tuple[str, str]) -> Scene:
    """Join a and b by a wire for each pair of ports."""
    pieces = [piece("a", room=200.0), piece("b", room=200.0, at=(0, 1))]
    strands: list[Strand] = [
        strand(wire_between(f"w{n}", "a", "b", ""), leaves=RIGHT, enters=LEFT, ports=pair)
        for n, pair in enumerate(ports)
    ]
    scene, laid = composed(pieces, strands)
    gates = {
        (owner, port): Gate(port, port, "") for pair in ports for owner, port in zip("ab", pair, strict=True) if port
    }
    return with_sockets(scene, laid, strands, gates)


def test_a_port_lies_across_the_border_with_its_name_inside() -> None:
    scene = joined(("out", "in"))
    out, into = scene.sockets
    a, b = scene.nodes
    assert out.box.middle.x == pytest.approx(a.box.right)
    assert into.box.middle.x == pytest.approx(b.box.x)
    names = {text.words: text for node in scene.nodes for text in node.texts}
    assert names["out"].anchor is Anchor.END
    assert names["out"].box.right < out.box.x
    assert names["in"].box.x > into.box.right


def test_a_wire_ends_at_the_outer_edge_of_its_ports() -> None:
    scene = joined(("out", "in"))
    (wire,) = scene.wires
    assert wire.points[0].x == pytest.approx(scene.nodes[0].box.right + SOCKET / 2)
    assert wire.points[-1].x == pytest.approx(scene.nodes[1].box.x - SOCKET / 2)


def test_wires_of_one_port_share_a_box_around_their_ends() -> None:
    scene = joined(("out", "x"), ("out", "y"))
    (out,) = [each for each in scene.sockets if each.owner == "a"]
    assert out.box.height > SOCKET
    ends = sorted(wire.points[0].y for wire in scene.wires)
    assert out.box.y < ends[0] < ends[1] < out.box.bottom


def test_without_ports_nothing_changes() -> None:
    scene = joined(("", ""))
    assert scene.sockets == ()
    assert scene.wires[0].points[0].x == pytest.approx(scene.nodes[0].box.right)


@pytest.mark.parametrize("count", [3, 9])
def test_many_ports_at_one_side_keep_apart_and_on_the_border(count: int) -> None:
    scene = joined(*((f"o{n}", f"i{n}") for n in range(count)))
    outs = [each.box for each in scene.sockets if each.owner == "a"]
    assert len(outs) == count
    assert not any(one.meets(other) for one in outs for other in outs if one is not other)
    bottom = scene.nodes[0].box.bottom
    assert all(replace(box, x=0).bottom <= bottom for box in outs)
