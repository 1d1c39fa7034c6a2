"""What the signs on the map of a network mean, in rows below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from keytwin.drawing import pictograms
from keytwin.drawing.geometry import Point
from keytwin.drawing.metrics import shorten, width_of
from keytwin.drawing.network_layout import Place, PlaceKind
from keytwin.drawing.scene import Mark, Role, Stroke, Text, moved_path

WIDTH: Final = 720.0
SMALL: Final = 10.0
ROW: Final = 24.0
SAMPLE: Final = 30.0  # width of a sign
GAP: Final = 26.0
STROKES: Final[Mapping[str, Stroke]] = MappingProxyType({"fibre": Stroke.SOLID, "satellite": Stroke.DASHED})
"""Of lines by their medium; dotted for any other."""
_MEDIA: Final = MappingProxyType({"fibre": "optical fibre", "satellite": "beam of a satellite"})


def legend(
    places: Sequence[Place], media: Iterable[str], letters: Mapping[str, str], top: float
) -> tuple[list[Mark], tuple[Text, ...]]:
    """Return what the signs mean, in rows from `top` on."""
    marks: list[Mark] = []
    texts: list[Text] = []
    x, y = 0.0, top
    for sample, told in _entries({each.kind for each in places}, media, letters):
        words = shorten(told, SMALL, WIDTH - SAMPLE - 8)
        wide = SAMPLE + 8 + width_of(words, SMALL)
        if x and x + wide > WIDTH:
            x, y = 0.0, y + ROW
        marks.append(replace(sample, path=moved_path(sample.path, x, y)))
        texts.append(Text(words, Point(x + SAMPLE + 8, y + 3.5), SMALL))
        x += wide + GAP
    return marks, tuple(texts)


def line_role(medium: str) -> Role:
    """Return the role of a line by its medium."""
    return Role.REQUIRES if medium == "satellite" else Role.PLAIN


def _entries(kinds: set[PlaceKind], media: Iterable[str], letters: Mapping[str, str]) -> Iterator[tuple[Mark, str]]:
    if PlaceKind.SITE in kinds:
        yield _box(Role.STRONG, Stroke.SOLID), "a site"
    if PlaceKind.RELAY in kinds:
        yield Mark(path=pictograms.ring(SAMPLE / 2, 0, 9), role=Role.PLAIN, weight=1.2), "a relay: it sees the keys"
    for owner, letter in letters.items():
        yield _box(Role.PLAIN, Stroke.DASHED), f"broken outline, {letter}: belongs to {owner}"
    for medium in media:
        path = pictograms.line((0, 0), (SAMPLE, 0))
        stroke = STROKES.get(medium, Stroke.DOTTED)
        yield Mark(path=path, role=line_role(medium), weight=1.4, stroke=stroke), _MEDIA.get(medium, medium)


def _box(role: Role, stroke: Stroke) -> Mark:
    return Mark(path=pictograms.rectangle(0, -8, SAMPLE, 16), role=role, weight=1.2, stroke=stroke)
