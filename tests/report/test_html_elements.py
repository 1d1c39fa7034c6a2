"""Elements: what is text is escaped, what is markup is not, and tables say what their heads are for."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.report.html_elements import (
    LONG,
    Markup,
    code,
    contents,
    counted,
    element,
    escaped,
    facts,
    folded,
    joined,
    listed,
    page,
    section,
    table,
    told,
    unbroken,
)
from tests.report.pages import read_page


def test_text_is_escaped_and_markup_is_kept() -> None:
    assert element("p", "a < b & c", element("em", "d")) == "<p>a &lt; b &amp; c<em>d</em></p>\n"


def test_attributes_are_escaped_and_named_as_in_html() -> None:
    assert element("i", class_="a", aria_label='"<&') == '<i class="a" aria-label="&quot;&lt;&amp;"></i>'


def test_an_element_that_holds_nothing_is_not_closed() -> None:
    assert element("br") == "<br>"
    with pytest.raises(AssertionError, match="holds nothing"):
        element("br", "text")


def test_escaping_twice_changes_nothing() -> None:
    assert escaped(escaped("<")) == "&lt;"
    assert joined(["<", Markup("<b>")], ", ") == "&lt;, <b>"


class Text(HTMLParser):
    said = ""

    def handle_data(self, data: str) -> None:
        self.said += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag, attrs) == ("b", [])


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_whatever_is_written_is_read_back(words: str) -> None:
    reader = Text()
    reader.feed(element("b", words))
    reader.close()
    # Two places of Unicode that XML forbids are shown as unknown letters.
    assert reader.said == words.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def test_a_table_says_what_its_heads_are_for() -> None:
    found = table("Title", ("A", "B"), [("1", "2")])
    assert found.count('<th scope="col">') == 2
    assert '<th scope="row">1</th><td>2</td>' in found
    assert "<caption>Title</caption>" in found
    assert 'tabindex="0"' in found


def test_only_a_word_too_long_for_a_column_may_be_broken() -> None:
    long = "x" * (LONG + 1)
    found = table("T", ("A", "B", "C"), [("a-" * LONG, element("b", long), f"<{long}>")])
    assert found.count('class="long"') == 2
    assert '<th scope="row">' in found


def test_what_is_not_said_takes_no_room() -> None:
    assert listed([]) == ""
    assert "nothing" not in facts([("nothing", ""), ("something", "x")])


def test_folded_content_may_be_open() -> None:
    assert folded("t", "c") == "<details><summary>t</summary>\nc</details>\n"
    assert folded("t", "c", is_open=True).startswith('<details open="">')


@pytest.mark.parametrize(
    ("words", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_in_a_row(words: list[str], said: str) -> None:
    assert told(words) == said


def test_a_short_value_stays_on_a_line() -> None:
    assert unbroken("1 bit/s") == "1\u00a0bit/s"
    assert unbroken("a value that is long") == "a value that is long"


def test_numbers_of_things() -> None:
    assert (counted(1, "need"), counted(2_000, "need")) == ("1 need", "2,000 needs")


def test_contents_lead_to_sections() -> None:
    parts = [section("one", "One & only", "text"), section("two", "Two", code("x"))]
    html = page("t", "", element("h1", "t"), contents(parts), *parts)
    assert read_page(html).faults == []
    assert '<a href="#one">One &amp; only</a>' in html


def test_a_page_forbids_the_browser_to_fetch_and_to_run() -> None:
    assert "default-src &#x27;none&#x27;" in page("t", "", element("h1", "t"))
