"""HTML as small functions: whatever is not `Markup` already is text, and is escaped. HTML Living Standard, 13.1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from keytwin.drawing.painter import quoted

VOID: Final = frozenset({"br", "col", "hr", "meta"})
"""Elements that never hold anything and are not closed."""
SHORT: Final = 14  # letters of a value that is kept on one line
LONG: Final = 24  # letters of a word that is broken rather than let widen its column
WORD: Final = re.compile(r"[\s-]+")
TAG: Final = re.compile(r"<[^>]*>")
HEADING: Final = re.compile(r'<h2 id="([^"]*)">(.*?)</h2>')
LINES: Final = frozenset(
    [
        "article",
        "body",
        "dd",
        "details",
        "dl",
        "dt",
        "figure",
        "h1",
        "h2",
        "h3",
        "head",
        "header",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)
"""Elements after which a new line begins in the file, so that it can be read and compared."""


class Markup(str):
    """Text that is HTML. Only this module and the one that takes drawings in make it of plain text."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str) -> Markup:
    """Return an element; `class_` is written class, `aria_label` aria-label."""
    told = "".join(f' {_plain(key)}="{quoted(value)}"' for key, value in attributes.items())
    end = "\n" if name in LINES else ""
    if name in VOID:
        assert not children, f"<{name}> holds nothing"
        return Markup(f"<{name}{told}>{end}")
    return Markup(f"<{name}{told}>{joined(children)}</{name}>{end}")


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Return parts one after the other, those that are text escaped."""
    return Markup(escaped(between).join(map(escaped, parts)))


def escaped(text: str) -> Markup:
    """Return text as HTML; what is HTML stays as it is."""
    return text if isinstance(text, Markup) else Markup(quoted(text))


def _plain(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


# --- what pages consist of ------------------------------------------------------------------------------------------


def section(name: str, title: str, *content: str) -> Markup:
    """Return a part of the page under a heading of the second order, which a link can lead to."""
    return element("section", element("h2", title, id=name), *content, aria_labelledby=name)


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], style: str = "") -> Markup:
    """Return a table whose first column names its rows; a narrow screen scrolls it sideways."""
    head = element("thead", element("tr", *(element("th", each, scope="col") for each in heads)))
    body = element("tbody", *(_row(row) for row in rows))
    looks = {"class_": style} if style else {}
    whole = element("table", element("caption", title), head, body, **looks)
    # Whoever has no mouse scrolls with the keyboard, for which the box has to take the focus.
    return element("div", whole, class_="wide", role="region", aria_label=title, tabindex="0")


def _row(cells: Sequence[str]) -> Markup:
    first, *others = cells
    return element(
        "tr",
        element("th", first, scope="row", **_look(first)),
        *(element("td", each, **_look(each)) for each in others),
    )


def _look(cell: str) -> dict[str, str]:
    """Return the class of a cell that may be broken anywhere: one with a word longer than a column should be."""
    text = TAG.sub(" ", cell) if isinstance(cell, Markup) else cell
    return {"class_": "long"} if max(map(len, WORD.split(text)), default=0) > LONG else {}


def contents(parts: Iterable[str]) -> Markup:
    """Return links to the sections among some parts."""
    found = HEADING.findall("".join(parts))
    return element(
        "nav", listed(element("a", Markup(title), href=f"#{name}") for name, title in found), aria_label="Contents"
    )


def listed(items: Iterable[str], kind: str = "ul") -> Markup:
    """Return a list; nothing when there is nothing in it."""
    found = [element("li", each) for each in items]
    return element(kind, *found) if found else Markup()


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return terms with what is said of each; a term of which nothing is said is left out."""
    told = [(term, said) for term, said in pairs if said]
    return element("dl", *(element("div", element("dt", term), element("dd", said)) for term, said in told))


def folded(title: str, *content: str, is_open: bool = False, style: str = "") -> Markup:
    """Return content that is shown when its title is pressed; on paper only when it is open."""
    looks = ({"class_": style} if style else {}) | ({"open": ""} if is_open else {})
    return element("details", element("summary", title), *content, **looks)


def code(text: str) -> Markup:
    """Return what is typed or read by a machine."""
    return element("code", text)


def typed(command: str) -> Markup:
    """Return a command on a line of its own."""
    return element("code", command, class_="typed")


def unbroken(value: str) -> str:
    """Return a short value that stays on one line with its unit; a long one may be broken."""
    return value.replace(" ", "\u00a0") if len(value) <= SHORT else value


def counted(number: int, thing: str) -> str:
    """Write a number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def told(words: Sequence[str]) -> str:
    """Write some words in a row, as in speech."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def page(title: str, style: str, *content: str) -> str:
    """Return a whole page, which needs nothing from anywhere else."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content="keytwin"),
        # Nothing is loaded and nothing is run, whatever a need says: the browser holds to it even if we err.
        element("meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"),
        element("title", title),
        element("style", Markup(style)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', element('main', *content)), lang='en')}"
