"""Formulas: what they say, which features they name, and how they are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.formula import FALSE, TRUE, All, Any, Formula, Implies, Is, Not, Same, features_in, holds, written
from tests.design.models import formulas
from tests.files.reading import uvl

A, B, C = Is("A"), Is("B"), Is("C")
NAMES = ["A", "B", "C"]
HEAD = "features\n\tR\n\t\toptional\n\t\t\tA\n\t\t\tB\n\t\t\tC\nconstraints\n\t"


def test_each_operator_says_what_its_name_says() -> None:
    assert holds(Implies(A, B), set())
    assert not holds(Implies(A, B), {"A"})
    assert holds(Same(A, B), {"A", "B"})
    assert not holds(Same(A, B), {"B"})
    assert holds(All((A, Not(B))), {"A"})
    assert not holds(Any((A, B)), {"C"})
    assert holds(TRUE, set())
    assert not holds(FALSE, set())


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (Implies(A, Any((B, C))), "A => B | C"),
        (Not(All((A, B))), "!(A & B)"),
        (All((Any((A, B)), C)), "(A | B) & C"),
        (Implies(Implies(A, B), C), "(A => B) => C"),
        (Same(A, Implies(B, C)), "A <=> B => C"),
        (Any((All((A, B)), C)), "A & B | C"),
        (Not(Not(A)), "!!A"),
    ],
)
def test_a_formula_is_written_with_as_few_parentheses_as_it_needs(formula: Formula, text: str) -> None:
    assert written(formula, str) == text


@given(formulas(NAMES))
@settings(max_examples=60)
def test_what_is_written_reads_back_to_the_same_truth(formula: Formula) -> None:
    (read,) = uvl(HEAD + written(formula, str)).value.constraints
    for number in range(8):
        chosen = {name for at, name in enumerate(NAMES) if number >> at & 1}
        assert holds(read.formula, chosen) == holds(formula, chosen)


@given(formulas(NAMES), st.sampled_from(NAMES))
def test_a_feature_that_is_not_named_changes_nothing(formula: Formula, name: str) -> None:
    if name not in set(features_in(formula)):
        for chosen in ({"A"}, {"B", "C"}, set[str]()):
            assert holds(formula, chosen | {name}) == holds(formula, chosen - {name})
