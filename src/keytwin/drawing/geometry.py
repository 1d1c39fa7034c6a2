"""Points and boxes on paper; x grows to the right, y downwards, one unit is a CSS pixel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple


class Point(NamedTuple):
    """A place on paper."""

    x: float
    y: float

    def moved(self, right: float, down: float) -> Point:
        """Return the point shifted."""
        return Point(self.x + right, self.y + down)


class Side(StrEnum):
    """Of a box."""

    TOP = "top"
    RIGHT = "right"
    BOTTOM = "bottom"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends, below."""
        return self.y + self.height

    @property
    def middle(self) -> Point:
        """Its centre."""
        return Point(self.x + self.width / 2, self.y + self.height / 2)

    def moved(self, right: float, down: float) -> Box:
        """Return the box shifted."""
        return replace(self, x=self.x + right, y=self.y + down)

    def grown(self, by: float) -> Box:
        """Return the box with a margin on each side; a negative one makes it smaller."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def meets(self, other: Box, slack: float = 0.0) -> bool:
        """Whether the two have more than a border in common; they may overlap by `slack`."""
        return (
            self.x < other.right - slack
            and other.x < self.right - slack
            and self.y < other.bottom - slack
            and other.y < self.bottom - slack
        )

    def holds(self, other: Box, slack: float = 0.5) -> bool:
        """Whether the other lies inside, borders included."""
        return (
            self.x <= other.x + slack
            and self.y <= other.y + slack
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )


def hull(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around some boxes."""
    held = tuple(boxes)
    left, top = min(box.x for box in held), min(box.y for box in held)
    return Box(left, top, max(box.right for box in held) - left, max(box.bottom for box in held) - top)


def stretch(first: Point, second: Point) -> Box:
    """Return the box that a straight line fills; one without width or height for an upright or level line."""
    left, top = min(first.x, second.x), min(first.y, second.y)
    return Box(left, top, abs(first.x - second.x), abs(first.y - second.y))


def number(value: float) -> str:
    """Return a number as SVG takes it: two decimals at most, no zero that says nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
