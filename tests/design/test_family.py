"""Conditional composition: what a configuration selects of the over-complete model is what its variants bring."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from keytwin.design.composition import Composition, compose, compose_from
from keytwin.design.family import family_of, selected
from keytwin.design.model import Block, ElementId
from keytwin.design.variability import Configuration
from keytwin.vocabulary.identity import VariantId
from tests.design.configurations import chosen, drawn
from tests.design.shipped import PAPER_A, library, ovm

SAMPLED = 50


@cache
def family() -> Composition:
    return family_of(ovm(), library())


def samples() -> list[Configuration]:
    chance = Random(5)
    return [chosen(ovm(), *PAPER_A), *(drawn(ovm(), chance) for _ in range(SAMPLED))]


def test_the_family_holds_what_all_variants_bring() -> None:
    assert {each.variant for each in family().views} == set(ovm().variants)
    alice = family().model.get(ElementId("alice"), Block)
    assert {"quantum-out", "quantum-in", "classical", "key"} == {each.name for each in alice.ports}


@pytest.mark.parametrize("configuration", samples(), ids=range(SAMPLED + 1))
def test_both_ways_give_the_same_model(configuration: Configuration) -> None:
    composed = compose(ovm(), library(), configuration)
    from_family = selected(family(), configuration)
    assert dict(from_family.model.elements) == dict(composed.before.model.elements)
    assert from_family.views == composed.before.views


@pytest.mark.parametrize("configuration", samples()[:6], ids=range(6))
def test_both_ways_give_the_same_architecture(configuration: Configuration) -> None:
    first = compose(ovm(), library(), configuration)
    second = compose_from(ovm(), library(), configuration, selected(family(), configuration))
    assert dict(second.after.model.elements) == dict(first.after.model.elements)
    assert second.after.findings == first.after.findings == ()


def test_a_port_that_only_others_ask_for_is_left_out() -> None:
    model = selected(family(), chosen(ovm(), "protocol.bb84")).model
    alice = model.get(ElementId("alice"), Block)
    assert [each.name for each in alice.ports] == ["quantum-out"]
    assert alice.because == (VariantId("protocol.bb84"),)


def test_nothing_chosen_is_nothing_selected() -> None:
    nothing = selected(family(), chosen(ovm()))
    assert not nothing.model.elements
    assert not nothing.views
