"""Places on the map of a network: what stands in them, how large they are, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from types import MappingProxyType
from typing import Final

from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.metrics import LINE, width_of, wrap
from keytwin.drawing.network_layout import Place, PlaceKind
from keytwin.drawing.network_legend import SMALL
from keytwin.drawing.scene import Figure, Node, Role, Stroke, Text, text_block

NAME: Final = 12.0
MOST_WIDE: Final = 120.0  # of a name
RELAY: Final = 26.0  # across
ROLES: Final = MappingProxyType(
    {PlaceKind.SITE: Role.STRONG, PlaceKind.RELAY: Role.PLAIN, PlaceKind.SATELLITE: Role.NATURE_5}
)


def owner_letters(places: Sequence[Place]) -> dict[str, str]:
    """Return a letter for each owner but the one that the network is for; after Z come AA, AB ..."""
    owners = sorted({each.owner for each in places} - {""})
    count = len(ascii_uppercase)
    return {
        owner: (ascii_uppercase[at // count - 1] if at >= count else "") + ascii_uppercase[at % count]
        for at, owner in enumerate(owners)
    }


def short_name(place: str) -> str:
    """Return how a relay is called on the map: by its number on its line, where it has one."""
    _, dot, number = place.rpartition(".")
    return number if dot and number.isdigit() else place


@dataclass(slots=True)
class Signs:
    """The signs of all places of a network."""

    places: Sequence[Place]
    letters: dict[str, str] = field(init=False)
    bunches: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By the first of a chain's relays: how many they are, and the letters of their owners."""

    def __post_init__(self) -> None:
        self.letters = owner_letters(self.places)

    def place(self, name: str) -> Place:
        """Return a place by its name."""
        return next(each for each in self.places if each.id == name)

    def room(self, place: Place) -> tuple[float, float]:
        """Return the width and height that a place needs."""
        if self._is_small(place):
            return RELAY, RELAY
        texts = self._lines_of(place)
        wide = max(width_of(words, size, bold=bold) for words, size, bold in texts)
        return wide + 24, sum(size * LINE for _, size, _ in texts) + 14

    def bunch(self, names: Sequence[str]) -> None:
        """Let the first of some relays stand for all of them."""
        owners = sorted({self.place(name).owner for name in names} - {""})
        self.bunches[names[0]] = f"{len(names)} relays", ", ".join(self.letters[each] for each in owners)

    def node(self, name: str, middle: Point) -> Node:
        """Return the sign of a place."""
        place = self.place(name)
        wide, high = self.room(place)
        box = Box(middle.x - wide / 2, middle.y - high / 2, wide, high)
        number, owners = self.bunches.get(name, ("", place.owner))
        return Node(
            id=name,
            figure=Figure.PILL if place.kind is PlaceKind.RELAY else Figure.ROUND,
            box=box,
            title=number or _titled(place),
            element=name,
            role=ROLES[place.kind],
            stroke=Stroke.DASHED if owners else Stroke.SOLID,
            texts=self._texts(place, box),
        )

    def _is_small(self, place: Place) -> bool:
        return place.kind is PlaceKind.RELAY and place.id not in self.bunches and len(self._mark_of(place)) <= 4

    def _mark_of(self, place: Place) -> str:
        return f"{self.letters.get(place.owner, '')}{short_name(place.id)}"

    def _lines_of(self, place: Place) -> list[tuple[str, float, bool]]:
        if place.id in self.bunches:
            number, owners = self.bunches[place.id]
            return [(number, SMALL, True), *([(owners, SMALL, False)] if owners else [])]
        lines = [(words, NAME, True) for words in wrap(place.id, NAME, MOST_WIDE, bold=True, lines=3)]
        owner = f"{self.letters[place.owner]}: {place.owner}" if place.owner else ""
        return lines + [(words, SMALL, False) for words in wrap(owner, SMALL, MOST_WIDE, lines=2) if words]

    def _texts(self, place: Place, box: Box) -> tuple[Text, ...]:
        if self._is_small(place):
            return text_block([self._mark_of(place)], box.middle, SMALL - 1)
        texts: list[Text] = []
        y = box.y + 7
        for words, size, bold in self._lines_of(place):
            line = text_block([words], Point(box.middle.x, y + size * LINE / 2), size, bold=bold)
            texts += line
            y += size * LINE
        return tuple(texts)


def _titled(place: Place) -> str:
    return f"{place.kind} {place.id}{f', of {place.owner}' if place.owner else ''}"
