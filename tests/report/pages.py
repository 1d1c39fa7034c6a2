"""What no page may have: a reader of HTML that finds the faults of one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

from keytwin.report.html_elements import VOID

FETCHING = {"src", "srcset", "action", "data", "poster", "formaction", "background", "cite", "manifest"}
FETCHED = re.compile(r"url\(\s*(?!#)|@import|expression\(", re.IGNORECASE)


@dataclass
class Page(HTMLParser):
    """A page that has been read: its faults, and what is in it."""

    faults: list[str] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    wanted: set[str] = field(default_factory=set)
    headings: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    open: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    """What drawings are called for those who do not see them."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    __hash__ = HTMLParser.__hash__

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "svg" not in self.open:
            self.faults.append(f"<{tag}/> is closed like XML")
        self._seen(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]} in line {self.getpos()[0]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "style":
            if FETCHED.search(data):
                self.faults.append("the style sheet fetches something")
        else:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data[:40]}")

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in {"script", "iframe", "object", "embed", "link", "base", "form", "img", "image", "foreignobject"}:
            self.faults.append(f"<{tag}> is in the page")
        if tag == "th" and "scope" not in given:
            self.faults.append("a <th> without scope")
        if tag == "svg":
            self.drawn.append(given.get("aria-label", ""))
        self.ids.update([given["id"]] if "id" in given else [])
        self.wanted |= set(given.get("aria-labelledby", "").split())
        for name, value in given.items():
            self._attribute(tag, name, value)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on") or name in FETCHING:
            self.faults.append(f"<{tag} {name}>")
        if name.endswith("href"):
            if value.startswith("#"):
                self.wanted.add(value[1:])
            else:
                self.faults.append(f"<{tag} {name}={value!r}> leads away")
        self.wanted |= set(re.findall(r"url\(#([^)]*)\)", value))
        if FETCHED.search(value):
            self.faults.append(f"<{tag} {name}={value!r}> fetches something")

    @property
    def text(self) -> str:
        """All that is read, with single spaces."""
        return " ".join("".join(self.words).split())


def read_page(html: str) -> Page:
    """Return a page with all its faults."""
    page = Page()
    page.feed(html)
    page.close()
    if not html.startswith("<!doctype html>\n<html lang="):
        page.faults.append("no doctype, or no language")
    page.faults += [f"<{tag}> is never closed" for tag in page.open]
    page.faults += [f"id {name!r} is there {count} times" for name, count in page.ids.items() if count > 1]
    page.faults += [f"#{name} leads nowhere" for name in sorted(page.wanted - set(page.ids))]
    page.faults += [f"id {name!r} has a space" for name in page.ids if re.search(r"\s", name) or not name]
    if page.headings[:1] != [1] or page.headings.count(1) != 1:
        page.faults.append("there is not one first heading")
    skips = [pair for pair in zip(page.headings, page.headings[1:], strict=False) if pair[1] > pair[0] + 1]
    page.faults += [f"heading {after} comes after {before}" for before, after in skips]
    page.faults += ["a drawing has no name"] * sum(not name for name in page.drawn)
    return page
