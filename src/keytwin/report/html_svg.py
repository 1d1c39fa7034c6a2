"""A drawing taken into a page: only what draws, with identifiers of its own, and nothing that could run or be fetched.

A folder of drawings may come from somebody else. So what is not known is left out, not what is known to be bad.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat  # entities are refused below, and with them all that XML can do besides

from keytwin.drawing.painter import quoted
from keytwin.report.html_elements import Markup
from keytwin.vocabulary.errors import FileMistake, Finding

ELEMENTS: Final = frozenset(
    [
        "svg",
        "g",
        "defs",
        "clipPath",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "title",
        "desc",
        "use",
    ]
)
ATTRIBUTES: Final = frozenset(
    [
        "viewBox",
        "width",
        "height",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "d",
        "points",
        "dx",
        "dy",
        "transform",
        "id",
        "href",
        "clip-path",
        "style",
        "fill",
        "fill-opacity",
        "fill-rule",
        "stroke",
        "stroke-width",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-dasharray",
        "stroke-opacity",
        "opacity",
        "font-family",
        "font-size",
        "font-weight",
        "text-anchor",
        "textLength",
        "lengthAdjust",
    ]
)
REFERENCE: Final = re.compile(r"url\(\s*#([\w.:-]+)\s*\)")
STYLE: Final = re.compile(r"[\w\s:;.,#%()-]*")
"""What a style may consist of: no quotes, no slashes, so no address."""
DEEPEST: Final = 64
MOST_OCTETS: Final = 16 << 20


def inlined(svg: bytes, prefix: str, label: str, where: str = "drawing") -> Markup:
    """Return an SVG file as a part of a page, its identifiers under a prefix; FileMistake when it is none."""
    if len(svg) > MOST_OCTETS:
        raise FileMistake((Finding(f"a drawing of {len(svg):,} octets is too large for a report", where),))
    taken = _Taken(prefix, label)
    parser = expat.ParserCreate()
    parser.StartElementHandler = taken.begin
    parser.EndElementHandler = taken.end
    parser.CharacterDataHandler = taken.text
    parser.EntityDeclHandler = taken.entity
    try:
        parser.Parse(svg, True)  # noqa: FBT003  # expat takes it by place only
    except expat.ExpatError as error:
        told = f"this is no SVG: {expat.ErrorString(error.code)}"
        raise FileMistake((Finding(told, where, error.lineno, error.offset + 1),)) from None
    except _Unwanted as unwanted:
        raise FileMistake((Finding(str(unwanted), where, parser.CurrentLineNumber, 1),)) from None
    return Markup("".join(taken.parts))


class _Unwanted(Exception):
    pass


class _Taken:
    """What is kept of a drawing."""

    def __init__(self, prefix: str, label: str) -> None:
        self.prefix = prefix
        self.label = label
        self.parts: list[str] = []
        self.depth = 0
        self.skipped = 0
        """How deep we are in something that is left out."""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _Unwanted(f"this is nested more than {DEEPEST} levels deep")
        if self.depth == 1 and name != "svg":
            raise _Unwanted(f"this is no SVG: it begins with <{name}>")
        if self.skipped or name not in ELEMENTS or (name == "svg" and self.depth > 1):
            self.skipped += 1
            return
        kept = {key: self._kept(key, value) for key, value in _plain(attributes).items()}
        if self.depth == 1:
            kept |= {"role": "img", "aria-label": self.label}
        told = "".join(f' {key}="{quoted(value)}"' for key, value in kept.items() if value is not None)
        self.parts.append(f"<{name}{told}>")

    def end(self, name: str) -> None:
        self.depth -= 1
        if self.skipped:
            self.skipped -= 1
        elif name not in {"svg", "g", "defs", "text", "title", "desc"} and self.parts[-1].startswith(f"<{name}"):
            # Nothing in it: written short, for drawings consist of thousands of these.
            self.parts[-1] = f"{self.parts[-1][:-1]}/>"
        else:
            self.parts.append(f"</{name}>")

    def text(self, words: str) -> None:
        if not self.skipped and words.strip():
            self.parts.append(quoted(words))

    def entity(self, *told: object) -> None:
        del told
        raise _Unwanted("a drawing with entities of its own is not read: remove '<!ENTITY'")

    def _kept(self, key: str, value: str) -> str | None:
        """Return what an attribute becomes; None when it is left out."""
        match key:
            case "id":
                return f"{self.prefix}{value}"
            case "href":
                # Only what is in the drawing itself is used again: anything else would be fetched.
                return f"#{self.prefix}{value[1:]}" if value.startswith("#") else None
            case _ if key not in ATTRIBUTES:
                return None
            case "style" if not STYLE.fullmatch(value):
                return None
            case _:
                return self._referring(value)

    def _referring(self, value: str) -> str | None:
        changed = REFERENCE.sub(self._own, value)
        return None if "url(" in REFERENCE.sub("", value).lower() else changed

    def _own(self, found: re.Match[str]) -> str:
        return f"url(#{self.prefix}{found[1]})"


def _plain(attributes: dict[str, str]) -> dict[str, str]:
    """Return attributes without the prefix of XLink, which HTML needs no more."""
    return {key.removeprefix("xlink:"): value for key, value in attributes.items()}
