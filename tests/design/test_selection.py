"""Clicks: what is reached is possible, and what is said of the rest is what trying all configurations says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design import selection as selections
from keytwin.design.features import FeatureModel
from keytwin.design.ovm_features import configuration_of, features_of
from keytwin.design.selection import Selection, State, completed, selected
from keytwin.design.variability import Ovm
from keytwin.files.library import Source
from keytwin.files.ovm import library_ovm
from keytwin.files.uvl_reader import read_uvl
from keytwin.vocabulary.errors import Mistake
from tests.design.foreign import foreign_uvl
from tests.design.models import any_models, every, every_configuration, ovms

Clicks = list[tuple[int, bool]]
CLICKS = st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=6)


def clicked(model: FeatureModel, clicks: Clicks) -> tuple[Selection, list[frozenset[str]]]:
    """Click, and keep beside it the configurations that are left by trying all."""
    selection, left = Selection(model), every(model)
    names = list(model.features)
    for number, wanted in clicks:
        feature = names[number % len(names)]
        agreeing = [each for each in left if (feature in each) == wanted]
        change = selection.click(feature, wanted=wanted)
        assert (change is not None) == bool(agreeing)
        left = agreeing or left
    return selection, left


def expected(feature: str, left: list[frozenset[str]]) -> State:
    number = sum(feature in each for each in left)
    return State.DEAD if not number else State.FORCED if number == len(left) else State.FREE


@given(any_models(), CLICKS)
@settings(max_examples=40)
def test_any_selection_reached_by_clicks_is_satisfiable_and_its_states_are_exact(
    model: FeatureModel, clicks: Clicks
) -> None:
    selection, left = clicked(model, clicks)
    assert selection.is_void == (not left)
    if left:
        assert all((name in each) == wanted for name, wanted in selection.clicks for each in left)
    own = dict(selection.clicks)
    for feature, state in selection.states().items():
        if feature in own:
            assert state is (State.CHOSEN if own[feature] else State.REFUSED)
        elif left:
            assert state is expected(feature, left)


@given(any_models(), CLICKS)
@settings(max_examples=40)
def test_a_click_tells_exactly_what_it_decided(model: FeatureModel, clicks: Clicks) -> None:
    selection = Selection(model)
    names = list(model.features)
    for number, wanted in clicks:
        forced, dead = set(selection.forced), set(selection.dead)
        change = selection.click(names[number % len(names)], wanted=wanted)
        if change is not None:
            assert set(change.forced) == set(selection.forced) - forced - {names[number % len(names)]}
            assert set(change.dead) == set(selection.dead) - dead - {names[number % len(names)]}


@given(any_models(), CLICKS)
@settings(max_examples=40)
def test_a_completion_is_a_configuration_that_keeps_the_clicks_and_nothing_spare(
    model: FeatureModel, clicks: Clicks
) -> None:
    selection, left = clicked(model, clicks)
    if left:
        found = completed(selection)
        assert found in left
        assert not any(each < found for each in left), "with fewer features it would do"


@given(any_models(), CLICKS)
@settings(max_examples=40)
def test_a_click_taken_back_leaves_no_trace(model: FeatureModel, clicks: Clicks) -> None:
    selection, _ = clicked(model, clicks)
    before = selection.states()
    name = next((name for name, state in before.items() if state is State.FREE), None)
    if name is not None:
        assert selection.click(name) is not None
        selection.undo()
        assert selection.states() == before
        assert selection.click(name, wanted=False) is not None
        selection.drop(name)
        assert selection.states() == before


@given(any_models(), CLICKS)
@settings(max_examples=50)
def test_large_models_are_looked_at_only_when_asked_and_say_the_same(model: FeatureModel, clicks: Clicks) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selections, "MOST_SETTLED", 0)
        lazy, left = clicked(model, clicks)
        own = dict(lazy.clicks)
        one_by_one = {name: lazy.state(name) for name in model.features}
        if left:
            for name, state in one_by_one.items():
                assert name in own or state is expected(name, left)
        assert lazy.states() == one_by_one
        assert lazy.is_complete == (len(left) <= 1)


@given(ovms())
@settings(max_examples=60)
def test_the_feature_model_of_an_ovm_has_its_configurations_one_for_one(ovm: Ovm) -> None:
    found = every(features_of(ovm))
    variants = [frozenset(configuration_of(ovm, each).chosen) for each in found]
    assert len(variants) == len(set(variants)), "one configuration is counted twice"
    assert set(variants) == every_configuration(ovm)


def test_a_click_against_another_one_changes_nothing() -> None:
    selection = Selection(features_of(library_ovm("qkd")))
    assert selection.click("protocol.twin-field") is not None
    before = selection.states()
    assert selection.click("medium.satellite") is None
    assert selection.click("protocol.twin-field", wanted=False) is None
    assert (selection.states(), selection.clicks) == (before, (("protocol.twin-field", True),))
    assert before["medium.terrestrial"] is State.FORCED


def test_a_complete_selection_is_known_to_be_one() -> None:
    model = features_of(library_ovm("paper-a"))
    selection = selected(model, [("protocol.e91", True), ("q-link.direct", True), ("medium.satellite", False)])
    assert selection is not None
    assert selection.is_complete
    assert selected(model, [("protocol.e91", True), ("protocol.bb84", True)]) is None


def test_an_unknown_feature_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="coffee has no 'tea'"):
        Selection(features_of(library_ovm("coffee"))).click("tea")


def test_undo_without_a_click_does_nothing() -> None:
    selection = Selection(features_of(library_ovm("coffee")))
    selection.undo()
    assert selection.clicks == ()


def test_core_and_dead_of_a_foreign_model_are_those_found_one_by_one() -> None:
    model = read_uvl(Source("foreign.uvl", foreign_uvl(1_200, seed=5).encode())).value
    selection = Selection(model)
    core, dead = set(selection.forced), set(selection.dead)
    assert core
    assert dead
    for feature in model.features:
        number = selection.number(feature)
        assert selection.oracle.is_possible([number]) == (feature not in dead)
        assert selection.oracle.is_possible([-number]) == (feature not in core)
