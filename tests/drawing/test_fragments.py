"""Nesting of combined fragments: frames lie one inside the other, whatever a model asks for."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.model import ElementId, Fragment, Message, Operator
from keytwin.drawing.fragments import Nesting, nesting

QUICK = settings(max_examples=60, deadline=None)
WITHINS = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=10)
PARENTS = st.lists(st.sampled_from("-abcd"), min_size=4, max_size=4)


def fragment(name: str, operator: Operator = Operator.LOOP, within: str = "") -> Fragment:
    held = ElementId(within) if within else None
    return Fragment(id=ElementId(name), name=name, interaction=ElementId("i"), operator=operator, within=held)


def nested(withins: list[str], *fragments: Fragment) -> Nesting:
    """Nest fragments around one message for each name of the fragment that it lies in."""
    a = ElementId("a")
    messages = [
        Message(
            id=ElementId(f"m{index}"),
            name="m",
            interaction=ElementId("i"),
            order=index + 1,
            source=a,
            target=a,
            within=ElementId(within) if within else None,
        )
        for index, within in enumerate(withins)
    ]
    return nesting(messages, {each.id: each for each in fragments})


def around(found: Nesting) -> list[list[str]]:
    return [[each.name for each in held] for held in found.around.values()]


def test_without_fragments_nothing_is_framed() -> None:
    found = nested(["", ""])
    assert around(found) == [[], []]
    assert found.frames == {}


def test_a_fragment_without_messages_is_left_out() -> None:
    assert nested([""], fragment("f")).frames == {}


def test_an_inner_fragment_lies_in_the_outer_one() -> None:
    found = nested(["out", "in", "out"], fragment("in", within="out"), fragment("out"))
    assert around(found) == [["out"], ["out", "in"], ["out"]]
    inner = found.frames[ElementId("in")]
    assert (inner.depth, inner.parent and inner.parent.name) == (1, "out")


def test_of_equally_long_fragments_the_model_says_which_is_outside() -> None:
    found = nested(["in"], fragment("in", within="out"), fragment("out"))
    assert around(found) == [["out", "in"]]


def test_operands_of_an_alternative_share_a_frame() -> None:
    found = nested(["x", "y"], fragment("x", Operator.ALTERNATIVE), fragment("y", Operator.ALTERNATIVE))
    assert found.frames[ElementId("x")] is found.frames[ElementId("y")]
    assert [each.name for each in found.frames[ElementId("x")].operands] == ["x", "y"]


def test_loops_and_alternatives_with_something_between_do_not() -> None:
    loops = nested(["x", "y"], fragment("x"), fragment("y"))
    parted = nested(["x", "", "y"], fragment("x", Operator.PARALLEL), fragment("y", Operator.PARALLEL))
    mixed = nested(["x", "y"], fragment("x", Operator.PARALLEL), fragment("y", Operator.ALTERNATIVE))
    for found in (loops, parted, mixed):
        assert found.frames[ElementId("x")] is not found.frames[ElementId("y")]


def test_a_frame_reaches_over_an_interruption() -> None:
    assert around(nested(["f", "", "f"], fragment("f"))) == [["f"], ["f"], ["f"]]


def test_fragments_that_would_overlap_are_put_one_into_the_other() -> None:
    assert around(nested(["f", "g", "f", "g"], fragment("f"), fragment("g"))) == [
        ["f"],
        ["f", "g"],
        ["f", "g"],
        ["f", "g"],
    ]


def test_fragments_in_a_circle_hang_nothing() -> None:
    found = nested(["f"], fragment("f", within="g"), fragment("g", within="f"))
    assert sorted(around(found)[0]) == ["f", "g"]


@QUICK
@given(
    st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=10),
    st.lists(st.sampled_from("-abcd"), min_size=4, max_size=4),
)
def test_any_two_fragments_lie_apart_or_one_in_the_other(withins: list[str], parents: list[str]) -> None:
    fragments = [fragment(name, within=held.strip("-")) for name, held in zip("abcd", parents, strict=True)]
    found = nested(withins, *fragments)
    held = {each: {index for index, frames in enumerate(around(found)) if each in frames} for each in "abcd"}
    for one, other in combinations(held.values(), 2):
        assert not one & other or one <= other or other <= one
    for index, within in enumerate(withins):
        assert not within or index in held[within]
