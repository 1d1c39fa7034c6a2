"""Heads of members: what declares and what refers, in which order things may stand, and where a head ends."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import bounds
from keytwin.design.sysml_scope import Scope
from keytwin.design.sysml_structure import multiplicity
from keytwin.design.sysml_text import block, camel, comment_body, doc, metadata, pascal, quoted, strings
from keytwin.design.sysml_tree import Document, Member, Span

WORDS = re.split(" ", "part def a : :> [ ] { } ( ) ; = 1 doc /*x*/ 'b \n perform variant <")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def only(text: str) -> Member:
    document = read_sysml(text)
    assert document.findings == ()
    assert document.text() == text
    (member,) = document.root.members()
    return member


def told(text: str) -> list[str]:
    return [f"{each.line}:{each.column} {each.what}" for each in read_sysml(text).findings]


def piece(document: Document, span: Span | None) -> str:
    return document.source.span(span.first, span.end) if span is not None else ""


# --- what declares and what refers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "name", "target"),
    [
        ("perform a.b;", "perform", "", "a.b"),
        ("perform action a;", "perform action", "a", "None"),
        ("exhibit s;", "exhibit", "", "s"),
        ("exhibit state s : S;", "exhibit state", "s", "None"),
        ("satisfy r by p;", "satisfy", "", "r"),
        ("assert satisfy r by p;", "assert satisfy", "", "r"),
        ("satisfy requirement r by p;", "satisfy requirement", "r", "None"),
        ("verify R::r;", "verify", "", "R::r"),
        ("variant a;", "", "", "a"),
        ("variant part a;", "part", "a", "None"),
        ("include u;", "include", "", "u"),
        ("event m.sourceEvent;", "event", "", "m.sourceEvent"),
        ("import A::B;", "import", "", "A::B"),
        ("import 'the A'::*;", "import", "", "'the A'"),
        ("@Safety;", "metadata", "", "Safety"),
        ("@ s : Safety;", "metadata", "s", "None"),
        ("ref part p;", "part", "p", "None"),
        ("a : A;", "", "a", "None"),
        ("part;", "part", "", "None"),
        ("perform $::a.b;", "perform", "", "None"),
    ],
)
def test_one_word_more_turns_a_reference_into_a_declaration(text: str, kind: str, name: str, target: str) -> None:
    member = only(text)
    assert (member.kind, member.name, str(member.target)) == (kind, name, target)


@pytest.mark.parametrize(
    ("text", "relation", "names"),
    [
        ("part a : A;", "typed", ["A"]),
        ("part a : A, B;", "typed", ["A", "B"]),
        ("part a defined by A;", "typed", ["A"]),
        ("part a :> b, c.d;", "subsets", ["b", "c.d"]),
        ("part a subsets b;", "subsets", ["b"]),
        ("part def A specializes B;", "subsets", ["B"]),
        ("part :>> a;", "redefines", ["a"]),
        ("part redefines a, b;", "redefines", ["a", "b"]),
        ("end part a ::> b.c;", "references", ["b.c"]),
        ("part a references b;", "references", ["b"]),
        ("part a : $::A::B;", "typed", ["A::B"]),
        ("port p : ~'a port';", "typed", ["'a port'"]),
        ("part a :> b : A;", "typed", ["A"]),
        ("part a : A :> b;", "subsets", ["b"]),
        ("part a : A[2] :>> b;", "redefines", ["b"]),
    ],
)
def test_relations_are_read_by_sign_and_by_word(text: str, relation: str, names: list[str]) -> None:
    assert [str(each) for each in getattr(only(text), relation)] == names


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("attribute a = 1;", "=", "1"),
        ("attribute a := b + 1;", ":=", "b + 1"),
        ("attribute a default 2;", "default", "2"),
        ("attribute a default = 2 [m];", "default =", "2 [m]"),
        ("attribute a default := 2;", "default :=", "2"),
        ("attribute a = f(b, c);", "=", "f(b, c)"),
        ("attribute a = (1, 2, 3);", "=", "(1, 2, 3)"),
        ("attribute a = b->select { in x; x > 1 };", "=", "b->select { in x; x > 1 }"),
        ("attribute a = if b ? c else d;", "=", "if b ? c else d"),
        ("attribute a = b { doc /* c */ }", "=", "b"),
        ('attribute a = "; }";', "=", '"; }"'),
    ],
)
def test_a_value_ends_where_the_head_does(text: str, sign: str, value: str) -> None:
    document = read_sysml(text)
    assert document.findings == ()
    (member,) = document.root.members()
    assert (member.value_sign, piece(document, member.value)) == (sign, value)


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("private part a;", ("private",)),
        ("abstract ref part a;", ("abstract", "ref")),
        ("in item a;", ("in",)),
        ("end #original ::> a;", ("end", "#original")),
        ("#hazard part a;", ("#hazard",)),
        ("#A::b #c part a;", ("#A::b", "#c")),
        ("variation part def A;", ("variation",)),
        ("attribute member;", ()),
        ("composite part a;", ("composite",)),
        ("composite : A;", ()),
    ],
)
def test_prefixes_stand_before_the_keyword(text: str, prefixes: tuple[str, ...]) -> None:
    assert only(text).prefixes == prefixes


@settings(max_examples=40)
@given(NAMES, NAMES, st.sampled_from(["part", "attribute", "action def", "state", "port def"]))
def test_any_name_is_declared_and_found_by_it(name: str, short: str, kind: str) -> None:
    member = only(f"{kind} <{quoted(short)}> {quoted(name)};")
    assert (member.kind, member.name, member.short) == (kind, name, short)


@settings(max_examples=40)
@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["::", "."]))
def test_a_chain_of_any_names_is_written_as_it_was_read(names: list[str], joint: str) -> None:
    chain = joint.join(quoted(each) for each in names)
    (reference,) = only(f"part a :> {chain};").subsets
    assert reference.names == tuple(names)
    assert str(reference) == chain


# --- multiplicities -------------------------------------------------------------------------------------------------


def bounds_of(text: str) -> tuple[object, object]:
    document = read_sysml(text)
    (member,) = document.root.members()
    return bounds(Scope([document]), member)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", (None, None)),
        ("[3]", (3, 3)),
        ("[0..1]", (0, 1)),
        ("[ 0 .. 1 ]", (0, 1)),
        ("[1..*]", (1, float("inf"))),
        ("[*]", (0, float("inf"))),
        ("[n]", (None, None)),
        ("[1..n]", (None, None)),
        ("[1.5]", (None, None)),
        ("[]", (None, None)),
        ("[2] ordered nonunique", (2, 2)),
        ("[2] :> b[7]", (2, 2)),
    ],
)
def test_a_multiplicity_allows_what_its_plain_numbers_say(written: str, expected: tuple[object, object]) -> None:
    assert bounds_of(f"part a{written};") == expected


@settings(max_examples=40)
@given(st.integers(0, 1000), st.none() | st.integers(0, 1000))
def test_what_is_written_of_a_part_is_read_so(least: int, more: int | None) -> None:
    most = None if more is None else least + more
    written = multiplicity(least, most)
    expected = (None, None) if (least, most) == (1, 1) else (least, float("inf") if most is None else most)
    assert bounds_of(f"part a{written};") == expected


# --- mistakes, and what is read behind them -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("part a\npart b;", "2:1 a ';' is missing before 'part'"),
        ("part a", "1:6 'part a' has no end"),
        ("attribute a = ;", "1:15 a value is missing here"),
        ("attribute a = (1;", "1:15 the '(' is never closed"),
        ("part a[2;", "1:7 the '[' is never closed"),
        ("part a : ~;", "1:11 a name is missing here"),
        ("part a { part b;", "1:8 the '{' of this body is never closed"),
        ("part a; }", "1:9 a '}' closes nothing"),
        ("doc;", "1:4 'doc' has no text"),
        ("part a { doc }", "1:14 'doc' has no text"),
        ("attribute a = 2 [m;\npart b;", "1:17 the '[' is never closed"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, what: str) -> None:
    assert what in told(text)
    assert read_sysml(text).text() == text


@pytest.mark.parametrize(
    "bad",
    ["part a\n", "part a : ;", "attribute = (;", "part a[;", "%%%;", "part a { } }", "`;", "'a\n;", "@;", "import;"],
)
def test_what_follows_a_mistake_is_read_all_the_same(bad: str) -> None:
    document = read_sysml(f"{bad}\npart good : Good {{ part inner; }}\n")
    good = next(each for each in document.root.members() if each.name == "good")
    assert [each.name for each in good.members()] == ["inner"]
    assert document.text().startswith(bad)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS)))
def test_no_heap_of_words_loses_a_byte_or_lets_members_overlap(words: list[str]) -> None:
    text = " ".join(words)
    document = read_sysml(text)
    assert document.text() == text
    for member in document.root.all():
        places = [member.span.first, *(at for each in member.members() for at in (each.span.first, each.span.end))]
        assert places == sorted(places)
        assert not places or places[-1] <= member.span.end


# --- how text is put together ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "usage", "definition"),
    [
        ("qkd-system", "qkdSystem", "QkdSystem"),
        ("bb84.prepare", "bb84Prepare", "Bb84Prepare"),
        ("3db", "n3db", "N3db"),
        ("--", "n", "N"),
        ("", "n", "N"),
        ("aB", "aB", "AB"),
    ],
)
def test_an_identifier_gives_a_plain_name(identifier: str, usage: str, definition: str) -> None:
    assert (camel(identifier), pascal(identifier)) == (usage, definition)
    assert quoted(definition) == definition


@pytest.mark.parametrize(
    ("name", "written"), [("a", "a"), ("part", "'part'"), ("é", "'é'"), ("1a", "'1a'"), ("", "''"), ("a'b", r"'a\'b'")]
)
def test_a_name_is_quoted_where_it_must_be(name: str, written: str) -> None:
    assert quoted(name) == written


@settings(max_examples=40)
@given(st.text(max_size=20))
def test_no_documentation_ends_its_own_comment(text: str) -> None:
    assert "*/" not in comment_body(text)
    if text.strip():
        assert only("\n".join(block("part a", doc(text)))).docs()[0][0] == ""


def test_pieces_of_text_are_lines() -> None:
    assert block("part a") == ["part a;"]
    assert block("part a", ["part b;", ""]) == ["part a {", "    part b;", "", "}"]
    assert doc("  ") == []
    assert metadata("A", b="1", c="") == ["@A { b = 1; }"]
    assert metadata("A", c="") == ["@A;"]
    assert (strings(["a"]), strings(["a", "b"]), strings([])) == ('"a"', '("a", "b")', "()")
