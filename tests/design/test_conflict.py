"""Conflicts, repairs and explanations: all of them, each minimal, and in the words of the domain."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design import conflict
from keytwin.design.conflict import conflicts_and_repairs
from keytwin.design.explanation import Explanation, Reasons, why
from keytwin.design.features import Constraint, FeatureModel, Group, said
from keytwin.design.formula import FALSE, Is, Not
from keytwin.design.ovm_features import features_of
from keytwin.design.selection import Selection, literals_of
from keytwin.files.ovm import library_ovm
from tests.design.models import any_models, every

Wish = tuple[str, bool]


def meets(found: Iterable[frozenset[str]], wishes: Iterable[Wish]) -> bool:
    listed = list(wishes)
    return any(all((name in each) == wanted for name, wanted in listed) for each in found)


def smallest(sets: Iterable[frozenset[int]]) -> set[frozenset[int]]:
    listed = set(sets)
    return {each for each in listed if not any(other < each for other in listed)}


@st.composite
def wished(draw: st.DrawFn) -> tuple[FeatureModel, list[Wish]]:
    model = draw(any_models())
    names = draw(st.lists(st.sampled_from(list(model.features)), min_size=1, max_size=5, unique=True))
    return model, [(each, draw(st.booleans())) for each in names]


@given(wished())
@settings(max_examples=40)
def test_all_minimal_conflicts_and_repairs_are_found_and_no_others(case: tuple[FeatureModel, list[Wish]]) -> None:
    model, wishes = case
    found, numbers = every(model), range(len(wishes))
    subsets = [frozenset(each) for size in range(len(wishes) + 1) for each in combinations(numbers, size)]
    impossible = smallest(each for each in subsets if not meets(found, (wishes[i] for i in each)))
    repairs = smallest(each for each in subsets if meets(found, (wishes[i] for i in numbers if i not in each)))
    selection = Selection(model)
    judged = conflicts_and_repairs(selection.oracle, list(literals_of(selection, wishes)))
    assert judged.is_complete
    assert {frozenset(each) for each in judged.conflicts} == impossible
    assert {frozenset(each) for each in judged.repairs} == repairs
    assert list(judged.repairs) == sorted(judged.repairs, key=lambda each: (len(each), each))


@given(wished())
@settings(max_examples=50)
def test_every_explanation_is_contradictory_and_minimal(case: tuple[FeatureModel, list[Wish]]) -> None:
    model, wishes = case
    explained = Reasons(model, Selection(model).oracle.clauses).contradiction(wishes)
    assert (explained is None) == meets(every(model), wishes)
    if explained is not None:
        assert_minimal(model, explained, ())


@given(wished())
@settings(max_examples=25)
def test_why_a_feature_is_forced_or_dead_is_minimal(case: tuple[FeatureModel, list[Wish]]) -> None:
    model, wishes = case
    selection = Selection(model)
    for name, wanted in wishes:
        selection.click(name, wanted=wanted)
    reasons = Reasons(model, selection.oracle.clauses)
    for feature, state in selection.states().items():
        explained = why(selection, feature, reasons)
        assert (explained is not None) == (state in {"forced", "dead"})
        if explained is not None:
            assert_minimal(model, explained, ((feature, state == "dead"),))


def assert_minimal(model: FeatureModel, explained: Explanation, kept: tuple[Wish, ...]) -> None:
    """What is named is impossible by itself, and possible as soon as any of it is left out."""
    assert not meets(only(model, explained.rules), (*kept, *explained.wishes))
    for each in explained.wishes:
        rest = [other for other in explained.wishes if other != each]
        assert meets(only(model, explained.rules), (*kept, *rest))
    for rule in explained.rules:
        left = list(explained.rules)
        left.remove(rule)
        assert meets(only(model, left), (*kept, *explained.wishes))


def only(model: FeatureModel, rules: Iterable[Group | Constraint]) -> list[frozenset[str]]:
    """Give what some of a model's rules allow; what is in no group any more stands free."""
    listed = list(rules)
    groups = tuple(each for each in listed if isinstance(each, Group))
    constraints = tuple(each for each in listed if isinstance(each, Constraint))
    return every(FeatureModel("some rules", model.root, model.features, groups, constraints))


def test_an_explanation_names_the_reason_of_physics() -> None:
    selection = Selection(features_of(library_ovm("qkd")))
    assert selection.click("protocol.twin-field") is not None
    explained = why(selection, "medium.satellite")
    assert explained is not None
    assert explained.wishes == (("protocol.twin-field", True),)
    (reason,) = explained.reasons
    assert reason.startswith("Twin-field QKD excludes Satellite-based: the phase of two senders cannot be kept in step")


def test_an_explanation_by_way_of_others_names_each_step() -> None:
    selection = Selection(features_of(library_ovm("qkd")))
    assert selection.click("q-link.repeater") is not None
    explained = why(selection, "protocol.twin-field")
    assert explained is not None
    assert explained.reasons == (
        "Twin-field QKD needs Untrusted centre: twin-field light of both ends interferes at a station between them",
        "Q-Link takes exactly one of its variants",
    )


def test_what_is_free_or_was_clicked_needs_no_reason() -> None:
    selection = Selection(features_of(library_ovm("qkd")))
    assert selection.click("protocol.bb84") is not None
    assert why(selection, "protocol.bb84") is None
    assert why(selection, "medium.satellite") is None


def test_wishes_that_can_all_be_met_have_no_conflict_and_nothing_to_give_up() -> None:
    selection = Selection(features_of(library_ovm("coffee")))
    judged = conflicts_and_repairs(selection.oracle, list(literals_of(selection, [("milk.frother", True)])))
    assert (judged.conflicts, judged.repairs) == ((), ((),))


def test_a_model_without_configurations_has_a_conflict_of_no_wishes() -> None:
    base = features_of(library_ovm("coffee"))
    void = FeatureModel("void", base.root, base.features, base.groups, (Constraint(FALSE, "never"),))
    selection = Selection(void)
    assert selection.is_void
    assert selection.click("milk") is None
    judged = conflicts_and_repairs(selection.oracle, list(literals_of(selection, [("milk", True)])))
    assert (judged.conflicts, judged.repairs) == (((),), ())
    explained = Reasons(void, selection.oracle.clauses).contradiction([("milk", True)])
    assert explained is not None
    assert (explained.wishes, explained.reasons) == ((), ("never",))


def test_more_findings_than_anyone_reads_are_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict, "MOST_FOUND", 3)
    selection = Selection(features_of(library_ovm("qkd")))
    wishes = [(each, True) for each in selection.model.features if each.startswith("protocol.")]
    judged = conflicts_and_repairs(selection.oracle, list(literals_of(selection, wishes)))
    assert not judged.is_complete
    assert len(judged.conflicts) + len(judged.repairs) == 3


def test_rules_without_words_of_their_own_are_said_by_their_numbers() -> None:
    base = features_of(library_ovm("coffee"))
    model = FeatureModel("m", base.root, MappingProxyType(dict(base.features)), base.groups)
    names = tuple(each for each in model.features if each.startswith("brewing."))
    assert said(model, Group("brewing", names, 1, 1)) == "Brewing: exactly one of Espresso, Filter, Cold brew"
    assert said(model, Group("brewing", names, 0, 2)) == "Brewing: at most 2 of Espresso, Filter, Cold brew"
    assert said(model, Group("brewing", names, 2, 3)) == "Brewing: at least 2 of Espresso, Filter, Cold brew"
    assert said(model, Group("coffee" if "coffee" in model.features else "brewing", ("milk",), 0, 1)).startswith(
        "Milk belongs to"
    )
    assert said(model, Group("brewing", ("milk",), 1, 1)) == "Brewing always has Milk"
    assert said(model, Constraint(Not(Is("milk")))) == "!Milk"
