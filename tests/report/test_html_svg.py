"""Drawings taken into a page: identifiers of their own, and nothing that runs or is fetched."""

from __future__ import annotations

import pytest

from keytwin.design.variability import Configuration
from keytwin.drawing.svg import draw_ovm
from keytwin.files.ovm import library_ovm
from keytwin.report.html_elements import element, page
from keytwin.report.html_svg import DEEPEST, inlined
from keytwin.report.lanes import lanes_of
from keytwin.report.lanes_svg import lanes_as_svg
from keytwin.vocabulary.errors import FileMistake
from tests.report.happenings import experiment
from tests.report.pages import read_page

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1">'


def taken(inside: str) -> str:
    return inlined(f"{HEAD}{inside}</svg>".encode(), "p-", "a name")


def test_what_is_referred_to_gets_a_name_of_its_own() -> None:
    found = taken(
        '<defs><path id="m" d="M0 0"/></defs><use xlink:href="#m" clip-path="url(#m)" style="clip-path: url(#m)"/>'
    )
    assert '<path id="p-m" d="M0 0"/>' in found
    assert '<use href="#p-m" clip-path="url(#p-m)" style="clip-path: url(#p-m)"/>' in found


def test_a_drawing_has_a_role_and_a_name() -> None:
    assert taken("").startswith('<svg viewBox="0 0 1 1" role="img" aria-label="a name">')
    assert 'aria-label="&lt;&quot;"' in inlined(f"{HEAD}</svg>".encode(), "", '<"')


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<g onload='alert(1)'/>",
        "<a href='javascript:alert(1)'><text>x</text></a>",
        "<use xlink:href='https://example.org/x.svg#y'/>",
        "<use href='data:image/svg+xml,x'/>",
        "<image href='https://example.org/x.png'/>",
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></body></foreignObject>",
        "<style>@import 'https://example.org/x.css';</style>",
        "<rect style=\"fill: url('https://example.org/x')\"/>",
        "<rect style='fill: url(x.svg)'/>",
        "<rect fill='url(https://example.org/x)'/>",
        "<rect fill='URL(x)'/>",
        "<animate attributeName='href' to='javascript:alert(1)'/>",
        "<set attributeName='onload' to='alert(1)'/>",
        "<metadata><x xmlns='urn:x'>alert</x></metadata>",
        "<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>",
        "<svg onload='alert(1)'><script>alert(1)</script></svg>",
    ],
)
def test_what_could_run_or_be_fetched_is_left_out(inside: str) -> None:
    found = taken(inside)
    html = page("t", "", element("h1", "t"), found)
    assert read_page(html).faults == []
    assert "example.org" not in found
    assert "<script" not in found


def test_what_is_left_out_takes_what_is_in_it_along_and_nothing_more() -> None:
    assert taken("<a><text>one</text></a><text>two</text>").endswith("<text>two</text></svg>")


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "no SVG"),
        (b"<html/>", "begins with <html>"),
        (b"<svg>", "no element found|no SVG"),
        (b'<!DOCTYPE svg [<!ENTITY a "x">]><svg>&a;</svg>', "ENTITY"),
        (b"<svg>" + b"<g>" * DEEPEST + b"</g>" * DEEPEST + b"</svg>", "levels deep"),
    ],
)
def test_what_is_no_drawing_is_a_mistake_of_its_file(octets: bytes, said: str) -> None:
    with pytest.raises(FileMistake, match=said):
        inlined(octets, "", "", "x.svg")


def test_our_own_drawings_keep_all_that_draws() -> None:
    ovm = library_ovm("paper-a")
    svg = draw_ovm(ovm, Configuration(ovm.name, ()))
    found = inlined(svg.encode(), "o-", "an OVM")
    for tag in ("<path", "<rect", "<text", "<circle", "<title>"):
        # The title of the whole is kept too, without the name by which it was found.
        assert found.count(tag) >= svg.count(tag)
    assert "textLength=" in found
    assert read_page(page("t", "", element("h1", "t"), found)).faults == []


def test_lanes_keep_their_letters_and_lose_where_they_come_from() -> None:
    svg = lanes_as_svg(lanes_of(experiment()))
    found = inlined(svg, "l-", "lanes")
    assert found.count("<use ") == svg.count(b"<use ")
    assert "metadata" not in found
    assert read_page(page("t", "", element("h1", "t"), found)).faults == []


def test_two_drawings_of_one_file_go_on_one_page() -> None:
    svg = lanes_as_svg(lanes_of(experiment()))
    html = page("t", "", element("h1", "t"), inlined(svg, "a-", "a"), inlined(svg, "b-", "b"))
    assert read_page(html).faults == []
