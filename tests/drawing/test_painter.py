"""SVG: well-formed, accessible, the same each time, safe against whatever a name holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.model import Model
from keytwin.design.views import View
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Box, Point, number
from keytwin.drawing.metrics import width_of
from keytwin.drawing.painter import paint, rounded
from keytwin.drawing.scene import Anchor, Figure, Node, Role, Scene, Text, moved
from keytwin.drawing.svg import draw_composition, draw_ovm, draw_schematic, draw_view
from keytwin.drawing.theme import DARK, INKS, LIGHT, Theme, colour, darkened
from keytwin.files.ovm import library_ovm
from tests.drawing.samples import SAMPLES, bb84, interface, swapping

SVG = "{http://www.w3.org/2000/svg}"
Sample = Callable[[], tuple[Model, View]]


def one_node(words: str) -> Scene:
    node = Node(
        id="n", figure=Figure.BOX, box=Box(0, 0, 90, 40), title=words, element=words, texts=(Text(words, Point(5, 20)),)
    )
    scene = Scene(id="s", title=words, about=words, width=0, height=0, nodes=(node,))
    return framed(scene, kind="act", name="s", title=words, about=words)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("theme", Theme)
def test_a_drawing_is_well_formed_and_the_same_each_time(sample: Sample, theme: Theme) -> None:
    text = draw_view(*sample(), theme)
    assert text == draw_view(*sample(), theme)
    root = ET.fromstring(text)  # noqa: S314  # our own text
    assert root.tag == f"{SVG}svg"
    assert float(root.attrib["width"]) > 0


@given(st.text(max_size=30))
def test_any_name_makes_a_well_formed_drawing(words: str) -> None:
    root = ET.fromstring(paint(one_node(words)))  # noqa: S314  # our own text
    assert root.find(f"{SVG}title") is not None


def test_names_are_escaped() -> None:
    text = paint(one_node('<script>&"'))
    assert "<script>" not in text
    assert 'data-element="&lt;script&gt;&amp;&quot;"' in text


def test_a_drawing_has_a_role_a_title_and_a_description() -> None:
    model, view = bb84()
    root = ET.fromstring(draw_view(model, view))  # noqa: S314  # our own text
    assert root.attrib["role"] == "img"
    names = {
        each.attrib["id"]: each.text for each in (root.find(f"{SVG}title"), root.find(f"{SVG}desc")) if each is not None
    }
    assert root.attrib["aria-labelledby"].split() == list(names)
    assert names["bb84-title"] == "BB84"


@pytest.mark.parametrize("sample", [bb84, interface, swapping])
def test_each_shape_has_a_title_and_the_name_of_its_element(sample: Sample) -> None:
    model, view = sample()
    root = ET.fromstring(draw_view(model, view))  # noqa: S314  # our own text
    groups = root.findall(f"{SVG}g")
    assert all((group.find(f"{SVG}title")) is not None for group in groups)
    named = {group.attrib["data-element"] for group in groups}
    assert set(view.shown) - named <= {"swap.bad"}  # a second operand, drawn with the first


def test_all_text_tells_its_length() -> None:
    for words, length in re.findall(r'<text [^>]*textLength="([^"]*)"[^>]*>([^<]*)<', draw_view(*interface())):
        assert float(words) > 0, length
    assert f'textLength="{number(width_of("Alice", 12, bold=True))}"' in draw_view(*interface())


def test_a_drawing_that_follows_the_reader_is_light_where_css_is_not_read_and_dark_by_it() -> None:
    text = draw_view(*bb84())
    head, style, body = text.partition("</style>")
    assert style
    assert "prefers-color-scheme:dark" in head
    assert "var(" not in text  # text processors would paint it black
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', body))
    assert used
    assert used <= set(LIGHT.values())
    for colour_of in used:
        assert f'[fill="{colour_of}"]{{fill:{darkened()[colour_of]}}}' in head
        assert f'[stroke="{colour_of}"]{{stroke:{darkened()[colour_of]}}}' in head
    assert body in draw_view(*bb84(), Theme.LIGHT)


def test_a_light_colour_has_one_dark_counterpart() -> None:
    for name, light in LIGHT.items():
        assert DARK[name] == darkened()[light], name


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_a_fixed_theme_needs_no_css(theme: Theme) -> None:
    text = draw_view(*bb84(), theme)
    assert "var(" not in text
    assert "<style" not in text
    assert colour(theme, "ink") in text


def test_both_themes_have_the_same_colours_for_every_role() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(INKS) == set(Role)
    assert {name for names in INKS.values() for name in names} <= set(LIGHT) | {"none"}


def contrast(first: str, second: str) -> float:
    """Return the ratio of WCAG 2.1, 1.4.3."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("table", [LIGHT, DARK])
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.FADED])
def test_text_stands_out_from_what_is_behind_it(table: dict[str, str], role: Role) -> None:
    ink, _, fill = INKS[role]
    assert contrast(table[ink], table["paper"]) >= 4.5
    assert fill == "none" or contrast(table[ink], table[fill]) >= 4.5


def test_what_fades_can_still_be_read() -> None:
    assert contrast(LIGHT["faded-ink"], LIGHT["faded-fill"]) >= 3
    assert contrast(DARK["faded-ink"], DARK["faded-fill"]) >= 3


def test_corners_of_wires_are_rounded_but_never_more_than_half_a_piece() -> None:
    assert rounded([Point(0, 0), Point(0, 4), Point(9, 4)]) == "M 0 0 L 0 2 Q 0 4 2 4 L 9 4"


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (-0.001, "0"), (2.346, "2.35"), (10.5, "10.5")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_moved_scene_keeps_its_shape() -> None:
    scene = one_node("x")
    there = moved(scene, 5, 7, "p/")
    assert [node.box for node in there.nodes] == [node.box.moved(5, 7) for node in scene.nodes]
    assert [node.within for node in there.nodes] == ["", "p/frame"]
    assert moved(there, -5, -7).marks == scene.marks


@pytest.mark.parametrize(("anchor", "left"), [(Anchor.START, 50.0), (Anchor.MIDDLE, 45.0), (Anchor.END, 40.0)])
def test_text_covers_what_its_anchor_says(anchor: Anchor, left: float) -> None:
    text = replace(Text("mm", Point(50, 10)), anchor=anchor)
    text = replace(text, size=10 / (text.width / text.size))
    assert text.box.x == pytest.approx(left)


def test_several_views_come_on_one_sheet() -> None:
    model, view = bb84()
    text = draw_composition(model, [view, replace(view, id="again", title="Again")], "Before")
    assert text.count('data-node="bb84/frame"') == text.count('data-node="again/frame"') == 1
    assert ">Before</text>" in text


def test_an_ovm_and_its_schematic_are_drawn() -> None:
    ovm = library_ovm("paper-a")
    assert 'data-element="protocol.bb84"' in draw_ovm(ovm)
    assert "«" not in draw_schematic(ovm, theme=Theme.DARK)
