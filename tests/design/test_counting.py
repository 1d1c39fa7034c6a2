"""Counts are those of trying all, samples are uniform, and no encoding counts a configuration twice."""

from __future__ import annotations

from collections import Counter
from math import comb
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.solvers import Solver
from scipy.stats import chisquare

from keytwin.design import counting
from keytwin.design.clauses import compiled
from keytwin.design.counting import Diagram, below
from keytwin.design.features import Constraint, Feature, FeatureModel, Group
from keytwin.design.formula import All, Any, Implies, Is, Same
from keytwin.design.ovm_features import features_of
from keytwin.design.variability import Ovm
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake
from tests.design.models import any_models, every, every_configuration, ovms


def model_of(size: int, least: int, most: int, *constraints: Constraint) -> FeatureModel:
    names = tuple(f"m{each}" for each in range(size))
    features = MappingProxyType({each: Feature(each) for each in ("r", *names)})
    return FeatureModel("one group", "r", features, (Group("r", names, least, most),), constraints)


def solutions(model: FeatureModel) -> list[frozenset[str]]:
    """Enumerate what the clauses allow, auxiliary variables included: each configuration should come once."""
    clauses = compiled(model)
    with Solver("minisat22", bootstrap_with=clauses.clauses) as solver:
        models = list(solver.enum_models())
    assert all(len(each) == clauses.variables for each in models) or not models
    return [frozenset(clauses.names[v - 1] for v in each[: len(clauses.names)] if v > 0) for each in models]


@given(ovms())
@settings(max_examples=40)
def test_counts_equal_brute_force_on_random_small_ovms(ovm: Ovm) -> None:
    assert Diagram(features_of(ovm)).count() == len(every_configuration(ovm))


@given(any_models(), st.data())
@settings(max_examples=40)
def test_counts_under_a_partial_choice_and_shares_equal_brute_force(model: FeatureModel, data: st.DataObject) -> None:
    found, names = every(model), list(model.features)
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    refused = data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    left = [each for each in found if each.issuperset(chosen) and not each.intersection(refused)]
    diagram = Diagram(model)
    assert diagram.count(chosen, refused) == len(left)
    shares = diagram.shares(chosen, refused)
    assert shares == ({name: sum(name in each for each in left) / len(left) for name in names} if left else {})


@given(any_models())
@settings(max_examples=40)
def test_clauses_allow_each_configuration_once(model: FeatureModel) -> None:
    found = solutions(model)
    assert len(found) == len(set(found))
    assert set(found) == set(every(model))


@given(any_models())
@settings(max_examples=40)
def test_numbers_and_configurations_are_one_to_one(model: FeatureModel) -> None:
    diagram = Diagram(model)
    drawn = [diagram.nth(number) for number in range(diagram.count())]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == set(every(model))


@pytest.mark.parametrize(
    ("size", "least", "most"), [(12, 3, 5), (20, 0, 2), (9, 9, 9), (16, 8, 8), (14, 2, 14), (40, 0, 1)]
)
def test_ranges_count_as_binomials_say(size: int, least: int, most: int) -> None:
    model = model_of(size, least, most)
    wanted = sum(comb(size, number) for number in range(least, most + 1))
    assert Diagram(model).count() == wanted
    if wanted < 5_000:
        assert len(solutions(model)) == len(set(solutions(model))) == wanted


def test_a_formula_too_large_to_multiply_out_is_named_and_counts_the_same() -> None:
    pairs = tuple(All((Is(f"m{each}"), Is(f"m{each + 1}"))) for each in range(0, 12, 2))
    model = model_of(12, 0, 12, Constraint(Any(pairs)), Constraint(Same(pairs[0], Implies(pairs[1], pairs[2]))))
    found = solutions(model)
    assert compiled(model).variables > 13, "nothing was named, so nothing is tested here"
    assert len(found) == len(set(found)) == Diagram(model).count() == len(every(model))


def test_a_group_that_nothing_can_meet_makes_its_parent_impossible() -> None:
    assert Diagram(model_of(2, 3, 3)).count() == len(solutions(model_of(2, 3, 3))) == 0


def test_samples_are_uniform() -> None:
    model = features_of(library_ovm("paper-a"))
    drawn = Counter(Diagram(model).sample(9_000, np.random.default_rng(20)))
    assert len(drawn) == 18
    assert chisquare(list(drawn.values())).pvalue > 0.001


def test_samples_under_a_partial_choice_are_uniform_and_keep_it() -> None:
    diagram = Diagram(features_of(library_ovm("coffee")))
    drawn = Counter(diagram.sample(6_000, np.random.default_rng(21), ["heater.boiler"], ["milk"]))
    assert len(drawn) == diagram.count(["heater.boiler"], ["milk"])
    assert all("heater.boiler" in each and "milk" not in each for each in drawn)
    assert chisquare(list(drawn.values())).pvalue > 0.001


def test_equal_generators_draw_equal_samples_and_all_are_valid() -> None:
    model = features_of(library_ovm("qkd"))
    diagram = Diagram(model)
    drawn = diagram.sample(100, np.random.default_rng(7))
    assert drawn == diagram.sample(100, np.random.default_rng(7)) != diagram.sample(100, np.random.default_rng(8))
    assert all(model.is_valid(each) for each in drawn)


def test_nothing_is_drawn_where_there_is_nothing() -> None:
    diagram = Diagram(features_of(library_ovm("paper-a")))
    with pytest.raises(Mistake, match="has no configuration of this kind"):
        diagram.sample(1, np.random.default_rng(1), ["protocol.bb84", "protocol.e91"])


@given(st.integers(1, 10**30), st.integers(0, 2**32))
@settings(max_examples=50)
def test_numbers_are_drawn_from_the_whole_range(total: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    assert all(0 <= below(total, chance) < total for _ in range(5))


def test_a_diagram_that_grows_too_large_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SIZES", (16, 32))
    with pytest.raises(Mistake, match="qkd is too entangled to count"):
        Diagram(features_of(library_ovm("qkd")))


def test_a_diagram_takes_more_room_when_it_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SIZES", (16, 1 << 16))
    assert Diagram(features_of(library_ovm("qkd"))).count() == 145_752_960
