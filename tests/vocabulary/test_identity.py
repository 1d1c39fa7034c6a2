"""Names: parsed once at the edge, and refused with the mend."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import (
    LONGEST_NAME,
    NodeId,
    link_ends,
    link_id,
    parse_key_ids,
    parse_link,
    parse_node,
    parse_uuid,
)


@pytest.mark.parametrize("text", ["0", "km0", "Bob-2", "a.b_c", "x" * LONGEST_NAME])
def test_names_are_letters_digits_and_a_few_signs(text: str) -> None:
    assert parse_node(text) == text


@pytest.mark.parametrize("text", ["", "a b", "-a", "a-", "a/b", "ä", "a\n", "x" * (LONGEST_NAME + 1), "a%2fb"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(Mistake, match="cannot name a node"):
        parse_node(text)


def test_the_sign_of_a_link_is_refused_inside_a_name() -> None:
    with pytest.raises(Mistake, match="'--' joins the two ends of a link"):
        parse_node("a--b")


@pytest.mark.parametrize("text", ["a--b", "a -- b", "  a--  b "])
def test_a_link_may_be_spaced_as_one_likes(text: str) -> None:
    assert parse_link(text) == "a--b"


def test_parallel_links_have_names() -> None:
    assert parse_link("a -- b / fibre") == "a--b/fibre"
    assert link_ends(parse_link("b--a/x")) == ("b", "a")
    assert link_id(NodeId("a"), NodeId("b")) == "a--b"


@pytest.mark.parametrize("text", ["a", "a--", "--b", "a--b--c", "a--b/", "a - b"])
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        parse_link(text)


def test_a_link_needs_two_nodes() -> None:
    with pytest.raises(Mistake, match="joins 'a' to itself"):
        parse_link("a -- a")


ALIASES = ["{%s}", "urn:uuid:%s", " %s", "%s\n"]


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_of_an_identifier_are_refused(alias: str) -> None:
    with pytest.raises(Mistake):
        parse_uuid(alias % "0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11")
    with pytest.raises(Mistake):
        parse_uuid("0B9F0A46-52A8-4A8C-9F0E-8A8F3B1A7C11")


def test_many_key_ids_are_taken_together_and_one_that_is_wrong_is_told() -> None:
    made = [f"0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c1{digit}" for digit in range(4)]
    assert parse_key_ids(made) == tuple(made)
    assert parse_key_ids(()) == ()
    with pytest.raises(Mistake, match="8-4-4-4-12"):
        parse_key_ids([*made, made[0].upper()])
