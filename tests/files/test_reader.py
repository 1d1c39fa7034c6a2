"""YAML as text only: what is refused, where, and in which words."""

from __future__ import annotations

import pytest

from keytwin.files.nodes import MapNode, TextNode, find
from keytwin.files.page import Page, Unread
from keytwin.files.reader import DEEPEST, LARGEST_FILE, LONGEST_LINE, read_nodes
from tests.files.reading import nodes, yaml_mistakes


def text_at(octets: bytes, *keys: str) -> str:
    found = find(nodes(octets), *keys)
    assert isinstance(found, TextNode)
    return found.text


@pytest.mark.parametrize("text", ["0", "1_000", "no", "2026-01-31", "1e3", "0x10", "~", "null", "12:30:00", ".inf"])
def test_every_scalar_is_text(text: str) -> None:
    assert text_at(f"a: {text}".encode(), "a") == text


def test_a_value_has_line_column_and_path() -> None:
    found = find(nodes(b"a:\n  - x\n  - b: {c: deep}\n"), "a")
    assert found is not None
    assert (found.place.line, found.place.column, found.place.key) == (2, 3, "a")
    inner = nodes(b"a: {b:  {c: deep}}")
    place = getattr(find(inner, "a", "b", "c"), "place", None)
    assert (place.line, place.column, place.key) == (1, 13, "a.b.c")  # type: ignore[union-attr] # None fails just as well


def test_an_empty_value_stands_where_its_key_does() -> None:
    found = find(nodes(b"a:\n  b:\nc: 1"), "a", "b")
    assert isinstance(found, TextNode)
    assert found.is_empty
    assert (found.place.line, found.place.column) == (2, 3)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    root = nodes(b"\xef\xbb\xbfa: 1")
    assert isinstance(root, MapNode)
    assert list(root.entries) == ["a"]


def test_lines_may_end_as_on_windows() -> None:
    assert text_at(b"a: 1\r\nb: 2\r\n", "b") == "2"


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", ["the file is empty (it begins with 'format: 1')"]),
        (b" \n\n", ["the file is empty (it begins with 'format: 1')"]),
        (b"# only a comment\n", ["the file holds comments only (it begins with 'format: 1')"]),
        (b"a: 1\nb: \xff", ["2:4: this is not UTF-8: save the file as UTF-8 text"]),
        (b"a: 1\nb: \x00", ["2:4: the character U+0000 does not belong in such a file"]),
        ("a: \u2028".encode(), ["1:4: the character U+2028 does not belong in such a file"]),
        (b'a: "\\x07"', [("1:4: this text holds, by an escape, a character that does not belong in such a file")]),
        (b'a: "\\ud800"', [("1:4: this text holds, by an escape, a character that does not belong in such a file")]),
        (b"a: !!int 1", ["1:4: the tag '!!int' has no use here: every value is read as text, remove it"]),
        (b"a: !foo [x]", ["1:4: the tag '!foo' has no use here: every value is read as text, remove it"]),
        (b"!x {a: 1}", ["1:1: the tag '!x' has no use here: every value is read as text, remove it"]),
        (b"a: &x 1", ["1:4: the anchor '&x' has no use here: aliases are not read, remove it"]),
        (b"a: *x", ["1:4: '*x' refers to an anchor: aliases are not read, write the value out"]),
        (b"<<: {a: 1}", ["1:1: the merge key '<<' is not read: write the values out"]),
        (b"? [a, b]\n: 1", [("1:3: a key is a plain text, not a list or mapping (quote a text that begins so)")]),
        (b": 1", ["1:1: a key is missing before this ':'"]),
        (b"a: 1\nb: 2\na: 3", ["3:1: duplicate key 'a' (the first is in line 1; remove one)"]),
        (b"a: 1\n---\nb: 2", ["2:1: a second document begins here: one file holds one document"]),
        (b"%YAML 1.2\n---\na: 1", [("2:1: a YAML directive has no use here: remove the line that begins with '%'")]),
    ],
)
def test_what_is_refused_has_a_place_and_a_reason(octets: bytes, told: list[str]) -> None:
    assert yaml_mistakes(octets) == told


def test_all_that_is_refused_is_told_at_once() -> None:
    told = yaml_mistakes(b"a: !x 1\nb: &y 2\nc: *y\nc: 3\n")
    assert [line.split(" ")[0] for line in told] == ["1:4:", "2:4:", "3:4:", "4:1:"]


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"a:\n\tb: 1", "2:1: a tab stands where YAML wants spaces: indent with spaces"),
        (b"a: @x", "1:4: a value cannot begin with '@': put it in quotes"),
        (b"a: %x", "1:4: a value cannot begin with '%': put it in quotes"),
        (b"a: b: c", "1:5: a ':' that begins no value: quote the text, or check the indentation above"),
        (b"a: 1\nb\nc: 2", "2:1: this line has no ':' after its key"),
        (b"a: 1\n b: 2", "2:3: a ':' that begins no value: quote the text, or check the indentation above"),
        (b"x: 1\n\na: {b: 1\n", "4:1: a ',' or '}' is missing in the braces opened in line 3"),
        (b"a: [1, 2\n", "2:1: a ',' or ']' is missing in the brackets opened in line 1"),
        (b'\na: "x\n', "3:1: the quote opened in line 2 is never closed"),
        (b'a: "\\q"', ("1:6: an unknown escape after a backslash: use single quotes, or double the backslash")),
        (b"a:\n  b: 1\n c: 2", "3:2: this is not indented like the mapping begun in line 1"),
        (b"- a\nb: 1", "2:1: this is not indented like the list begun in line 1"),
        (b'a: "b" c', "1:8: text after a value that has ended: quote the whole value"),
        (b"a: }", "1:4: a value is missing here"),
        (b"a: !<x", "1:7: a '!' begins a tag, and tags are not read: put the text in quotes"),
        (b"a: & b", "1:5: a '&' begins an anchor, and anchors are not read: put the text in quotes"),
        (b"a: * b", "1:5: a '*' begins an alias, and aliases are not read: put the text in quotes"),
        (b"%YAML 2.0\n---\na: 1", ("1:1: a '%' begins a directive, and directives are not read: remove the line")),
        (b"a: 1\n- b", "2:1: this is not indented like the mapping begun in line 1"),
        (b'"a" "b"', "1:5: text after the end of the document: is a value quoted only in part?"),
        (
            b'a: 1\nb: "\\U99999999"',
            ("2:1: soon after this, YAML that cannot be read: a number too large in an escape"),
        ),
    ],
)
def test_a_syntax_error_is_told_alone_and_in_plain_words(octets: bytes, told: str) -> None:
    assert yaml_mistakes(octets) == [told]


def test_limits_keep_a_hostile_file_from_hanging_the_reader() -> None:
    assert yaml_mistakes(b"#" * (LARGEST_FILE + 1)) == [f"the file has more than {LARGEST_FILE} octets"]
    assert yaml_mistakes(b"a: " + b"x" * LONGEST_LINE) == [
        f"1:1: this line has more than {LONGEST_LINE} characters: break it"
    ]
    assert yaml_mistakes(b"[" * 60_000) == [f"1:{DEEPEST + 1}: this is nested more than {DEEPEST} levels deep"]
    assert yaml_mistakes(b"- - - - " * 5_000) == [f"1:33: this is nested more than {DEEPEST} levels deep"]


def test_the_number_of_values_is_limited() -> None:
    page = Page("f")
    with pytest.raises(Unread):
        read_nodes(b"[a, b, {c: d}]", page, most_values=5)
    assert str(page.conclusion()) == "f:1:12: the file holds more than 5 values"
    read_nodes(b"[a, b, {c: d}]", page, most_values=6)


def test_a_billion_laughs_are_refused_at_the_first() -> None:
    laughs = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (n, n, n - 1, n - 1) for n in range(98, 110))
    assert len(yaml_mistakes(laughs)) == 1 + 12 * 3
