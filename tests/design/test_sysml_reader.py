"""SysML v2 text is read without losing a byte, whatever lies between its words; mistakes are told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.sysml_heads import comment_text
from keytwin.design.sysml_reader import DEEPEST, read_sysml
from keytwin.design.sysml_text import RESERVED, quoted, string, unescaped
from keytwin.design.sysml_tokens import Kind, tokenise
from keytwin.design.sysml_tree import Document, Member

TOWNS = (Path(__file__).parent / "towns.sysml").read_text(encoding="utf-8")
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


def member(text: str) -> Member:
    """Return the only member of a text without mistakes."""
    document = read_sysml(text)
    assert document.findings == ()
    assert document.text() == text
    (only,) = document.root.members()
    return only


def told(text: str) -> list[str]:
    return [f"{each.line}:{each.column} {each.what}" for each in read_sysml(text).findings]


def shapes(document: Document) -> list[tuple[object, ...]]:
    """Return what is understood of a text, without places."""
    source = document.source

    def words(first: int, end: int) -> tuple[str, ...]:
        return tuple(source.words[first:end])

    return [
        (
            each.kind,
            each.prefixes,
            each.name,
            each.short,
            each.text,
            str(each.target),
            [str(one) for one in (*each.typed, *each.subsets, *each.redefines, *each.references)],
            words(each.value.first, each.value.end) if each.value else None,
            [(word, words(span.first, span.end)) for word, span in each.clauses],
        )
        for each in document.root.all()
    ]


# --- nothing is lost ------------------------------------------------------------------------------------------------


def test_the_example_comes_back_byte_for_byte() -> None:
    document = read_sysml(TOWNS)
    assert document.findings == ()
    assert document.text() == TOWNS
    assert sum(1 for _ in document.root.all()) > 240


TRIVIA = st.sampled_from(
    [" ", "\n", "\r\n", "\t", "  // a note: { ; ' \" /* \n", "\n//* a longer\n note */ ", "\ufeff", "\u2003"]
)


@settings(max_examples=25)
@given(st.data())
def test_what_lies_between_words_changes_nothing(data: st.DataObject) -> None:
    source = tokenise(TOWNS[TOWNS.index("package TownFamily") : TOWNS.index("package TownConfiguration")])
    expected = shapes(read_sysml(source.text))
    # A line end before a keyword may be taken for a missing semicolon, so only what begins no member is moved.
    pieces = [word + data.draw(TRIVIA) for word in source.words[:-1]]
    text = "".join(pieces)
    document = read_sysml(text)
    assert document.text() == text
    assert shapes(document) == expected


@given(st.text(max_size=200))
def test_any_text_at_all_comes_back(text: str) -> None:
    assert read_sysml(text).text() == text


WORDS = r"""
    part def A : :> :>> = [ ] { } ( ) ; , . :: -> 'q' "s" 5 1.5e3 /*c*/ @M #m connect to from of by variation
    variant import * ** doc if then first default not enum < > ~ in out action flow é €
"""
PIECES = st.sampled_from(WORDS.split())


@given(st.lists(PIECES, max_size=60), st.sampled_from([" ", "\n"]))
def test_any_words_in_any_order_come_back(words: list[str], between: str) -> None:
    text = between.join(words)
    document = read_sysml(text)
    assert document.text() == text
    for each in document.findings:
        assert 1 <= each.line <= text.count("\n") + 1
        assert each.column >= 1
        assert each.suggestion


@settings(max_examples=25)
@given(st.integers(0, len(TOWNS)), st.integers(0, 40))
def test_a_text_with_a_piece_cut_out_comes_back(start: int, length: int) -> None:
    text = TOWNS[:start] + TOWNS[start + length :]
    assert read_sysml(text).text() == text


# --- names and texts ------------------------------------------------------------------------------------------------


@given(NAMES)
def test_any_name_can_be_written_and_read(name: str) -> None:
    part = member(f"part {quoted(name)} : {quoted(name)};")
    assert part.name == name
    assert part.typed[0].names == (name,)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_word_is_quoted(name: str) -> None:
    assert quoted(name) == f"'{name}'"
    assert member(f"part {quoted(name)};").name == name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_can_be_a_string(text: str) -> None:
    (token,) = tokenise(string(text)).words[:-1]
    assert unescaped(token[1:-1]) == text


def test_names_outside_ascii_need_quotes_when_written_and_none_when_read() -> None:
    assert quoted("größe") == "'größe'"
    assert member("part größe : Ø;").name == "größe"


def test_stars_that_begin_the_lines_of_a_comment_are_no_text() -> None:
    assert comment_text("/* one\n     * two\n     */") == "one\ntwo"
    assert member("part a { doc /* b\r\n * c */ }").docs() == [("", "b\nc")]


# --- heads ----------------------------------------------------------------------------------------------------------


def test_a_definition() -> None:
    found = member("private abstract part def <'s'> A specializes B, C::D { attribute x; }")
    assert (found.kind, found.prefixes, found.name, found.short) == ("part def", ("private", "abstract"), "A", "s")
    assert [str(each) for each in found.subsets] == ["B", "C::D"]
    assert [each.path() for each in found.members()] == ["A::x"]
    assert found.is_definition


def test_a_usage() -> None:
    source = read_sysml("in ref port p : ~Q [0..*] ordered :>> a.b default = 5 [km];")
    (found,) = source.root.members()
    assert found.prefixes == ("in", "ref")
    assert (str(found.typed[0]), found.typed[0].is_conjugated) == ("Q", True)
    assert found.multiplicity is not None
    assert source.source.span(found.multiplicity.first, found.multiplicity.end) == "0..*"
    assert [str(each) for each in found.redefines] == ["a.b"]
    assert found.value is not None
    assert (found.value_sign, source.source.span(found.value.first, found.value.end)) == ("default =", "5 [km]")
    assert not found.is_definition


@pytest.mark.parametrize(
    ("text", "label"), [("attribute :>> a;", "a"), (":>> a = 1;", "a"), ("part ::> x.a;", "a"), ("part :> a;", "")]
)
def test_a_usage_without_a_name_is_called_after_what_it_redefines(text: str, label: str) -> None:
    assert member(text).label == label


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("perform a.b;", "perform", "a.b"),
        ("import A::B::*;", "import", "A::B"),
        ("private import 'a b'::**;", "import", "'a b'"),
        ("expose a::**;", "expose", "a"),
        ("satisfy r by p;", "satisfy", "r"),
        ("verify r;", "verify", "r"),
        ("variant a;", "", "a"),
        ("then a;", "", "a"),
        ("event m.sourceEvent;", "event", "m.sourceEvent"),
        ("@M { k = 1; }", "metadata", "M"),
        ("frame c;", "frame", "c"),
    ],
)
def test_what_refers_declares_nothing(text: str, kind: str, target: str) -> None:
    found = member(text)
    assert (found.kind, str(found.target), found.name) == (kind, target, "")


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("connect a.p to b.q;", {"connect": "a.p", "to": "b.q"}),
        ("interface i : I connect x ::> a.p to y ::> b.q;", {"connect": "x ::> a.p", "to": "y ::> b.q"}),
        ("flow of T from a.x to b.y;", {"of": "T", "from": "a.x", "to": "b.y"}),
        ("message m of T from a to b { doc /* c */ }", {"of": "T", "from": "a", "to": "b"}),
        ("succession s first a if g > 1 then b;", {"first": "a", "if": "g > 1", "then": "b"}),
        ("first a then b;", {"first": "a", "then": "b"}),
        ("allocation x : D allocate p to q;", {"allocate": "p", "to": "q"}),
        ("satisfy r by p.q;", {"by": "p.q"}),
        ("transition t first a accept s : S if g then b;", {"first": "a", "accept": "s : S", "if": "g", "then": "b"}),
        ("dependency d from a to b;", {"from": "a", "to": "b"}),
        ("alias a for b;", {"for": "b"}),
        ("connection c connect (a ::> x, b ::> y);", {"connect": "(a ::> x, b ::> y)"}),
    ],
)
def test_clauses(text: str, clauses: dict[str, str]) -> None:
    document = read_sysml(text)
    (found,) = document.root.members()
    assert document.findings == ()
    assert {word: document.source.span(span.first, span.end) for word, span in found.clauses} == clauses


def test_a_result_needs_no_semicolon() -> None:
    document = read_sysml("assert constraint c { doc /* why */ not (a == a::b and c.{in x; x > 1}) }")
    (found,) = document.root.members()
    assert document.findings == ()
    assert [each.kind for each in found.members()] == ["doc", "not"]


def test_a_keyword_made_by_metadata_is_a_prefix() -> None:
    found = member("#derivation connection { end #original ::> a; end #derive ::> b; }")
    assert (found.kind, found.prefixes) == ("connection", ("#derivation",))
    assert [each.prefixes for each in found.members()] == [("end", "#original"), ("end", "#derive")]


def test_a_body_may_be_that_of_an_expression() -> None:
    assert member("attribute a = b->select {in c; c > 1};").body is None
    assert member("in t default {true} { doc /* d */ }").docs() == [("", "d")]


def test_what_is_not_known_stays_what_it_is() -> None:
    document = read_sysml("part a; part b % strange $ (x, y) words; part c;")
    assert [each.name for each in document.root.members()] == ["a", "b", "c"]
    assert document.text() == "part a; part b % strange $ (x, y) words; part c;"


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("part a : A\npart b : B;", ["2:1 a ';' is missing before 'part'"]),
        ("package P {\n  part a;\n", ["1:11 the '{' of this body is never closed"]),
        ("part a; }\npart b;", ["1:9 a '}' closes nothing"]),
        ("part a", ["1:6 'part a' has no end"]),
        ("package P { part a }", ["1:18 'part a' has no end"]),
        ("part a = ;", ["1:10 a value is missing here"]),
        ("part a = 'b\n;part c;", ["1:10 this quote is never closed"]),
        ('part a = "b', ["1:10 this quote is never closed", "1:10 'part a' has no end"]),
        ("part a;\n/* b", ["2:1 this comment is never closed", "2:1 this is no member"]),
        ("part a; //* b", ["1:9 this note is never closed", "1:9 this is no member"]),
        ("part a [3;", ["1:8 the '[' is never closed"]),
        ("part a = (b;", ["1:10 the '(' is never closed"]),
        ("doc;", ["1:4 'doc' has no text"]),
        ("part € a;", ["1:6 the character '€' begins nothing in SysML"]),
        ("part def A { perform . }", ["1:22 'perform' has no end"]),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, mistakes: list[str]) -> None:
    assert told(text) == mistakes
    assert read_sysml(text).text() == text


@pytest.mark.parametrize(
    "text", ["part <", "<", "#", "@", "part a :", "part a :>", "~", "$", "part a =", "a.", "first", "->", "<a", "<a>"]
)
def test_a_text_may_end_anywhere(text: str) -> None:
    assert read_sysml(text).text() == text


def test_reading_goes_on_behind_a_mistake() -> None:
    document = read_sysml("package P {\n part a : A\n part b = ;\n part c;\n}\n}\npackage Q;")
    assert [each.label for each in document.root.all() if each.label] == ["P", "a", "b", "c", "Q"]
    assert [each.line for each in document.findings] == [3, 3, 6]


def test_bodies_may_not_lie_too_deep() -> None:
    text = "part a {" * (DEEPEST + 5)
    assert any("more than 200 deep" in each.what for each in read_sysml(text).findings)
    assert read_sysml(text).text() == text


def test_tokens_know_their_place() -> None:
    source = tokenise("a\r\n 'b c' /* d */ 5..7 1.5e-3")
    assert source.kinds == [
        Kind.NAME, Kind.QUOTED, Kind.COMMENT, Kind.NUMBER, Kind.SIGN, Kind.NUMBER, Kind.NUMBER, Kind.END
    ]  # fmt: skip
    assert source.words[-2] == "1.5e-3"
    assert source.place(1) == (2, 2)
    assert source.name(1) == "b c"
    assert source.place(3) == (2, 16)
