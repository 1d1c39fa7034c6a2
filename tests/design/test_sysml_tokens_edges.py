"""The edges of SysML v2 text: nothing at all, what is never closed, strange characters, and where reading goes on."""

from __future__ import annotations

import pytest

from keytwin.design.sysml_reader import DEEPEST, read_sysml
from keytwin.design.sysml_tokens import Kind, tokenise

NO_MEMBER = "this is no member"


def tokens(text: str) -> list[tuple[str, str]]:
    """Give kind and word of each token but the last, which is the end."""
    source = tokenise(text)
    assert (source.kinds[-1], source.words[-1], source.starts[-1]) == (Kind.END, "", len(text))
    return [(kind.value, word) for kind, word in zip(source.kinds[:-1], source.words[:-1], strict=True)]


def told(text: str) -> list[str]:
    document = read_sysml(text)
    assert document.text() == text, "nothing is lost, whatever is wrong"
    return [f"{each.line}:{each.column} {each.what}" for each in document.findings]


def paths(text: str) -> list[str]:
    return [each.path() for each in read_sysml(text).root.all() if each.label]


@pytest.mark.parametrize("text", ["", "   \n\t", "// only a note", "// a note\r\n", "//* a long\nnote */", "\ufeff"])
def test_a_text_of_nothing_has_no_member_and_no_mistake(text: str) -> None:
    assert tokens(text) == []
    assert told(text) == []
    assert read_sysml(text).root.members() == []


def test_signs_alone_are_empty_members() -> None:
    assert told(";;;") == []
    assert read_sysml(";;;").root.members() == []


# --- what is never closed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "said"),
    [("/*", "this comment is never closed"), ("//*", "this note is never closed")],
)
def test_an_open_comment_takes_the_rest_of_the_text(opening: str, said: str) -> None:
    text = f"part a; {opening} open\npart b;"
    assert tokens(text)[3:] == [("bad", f"{opening} open\npart b;")]
    assert told(text)[0] == f"1:9 {said}"
    assert paths(text) == ["a"]


@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_open_quote_takes_the_rest_of_its_line_only(quote: str) -> None:
    text = f"{quote}open\npart b;"
    assert tokens(text)[0] == ("bad", f"{quote}open")
    assert told(text) == ["1:1 this quote is never closed", "2:1 a ';' is missing before 'part'"]
    assert paths(text) == ["b"]


@pytest.mark.parametrize(("text", "remedy"), [("/* a", "*/"), ("//* a", "*/"), ("'a", "'"), ('"a', '"')])
def test_the_remedy_of_what_is_open_is_its_closing(text: str, remedy: str) -> None:
    assert [each.suggestion for each in tokenise(text).findings] == [f"close it with {remedy}"]


def test_every_open_body_is_told_where_it_opens() -> None:
    said = "the '{' of this body is never closed"
    assert told("part def A {") == [f"1:12 {said}"]
    assert told("part def A {\n part b {") == [f"1:12 {said}", f"2:9 {said}"]
    assert paths("part def A {\n part b {") == ["A", "A::b"]


@pytest.mark.parametrize(("text", "place"), [("}", "1:1"), ("part a; } part b;", "1:9"), ("part a {}\n}", "2:1")])
def test_a_brace_that_closes_nothing_is_told_and_passed(text: str, place: str) -> None:
    assert told(text) == [f"{place} a '}}' closes nothing"]


def test_reading_goes_on_behind_a_brace_that_closes_nothing() -> None:
    assert paths("part a; } part b;") == ["a", "b"]
    assert paths("part a { } } part c { part d; }") == ["a", "c", "c::d"]


# --- bodies in bodies -------------------------------------------------------------------------------------------------


def test_members_know_the_bodies_they_lie_in() -> None:
    text = "package P { part def A { part b { part c; } part d; } part e; }"
    assert told(text) == []
    assert paths(text) == ["P", "P::A", "P::A::b", "P::A::b::c", "P::A::d", "P::e"]


@pytest.mark.parametrize(("deep", "mistakes"), [(DEEPEST, 0), (DEEPEST + 1, 1)])
def test_bodies_may_lie_so_deep_and_no_deeper(deep: int, mistakes: int) -> None:
    found = told("part a {" * deep + "}" * deep)
    assert len([each for each in found if f"bodies lie more than {DEEPEST} deep" in each]) == mistakes
    assert bool(found) == bool(mistakes)


# --- lines and places -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_of_three_ways(end: str) -> None:
    source = tokenise(f"part a;{end}{end} part b;")
    assert [source.place(each) for each in range(len(source.words))] == [
        (1, 1),
        (1, 6),
        (1, 7),
        (3, 2),
        (3, 7),
        (3, 8),
        (3, 9),
    ]


def test_a_mark_of_the_byte_order_is_no_token() -> None:
    assert tokens("\ufeffpart a;") == [("word", "part"), ("name", "a"), ("sign", ";")]
    assert told("\ufeffpart a;") == []


def test_the_span_of_tokens_has_what_lies_between_them() -> None:
    source = tokenise("part  a /* x */ ;")
    assert source.span(0, 2) == "part  a"
    assert source.span(1, 4) == "a /* x */ ;"
    assert source.span(2, 2) == ""


# --- names and numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["naïve", "東京", "_x1", "Ω", "été_2", "parts"])
def test_a_name_may_have_letters_of_any_script(name: str) -> None:
    assert tokens(f"part {name};") == [("word", "part"), ("name", name), ("sign", ";")]
    assert paths(f"part {name};") == [name]


@pytest.mark.parametrize(
    ("written", "name"),
    [(r"'a\'b'", "a'b"), ("'part'", "part"), ("'two words'", "two words"), ("'{;}'", "{;}"), ("'// x'", "// x")],
)
def test_a_quoted_name_may_have_any_character(written: str, name: str) -> None:
    source = tokenise(f"part {written};")
    assert source.kinds[1] is Kind.QUOTED
    assert source.is_name(1)
    assert not source.is_name(0)
    assert source.name(1) == name
    assert paths(f"part {written};") == [name]


@pytest.mark.parametrize("number", ["0", "007", "1.5", "1.5e-3", "2E+10", "3e8"])
def test_a_number_is_one_token(number: str) -> None:
    assert tokens(number) == [("number", number)]
    assert told(f"attribute a = {number};") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1..5", ["1", "..", "5"]),
        ("1.5.2", ["1.5", ".", "2"]),
        ("1e", ["1", "e"]),
        ("1abc", ["1", "abc"]),
        ("a.?b", ["a", ".?", "b"]),
        ("a::>b:>>c:>d::e", ["a", "::>", "b", ":>>", "c", ":>", "d", "::", "e"]),
        ("====>=:=", ["===", "=>", "=", ":="]),
        ("**!==!=", ["**", "!==", "!="]),
        ('"a\\"b""c"', ['"a\\"b"', '"c"']),
        ("/**//* b */", ["/**/", "/* b */"]),
    ],
)
def test_the_longest_token_is_taken(text: str, words: list[str]) -> None:
    assert [word for _, word in tokens(text)] == words


# --- where reading goes on --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sign", "shown"), [("§", "'§'"), ("\\", "'\\\\'"), ("\0", "'\\x00'"), ("!", "'!'")])
def test_a_character_that_begins_nothing_is_told_and_the_next_member_read(sign: str, shown: str) -> None:
    text = f"part a; {sign} part b;"
    assert told(text) == [f"1:9 the character {shown} begins nothing in SysML"]
    assert paths(text)[0] == "a"


def test_each_strange_character_is_told_for_itself() -> None:
    found = told("part a;\r\npart b;\r\n!!")
    assert [each.partition(" ")[0] for each in found if "begins nothing" in each] == ["3:1", "3:2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("part a", "1:6 'part a' has no end"),
        ("part a = ;", "1:10 a value is missing here"),
        ("'' ", f"1:1 {NO_MEMBER}"),
        ("1..5", f"1:4 {NO_MEMBER}"),
        ('"text"', f"1:1 {NO_MEMBER}"),
    ],
)
def test_a_member_without_its_end_is_told_at_its_last_word(text: str, said: str) -> None:
    assert told(text) == [said]


def test_findings_stand_in_the_order_of_the_text() -> None:
    document = read_sysml("part a = ;\n}\n§;\npart def B {")
    places = [(each.line, each.column) for each in document.findings]
    assert places == sorted(places)
    assert [line for line, _ in places] == [1, 2, 3, 4]


def test_a_finding_names_the_file() -> None:
    (finding,) = read_sysml("}", "towns.sysml").findings
    assert str(finding).startswith("towns.sysml:1:1: a '}' closes nothing")
