"""Small pictures of what a network consists of, as marks about a place: for the schematic above an OVM."""

from __future__ import annotations

from keytwin.drawing.geometry import Point
from keytwin.drawing.scene import Mark, Role, Stroke

Path = tuple[str | float, ...]


def rectangle(x: float, y: float, width: float, height: float) -> Path:
    """Return a rectangle from its top left corner."""
    return ("M", x, y, "L", x + width, y, "L", x + width, y + height, "L", x, y + height, "Z")


def line(*points: tuple[float, float]) -> Path:
    """Return a line through points."""
    words: list[str | float] = []
    for index, (x, y) in enumerate(points):
        words += ["L" if index else "M", x, y]
    return tuple(words)


def ring(x: float, y: float, radius: float) -> Path:
    """Return a circle, of four curves."""
    k = 0.5523 * radius  # the usual distance of control points for a quarter of a circle
    return (
        "M", x + radius, y,
        "C", x + radius, y + k, x + k, y + radius, x, y + radius,
        "C", x - k, y + radius, x - radius, y + k, x - radius, y,
        "C", x - radius, y - k, x - k, y - radius, x, y - radius,
        "C", x + k, y - radius, x + radius, y - k, x + radius, y, "Z",
    )  # fmt: skip


def _filled(role: Role, *paths: Path) -> list[Mark]:
    return [Mark(path=path, role=role, is_filled=True, weight=1.3) for path in paths]


def _drawn(role: Role, *paths: Path, weight: float = 1.3, stroke: Stroke = Stroke.SOLID) -> list[Mark]:
    return [Mark(path=path, role=role, weight=weight, stroke=stroke) for path in paths]


def house(at: Point, role: Role) -> list[Mark]:
    """Return a site: a house that stands on `at`, 96 wide and 84 high."""
    x, y = at
    windows = [rectangle(x - 34 + 24 * column, y - 58, 12, 12) for column in range(3)]
    roof = line((x - 48, y - 68), (x, y - 88), (x + 48, y - 68))
    door = rectangle(x - 8, y - 22, 16, 22)
    return _filled(role, rectangle(x - 42, y - 68, 84, 68), (*roof, "Z")) + _drawn(role, *windows, door)


def satellite(at: Point, role: Role) -> list[Mark]:
    """Return a satellite about `at`, 84 wide."""
    x, y = at
    panels = [rectangle(x - 42, y - 9, 26, 18), rectangle(x + 16, y - 9, 26, 18)]
    bars = [line((px, y - 9), (px, y + 9)) for px in (x - 33, x - 25, x + 25, x + 33)]
    stays = [line((x - 16, y), (x - 11, y)), line((x + 11, y), (x + 16, y)), line((x, y + 13), (x, y + 19))]
    dish = ("M", x - 9, y + 25, "Q", x, y + 13, x + 9, y + 25, "Z")
    return _filled(role, *panels, rectangle(x - 11, y - 13, 22, 26), dish) + _drawn(role, *bars, *stays)


def dish(at: Point, role: Role, way: int) -> list[Mark]:
    """Return a ground station that stands on `at` and looks up, to the right (1) or to the left (-1)."""
    x, y = at
    bowl = ("M", x - 13 * way, y - 34, "Q", x - 4 * way, y - 8, x + 17 * way, y - 14, "Z")
    return _filled(role, bowl) + _drawn(
        role, line((x, y - 17), (x - 7, y)), line((x, y - 17), (x + 7, y)), line((x - 11, y), (x + 11, y))
    )


def station(at: Point, role: Role) -> list[Mark]:
    """Return a station on a line: a box with two memories in it."""
    x, y = at
    return _filled(role, rectangle(x - 28, y - 18, 56, 36)) + _drawn(
        role, ring(x - 11, y, 7), ring(x + 11, y, 7), line((x - 4, y), (x + 4, y))
    )


def cabinet(at: Point, role: Role) -> list[Mark]:
    """Return a store of keys: a cylinder with a key on it."""
    x, y = at
    top = (
        "M",
        x - 13,
        y - 12,
        "C",
        x - 13,
        y - 18,
        x + 13,
        y - 18,
        x + 13,
        y - 12,
        "C",
        x + 13,
        y - 6,
        x - 13,
        y - 6,
        x - 13,
        y - 12,
        "Z",
    )
    body = (
        "M",
        x - 13,
        y - 12,
        "L",
        x - 13,
        y + 12,
        "C",
        x - 13,
        y + 18,
        x + 13,
        y + 18,
        x + 13,
        y + 12,
        "L",
        x + 13,
        y - 12,
        "C",
        x + 13,
        y - 6,
        x - 13,
        y - 6,
        x - 13,
        y - 12,
        "Z",
    )
    key = [ring(x - 4, y + 4, 3.2), line((x - 0.8, y + 4), (x + 8, y + 4)), line((x + 6, y + 4), (x + 6, y + 8))]
    # The lid comes after the body and covers its upper edge.
    return _filled(role, body, top) + _drawn(role, *key)


def desk(at: Point, role: Role) -> list[Mark]:
    """Return a control room: a screen with a curve on it, standing on `at`."""
    x, y = at
    curve = line((x - 17, y - 22), (x - 8, y - 28), (x, y - 20), (x + 8, y - 33), (x + 17, y - 27))
    return _filled(role, rectangle(x - 23, y - 40, 46, 28)) + _drawn(
        role, curve, line((x, y - 12), (x, y)), line((x - 13, y), (x + 13, y))
    )


def plug(at: Point, role: Role) -> list[Mark]:
    """Return a plug with its wire to the right."""
    x, y = at
    return _filled(role, rectangle(x - 7, y - 8, 14, 16)) + _drawn(
        role,
        line((x - 14, y - 4), (x - 7, y - 4)),
        line((x - 14, y + 4), (x - 7, y + 4)),
        line((x + 7, y), (x + 22, y)),
    )


def lock(at: Point, role: Role) -> list[Mark]:
    """Return a padlock."""
    x, y = at
    shackle = ("M", x - 6, y - 4, "C", x - 6, y - 17, x + 6, y - 17, x + 6, y - 4)
    # The shackle comes first: the body hides its ends.
    return (
        _drawn(role, shackle)
        + _filled(role, rectangle(x - 10, y - 4, 20, 16))
        + _drawn(role, line((x, y + 2), (x, y + 7)))
    )


def plate(at: Point, role: Role) -> list[Mark]:
    """Return a name plate."""
    x, y = at
    return _filled(role, rectangle(x - 15, y - 9, 30, 18)) + _drawn(
        role, line((x - 9, y - 3), (x + 9, y - 3)), line((x - 9, y + 3), (x + 4, y + 3))
    )


def lamp(at: Point, role: Role) -> list[Mark]:
    """Return a source of light: a lamp that sends rays to the right."""
    x, y = at
    rays = [line((x + 7, y + dy), (x + 15, y + 2.2 * dy)) for dy in (-4, 0, 4)]
    return _filled(role, ring(x, y, 6)) + _drawn(role, *rays)


def eye(at: Point, role: Role) -> list[Mark]:
    """Return a detector: an eye."""
    x, y = at
    lids = ("M", x - 13, y, "Q", x, y - 14, x + 13, y, "Q", x, y + 14, x - 13, y, "Z")
    return _filled(role, lids) + _drawn(role, ring(x, y, 4))


def mesh(at: Point, role: Role) -> list[Mark]:
    """Return a small network of four nodes."""
    x, y = at
    corners = [(x - 18, y + 9), (x - 5, y - 11), (x + 17, y - 8), (x + 10, y + 12)]
    edges = [line(corners[a], corners[b]) for a, b in ((0, 1), (1, 2), (2, 3), (3, 0), (1, 3))]
    # Edges first, so that the nodes hide where they begin and end.
    return _drawn(role, *edges) + _filled(role, *(ring(cx, cy, 4) for cx, cy in corners))


def beam(start: Point, end: Point, role: Role) -> list[Mark]:
    """Return a beam of light."""
    return _drawn(role, line(start, end), weight=1.8, stroke=Stroke.DASHED)


def cable(start: Point, end: Point, role: Role) -> list[Mark]:
    """Return a cable that hangs a little."""
    sag = ("M", *start, "C", start.x + 60, start.y + 14, end.x - 60, end.y + 14, *end)
    return _drawn(role, sag, weight=3.0)


def arch(start: Point, end: Point, height: float, role: Role) -> list[Mark]:
    """Return a second way between two places, as a dotted arch."""
    path = ("M", *start, "Q", (start.x + end.x) / 2, min(start.y, end.y) - height, *end)
    return _drawn(role, path, weight=1.8, stroke=Stroke.DOTTED)
