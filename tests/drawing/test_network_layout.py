"""Where places lie: as on a globe where that is known, in an order with short ways where it is not."""

from __future__ import annotations

from itertools import pairwise
from math import hypot

import pytest

from keytwin.drawing.geometry import Point
from keytwin.drawing.network_layout import Chain, Line, Place, PlaceKind, chains_of, spots

SITE, RELAY, _ = PlaceKind
BOX = (60.0, 30.0)


def line(one: str, other: str) -> Line:
    return Line(f"{one}--{other}", (one, other), "fibre", 1.0, 1.0)


def placed(places: list[Place], lines: list[Line]) -> dict[str, Point]:
    _, chains = chains_of(places, lines)
    return spots(places, chains, 700.0, {each.id: BOX for each in places})


def known(**positions: tuple[float, float]) -> list[Place]:
    return [Place(name, SITE, "", position) for name, position in positions.items()]


def test_north_is_up_and_east_is_right() -> None:
    found = placed(known(london=(51.5, -0.1), zurich=(47.4, 8.5), madrid=(40.4, -3.7)), [])
    assert found["london"].y < found["zurich"].y < found["madrid"].y
    assert found["madrid"].x < found["london"].x < found["zurich"].x


def test_a_map_may_lie_across_the_line_of_date() -> None:
    found = placed(known(fiji=(-17.8, 177.4), samoa=(-13.8, -171.8), tonga=(-21.1, -175.2)), [])
    assert found["fiji"].x < found["tonga"].x < found["samoa"].x


def test_places_at_the_same_spot_are_kept_apart() -> None:
    found = placed(known(a=(50.0, 10.0), b=(50.0, 10.0), c=(51.0, 11.0)), [])
    assert abs(found["a"].x - found["b"].x) >= BOX[0] or abs(found["a"].y - found["b"].y) >= BOX[1]


def test_a_ring_is_drawn_as_a_ring() -> None:
    names = ["a", "c", "e", "b", "d"]  # given in another order than they are joined in
    order = sorted(names)
    lines = [line(one, other) for one, other in pairwise([*order, order[0]])]
    found = placed([Place(name, SITE) for name in names], lines)
    chords = {
        frozenset((one, other)): distance(found[one], found[other]) for one in names for other in names if one < other
    }
    joined = {frozenset(each.ends) for each in lines}
    assert max(chords[pair] for pair in joined) < min(chords[pair] for pair in chords.keys() - joined)


def distance(one: Point, other: Point) -> float:
    # The ring is an ellipse: heights are stretched for comparison.
    return hypot(one.x - other.x, 2.2 * (one.y - other.y))


def test_what_all_others_are_joined_to_lies_in_the_middle() -> None:
    found = placed([Place(name, SITE) for name in "abcde"], [line("c", other) for other in "abde"])
    assert found["c"] == Point(350.0, 0.0)


def test_the_order_of_a_large_ring_is_found_too() -> None:
    names = [f"n{(7 * number) % 12:02}" for number in range(12)]
    lines = [line(f"n{number:02}", f"n{(number + 1) % 12:02}") for number in range(12)]
    found = placed([Place(name, SITE) for name in names], lines)
    assert all(distance(found[each.ends[0]], found[each.ends[1]]) < 500 for each in lines)


def test_two_places_lie_side_by_side() -> None:
    found = placed([Place("b", SITE), Place("a", SITE)], [])
    assert found["b"].y == found["a"].y
    assert found["b"].x < found["a"].x


@pytest.mark.parametrize("number", [0, 1])
def test_hardly_any_places(number: int) -> None:
    assert len(placed([Place(f"{each}", SITE) for each in range(number)], [])) == number


# --- chains ---------------------------------------------------------------------------------------------------------


def test_relays_between_sites_make_a_chain() -> None:
    places = [Place("a", SITE), Place("x", RELAY), Place("y", RELAY), Place("b", SITE)]
    lines = [line("y", "x"), line("a", "x"), line("b", "y")]
    anchors, chains = chains_of(places, lines)
    assert anchors == ("a", "b")
    assert chains == (Chain(("a", "b"), ("x", "y"), (lines[1], lines[0], lines[2])),)
    assert chains[0].hops == (("a", "x"), ("x", "y"), ("y", "b"))


def test_a_relay_with_three_lines_or_a_known_place_is_an_anchor() -> None:
    places = [Place(name, SITE) for name in "abc"] + [Place("x", RELAY), Place("y", RELAY, "", (1.0, 2.0))]
    anchors, chains = chains_of(
        places, [line("a", "x"), line("b", "x"), line("c", "x"), line("a", "y"), line("y", "b")]
    )
    assert anchors == ("a", "b", "c", "x", "y")
    assert all(chain.inner == () for chain in chains)


def test_what_is_kept_is_in_no_chain() -> None:
    places = [Place("a", SITE), Place("x", RELAY), Place("b", SITE)]
    anchors, _ = chains_of(places, [line("a", "x"), line("x", "b")], frozenset({"x"}))
    assert anchors == ("a", "x", "b")


@pytest.mark.parametrize("start", [SITE, RELAY])
def test_a_ring_of_relays_is_cut_where_it_begins_and_in_its_middle(start: PlaceKind) -> None:
    places = [Place("a", start), *(Place(name, RELAY) for name in "xyz")]
    lines = [line("a", "x"), line("x", "y"), line("y", "z"), line("z", "a")]
    anchors, chains = chains_of(places, lines)
    assert len(anchors) == 2
    assert sorted(len(chain.lines) for chain in chains) == [2, 2]


def test_each_line_is_in_one_chain() -> None:
    places = [Place(f"n{number}", RELAY if number % 3 else SITE) for number in range(9)]
    lines = [line(f"n{one}", f"n{other}") for one in range(9) for other in range(one) if (one * other) % 4 == 1]
    _, chains = chains_of(places, lines)
    assert sorted(each.id for chain in chains for each in chain.lines) == sorted(each.id for each in lines)
