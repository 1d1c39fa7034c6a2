"""Each variant has exactly one view, and an OVM without views says so instead of claiming any."""

from __future__ import annotations

import pytest

from keytwin.assessment.architecture import bound_views
from keytwin.design.backbones import compare, measures, one_to_one
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.identity import VariantId


@pytest.mark.parametrize("name", ["qkd", "paper-a"])
def test_every_variant_of_an_ovm_of_networks_has_one_view(name: str) -> None:
    ovm = library_ovm(name)
    bound = bound_views(ovm)
    assert bound is not None
    assert bound.keys() == ovm.variants.keys()
    assert all(len(views) == 1 for views in bound.values())
    assert one_to_one(ovm, bound) == 1.0


def test_the_smaller_ovm_shares_the_views_of_the_larger_one() -> None:
    small, large = bound_views(library_ovm("paper-a")), bound_views(library_ovm("qkd"))
    assert small is not None
    assert large is not None
    assert small.items() <= large.items()


def test_an_ovm_without_views_has_none_bound() -> None:
    coffee = library_ovm("coffee")
    assert bound_views(coffee) is None
    by_name = {each.principle.name: each.value for each in measures(coffee, bound_views(coffee))}
    assert by_name["one-to-one share"] is None


def test_two_views_of_one_variant_are_not_one_to_one() -> None:
    ovm = library_ovm("paper-a")
    bound = bound_views(ovm)
    assert bound is not None
    first = VariantId("protocol.bb84")
    assert one_to_one(ovm, {**bound, first: (*bound[first], "another")}) == pytest.approx(8 / 9)
    without = {variant: views for variant, views in bound.items() if variant != first}
    assert one_to_one(ovm, without) == pytest.approx(8 / 9)


def test_a_comparison_measures_each_side_by_its_own_views() -> None:
    coffee, paper = library_ovm("coffee"), library_ovm("paper-a")
    rows = compare(coffee, paper, (bound_views(coffee), bound_views(paper)))
    values = {a.principle.name: (a.value, b.value) for a, b in rows}
    assert values["one-to-one share"] == (None, 1.0)
    assert all(a.principle == b.principle for a, b in rows)
