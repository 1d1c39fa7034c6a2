"""What is wrong with text that is no YAML, in words that help: ruamel.yaml's own speak of tokens and block ends."""

from __future__ import annotations

from typing import Final

from ruamel.yaml.error import MarkedYAMLError, StringMark

_SAID: Final = (
    # (in the parser's context, in its problem, what we say; {start} is the line where the construct began)
    ("", "character '\\t' that cannot start", "a tab stands where YAML wants spaces: indent with spaces"),
    ("", "that cannot start any token", "a value cannot begin with {character!r}: put it in quotes"),
    (
        "",
        "mapping values are not allowed",
        "a ':' that begins no value: quote the text, or check the indentation above",
    ),
    ("simple key", "could not find expected ':'", "this line has no ':' after its key"),
    ("quoted scalar", "unexpected end", "the quote opened in line {start} is never closed"),
    ("quoted scalar", "document separator", "the quote opened in line {start} is never closed"),
    ("double-quoted", "escape", "an unknown escape after a backslash: use single quotes, or double the backslash"),
    ("flow mapping", "expected ',' or '}'", "a ',' or '}}' is missing in the braces opened in line {start}"),
    ("flow sequence", "expected ',' or ']'", "a ',' or ']' is missing in the brackets opened in line {start}"),
    ("block mapping", "but found ','", "a ',' outside braces: quote the text"),
    ("block mapping", "<scalar>", "text after a value that has ended: quote the whole value"),
    ("block mapping", "expected <block end>", "this is not indented like the mapping begun in line {start}"),
    ("block collection", "expected <block end>", "this is not indented like the list begun in line {start}"),
    ("", "sequence entries are not allowed", "a '-' cannot begin a list here: put it on a line of its own"),
    ("", "mapping keys are not allowed", "a '?' cannot begin a key here: quote the text"),
    ("", "expected the node content", "a value is missing here"),
    ("tag", "", "a '!' begins a tag, and tags are not read: put the text in quotes"),
    ("anchor", "", "a '&' begins an anchor, and anchors are not read: put the text in quotes"),
    ("alias", "", "a '*' begins an alias, and aliases are not read: put the text in quotes"),
    ("directive", "", "a '%' begins a directive, and directives are not read: remove the line"),
    ("", "incompatible YAML document", "a '%' begins a directive, and directives are not read: remove the line"),
    ("", "document start", "text after the end of the document: is a value quoted only in part?"),
)


def explain(error: MarkedYAMLError, text: str) -> tuple[tuple[int, int], str]:
    """Return line and column, from 1, of a syntax error, and what is wrong there."""
    mark: StringMark = error.problem_mark or error.context_mark
    began: StringMark = error.context_mark or mark
    context, problem = str(error.context or ""), str(error.problem or "")
    said = next((words for where, what, words in _SAID if where in context and what in problem), "")
    character = text[mark.index] if mark.index < len(text) else ""
    wording = said.format(start=began.line + 1, character=character) if said else f"this is no YAML: {problem[:100]}"
    place = began if context.endswith("simple key") else mark  # there the parser only notices in the next line
    return (place.line + 1, place.column + 1), wording
