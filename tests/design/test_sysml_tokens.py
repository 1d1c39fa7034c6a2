"""The words of SysML v2 text: longest signs first, places as an editor counts them, and no character lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.sysml_text import RESERVED, quoted
from keytwin.design.sysml_tokens import Kind, tokenise

ANY_TEXT = st.text(st.sampled_from("ab1 '\"\\/*\n\r;{}[]:>=.~#é\t"), max_size=40)


def kinds(text: str) -> list[tuple[str, str]]:
    source = tokenise(text)
    return [(kind.value, word) for kind, word in zip(source.kinds, source.words, strict=True)][:-1]


def words(text: str) -> list[str]:
    return tokenise(text).words[:-1]


@pytest.mark.parametrize(
    "sign",
    [
        "::>",
        ":>>",
        "::",
        ":>",
        ":=",
        "=>",
        "===",
        "==",
        "!==",
        "!=",
        "->",
        "..",
        ".?",
        "**",
        "<=",
        ">=",
        "??",
        "~",
        "$",
    ],
)
def test_a_sign_is_read_as_one_and_not_as_its_beginning(sign: str) -> None:
    assert kinds(f"a{sign}b") == [("name", "a"), ("sign", sign), ("name", "b")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..2", ["1", "..", "2"]),
        ("0..*", ["0", "..", "*"]),
        ("1.5", ["1.5"]),
        ("1.5e-3", ["1.5e-3"]),
        ("2E+6", ["2E+6"]),
        ("1.a", ["1", ".", "a"]),
        ("1e", ["1", "e"]),
        ("-3", ["-", "3"]),
        (".5", [".", "5"]),
    ],
)
def test_numbers_end_where_the_notation_says(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("word", sorted(RESERVED)[::9])
def test_a_reserved_word_is_a_name_only_in_quotes(word: str) -> None:
    assert kinds(word) == [("word", word)]
    assert kinds(f"'{word}'") == [("quoted", f"'{word}'")]
    assert tokenise(f"'{word}'").name(0) == word


@pytest.mark.parametrize("text", ["Part", "partner", "in_", "_def", "xpart", "ŝtato", "Ⅷ8"])
def test_what_only_resembles_a_reserved_word_is_a_name(text: str) -> None:
    assert [kind for kind, _ in kinds(text)] == ["name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a // b\nc", ["a", "c"]),
        ("a //* b\n c */ d", ["a", "d"]),
        ("a /* b */ c", ["a", "/* b */", "c"]),
        ("/* a */ /* b */", ["/* a */", "/* b */"]),
        ("/* // */ a", ["/* // */", "a"]),
        ("// /* a\nb", ["b"]),
        ("\ufeffa", ["a"]),
        ("a/b", ["a", "/", "b"]),
        ("//", []),
        ("", []),
        (" \t\r\n", []),
    ],
)
def test_notes_are_no_tokens_and_comments_are(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "what", "rest"),
    [
        ("'a\nb;", "this quote is never closed", ["'a", "b", ";"]),
        ('"a', "this quote is never closed", ['"a']),
        ("a /* b; c", "this comment is never closed", ["a", "/* b; c"]),
        ("a //* b; c", "this note is never closed", ["a", "//* b; c"]),
        ("a ` b", "the character '`' begins nothing in SysML", ["a", "`", "b"]),
        ("a \\ b", "the character '\\\\' begins nothing in SysML", ["a", "\\", "b"]),
        ("€", "the character '€' begins nothing in SysML", ["€"]),
    ],
)
def test_what_begins_nothing_is_told_and_the_rest_is_read(text: str, what: str, rest: list[str]) -> None:
    source = tokenise(text, "m.sysml")
    (finding,) = source.findings
    assert (finding.what, finding.file) == (what, "m.sysml")
    assert source.words[:-1] == rest
    assert Kind.BAD in source.kinds


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_are_those_of_an_editor_whatever_ends_a_line(newline: str) -> None:
    source = tokenise(newline.join(["part a;", "", "  part b;"]))
    assert [source.place(token) for token in range(6)] == [(1, 1), (1, 6), (1, 7), (3, 3), (3, 8), (3, 9)]


def test_the_end_lies_behind_the_last_character() -> None:
    source = tokenise("a\n")
    assert source.kinds[-1] is Kind.END
    assert source.place(1) == (2, 1)
    assert tokenise("").place(0) == (1, 1)


@pytest.mark.parametrize(
    ("word", "name"),
    [(r"'a\'b'", "a'b"), (r"'a\\nb'", r"a\nb"), (r"'a\nb'", "a\nb"), ("''", ""), ("' '", " "), (r"'\x'", "x")],
)
def test_a_quoted_name_is_what_it_says_without_its_escapes(word: str, name: str) -> None:
    source = tokenise(word)
    assert source.findings == []
    assert (source.is_name(0), source.name(0)) == (True, name)


def test_a_string_is_no_name_and_may_go_over_lines() -> None:
    source = tokenise('"a\nb"')
    assert (source.kinds[0], source.words[0], source.is_name(0)) == (Kind.STRING, '"a\nb"', False)


@pytest.mark.parametrize(("first", "end", "text"), [(0, 3, "a  =  1"), (1, 2, "="), (2, 2, ""), (2, 1, "")])
def test_the_text_of_some_tokens_holds_what_lies_between_them(first: int, end: int, text: str) -> None:
    assert tokenise("a  =  1 ;").span(first, end) == text


@settings(max_examples=60)
@given(ANY_TEXT)
def test_between_tokens_there_is_nothing_but_space_and_notes(text: str) -> None:
    source = tokenise(text)
    at = 0
    for token, start in enumerate(source.starts):
        between = text[at:start].strip()
        assert not between or between.startswith("//")
        assert text[start : source.end(token)] == source.words[token]
        at = source.end(token)
    assert at == len(text)


@settings(max_examples=40)
@given(ANY_TEXT)
def test_each_finding_lies_where_a_bad_token_does(text: str) -> None:
    source = tokenise(text)
    bad = [source.place(token) for token, kind in enumerate(source.kinds) if kind is Kind.BAD]
    assert [(each.line, each.column) for each in source.findings] == bad


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_name_is_one_token_that_stands_for_it(name: str) -> None:
    source = tokenise(quoted(name))
    assert (len(source.words), source.findings) == (2, [])
    assert source.name(0) == name
