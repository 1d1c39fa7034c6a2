"""Candidates are grouped by what they fix; backbones are measured; requirements are followed through a model."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.backbones import compare, depth, measures, one_to_one
from keytwin.design.commonality import commonalities, commonality, proposals
from keytwin.design.knowledge import Aspect, Candidate, Knowledge
from keytwin.design.variability import Ovm, VariationPoint
from keytwin.design.views import ViewKind
from keytwin.files.knowledge import knowledge_from, read_knowledge
from keytwin.files.library import Source
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import FileMistake

KNOWN = read_knowledge("qkd-knowledge")


def made(**candidates: dict[str, str]) -> Knowledge:
    listed = {name: Candidate(name, name.upper(), fixes) for name, fixes in candidates.items()}
    aspects = dict.fromkeys(aspect for each in candidates.values() for aspect in each)
    views = {each: Aspect(each, "", ViewKind.ACTIVITY if each < "m" else ViewKind.SEQUENCE) for each in aspects}
    return Knowledge("made", "", MappingProxyType(views), MappingProxyType({}), MappingProxyType(listed))


# --- commonality ----------------------------------------------------------------------------------------------------


def test_what_two_candidates_share_is_measured_by_their_aspects() -> None:
    first, second = (
        Candidate("x", "X", {"a": "1", "b": "2", "c": "3"}),
        Candidate("y", "Y", {"b": "2", "c": "4", "d": "5"}),
    )
    found = commonality(first, second)
    assert (found.shared, found.alike, found.likeness) == (("b", "c"), ("b",), 0.5)


def test_candidates_that_fix_the_same_are_alternatives_however_differently_they_fix_it() -> None:
    knowledge = made(
        x={"a": "1", "b": "2"}, u={"r": "1", "s": "1"}, y={"a": "3", "b": "2"}, v={"r": "2", "s": "2", "t": "3"}
    )
    first, second = proposals(knowledge)
    assert (first.candidates, first.varying, first.common, first.likeness) == (("x", "y"), ("a",), ("b",), 1.0)
    assert first.view is ViewKind.ACTIVITY
    assert (second.candidates, second.varying, second.only_some) == (("u", "v"), ("r", "s"), ("t",))
    assert (second.view, round(second.likeness, 3)) == (ViewKind.SEQUENCE, 0.667)


def test_a_candidate_like_no_other_stays_alone_with_all_it_fixes() -> None:
    (first, second) = proposals(made(x={"a": "1"}, y={"b": "1"}))
    assert (first.candidates, first.varying, first.likeness) == (("x",), ("a",), 1.0)
    assert second.candidates == ("y",)


@given(st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), min_size=1, max_size=6), st.floats(0.1, 1.0))
def test_every_candidate_is_in_one_proposal_and_a_higher_threshold_joins_fewer(
    fixed: list[set[str]], share: float
) -> None:
    knowledge = made(**{f"c{n}": dict.fromkeys(sorted(each), str(n)) for n, each in enumerate(fixed)})
    found = proposals(knowledge, share)
    assert sorted(each for proposal in found for each in proposal.candidates) == sorted(knowledge.candidates)
    assert len(found) <= len(proposals(knowledge, 1.0))
    scores = [each.likeness for each in commonalities(knowledge)]
    assert scores == sorted(scores, reverse=True)


def test_the_shipped_knowledge_suggests_the_variation_points_of_paper_a_with_its_kinds_of_view() -> None:
    found = {each.candidates: each.view for each in proposals(KNOWN)}
    assert found[("bb84", "mdi", "e91")] is ViewKind.ACTIVITY
    assert found[("direct", "repeater", "trusted-relay")] is ViewKind.SEQUENCE
    assert found[("terrestrial", "satellite")] is ViewKind.BLOCK
    assert found[("single", "constellation", "geostationary")] is ViewKind.BLOCK


def test_its_candidates_are_variants_of_the_backbone_or_of_its_extension() -> None:
    names = {each.partition(".")[2] for each in library_ovm("qkd").variants}
    assert {each for each in KNOWN.candidates if each not in names} == {"geostationary"}


# --- knowledge files ------------------------------------------------------------------------------------------------

FILE = """\
format: 1
name: k
aspects: {a: {view: state, about: what}}
findings: {f: {says: so, source: somebody}}
candidates:
  x: {name: X, fixes: {a: one}, rests_on: [f]}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(FileMistake) as caught:
        knowledge_from(Source("k.yaml", text.encode()))
    return [str(each).removeprefix("k.yaml:") for each in caught.value.findings]


def test_a_knowledge_base_is_read() -> None:
    read = knowledge_from(Source("k.yaml", FILE.encode()))
    assert dict(read.candidates["x"].fixes) == {"a": "one"}
    assert (read.candidates["x"].rests_on, read.insights["f"].source) == (("f",), "somebody")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("fixes: {a: one}", "fixes: {aa: one}", "6:24: unknown aspect that is fixed 'aa' (did you mean 'a'?)"),
        ("rests_on: [f]", "rests_on: [g]", "unknown finding 'g'"),
        (", source: somebody", "", "'source' is missing in a finding"),
        ("source: somebody", "source: ' '", "a number without a source is a guess"),
        ("fixes: {a: one}, ", "", "'fixes' is missing in a candidate"),
        ("fixes: {a: one}", "fixes: {}", "a candidate fixes at least one aspect"),
        ("view: state", "view: stat", "unknown kind of view 'stat' (did you mean 'state'?)"),
    ],
)
def test_what_is_wrong_in_a_knowledge_base_is_told(old: str, new: str, told: str) -> None:
    found = mistakes(FILE.replace(old, new, 1))
    assert any(told in each for each in found), found


# --- backbones ------------------------------------------------------------------------------------------------------


def values(ovm: Ovm) -> dict[str, float | None]:
    return {each.principle.name: each.value for each in measures(ovm)}


def test_paper_a_is_measured_as_it_can_be_counted_by_hand() -> None:
    found = values(library_ovm("paper-a"))
    assert found == {
        "variation points": 5,
        "variants": 9,
        "depth": 2,
        "largest variation point": 3,
        "smallest variation point": 1,
        "mandatory share": 1.0,
        "domain-specific share": 0.4,
        "kinds of view": 3,
        "dependencies": 0,
        "dependencies across": 0,
        "coupled pairs": 0,
        "sourced share": 1.0,
        "one-to-one share": None,
    }


def test_two_backbones_are_measured_by_the_same_principles_each_with_its_meaning() -> None:
    rows = compare(library_ovm("paper-a"), library_ovm("coffee"))
    assert all(one.principle is other.principle for one, other in rows)
    assert all(len(one.principle.meaning.split()) > 3 for one, _ in rows)
    coffee = values(library_ovm("coffee"))
    assert (coffee["dependencies across"], coffee["coupled pairs"], coffee["depth"]) == (5, 4, 2)


def test_depth_follows_what_variants_open() -> None:
    assert depth(library_ovm("qkd")) == 3
    point = library_ovm("paper-a").points
    assert all(isinstance(each, VariationPoint) for each in point.values())


def test_one_to_one_counts_variants_with_one_view_that_no_other_has() -> None:
    ovm = library_ovm("paper-a")
    names = list(ovm.variants)
    own: dict[str, tuple[str, ...]] = {each: (f"view of {each}",) for each in names}
    assert one_to_one(ovm, {each: own[each] for each in names}) == 1.0
    shared = {each: own[each] for each in names} | {names[0]: ("same",), names[1]: ("same",)}
    assert one_to_one(ovm, shared) == pytest.approx(7 / 9)
    none_and_two = {each: own[each] for each in names} | {names[0]: (), names[1]: ("a", "b")}
    assert one_to_one(ovm, none_and_two) == pytest.approx(7 / 9)
