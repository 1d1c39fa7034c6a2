"""The one model: elements are joined where several variants ask for them, and each says why it is there."""

from __future__ import annotations

import pytest

from keytwin.design.model import Block, Direction, Element, ElementId, Item, Model, Part, RuleId
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId

BB84 = VariantId("protocol.bb84")
MDI = VariantId("protocol.mdi")


def block(name: str, *because: VariantId, about: str = "") -> Block:
    return Block(id=ElementId(name), name=name, because=because, about=about)


def test_what_two_variants_ask_for_is_one_element_with_both_reasons() -> None:
    model = Model.of([block("sender", MDI), block("receiver", BB84), block("sender", BB84)])
    assert [each.id for each in model] == ["sender", "receiver"]
    assert model.get(ElementId("sender"), Block).because == (BB84, MDI)


def test_rules_keep_the_order_in_which_they_worked() -> None:
    first, second = (Item(id=ElementId("key"), name="key", nature="key", rules=(RuleId(rule),)) for rule in "ba")
    assert Model.of([first, second]).get(ElementId("key"), Item).rules == (RuleId("b"), RuleId("a"))


def test_one_identifier_with_two_descriptions_is_a_mistake() -> None:
    with pytest.raises(Mistake, match=r"element sender is described in two ways: give the two different"):
        Model.of([block("sender", BB84), block("sender", MDI, about="other")])
    with pytest.raises(Mistake, match="two ways"):
        Model.of([block("sender"), Item(id=ElementId("sender"), name="sender", nature="key")])


def test_a_model_does_not_change_when_another_is_made_of_it() -> None:
    model = Model.of([block("sender")])
    more = model.merged([block("receiver")])
    changed = more.replaced([block("sender", about="new"), block("third")])
    fewer = changed.without([ElementId("receiver"), ElementId("unknown")])
    assert [len(each.elements) for each in (model, more, changed, fewer)] == [1, 2, 3, 2]
    assert more.get(ElementId("sender"), Block).about == ""
    assert changed.get(ElementId("sender"), Block).about == "new"
    assert ElementId("receiver") not in fewer


def test_elements_are_found_by_kind() -> None:
    part = Part(id=ElementId("system.alice"), name="Alice", owner=ElementId("system"), block=ElementId("sender"))
    model = Model.of([block("system"), block("sender"), part])
    assert model.all(Part) == (part,)
    assert len(model.all(Element)) == 3
    with pytest.raises(AssertionError, match="system is a Block, not a Part"):
        model.get(ElementId("system"), Part)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_flow_turned_round_twice_is_as_before(direction: Direction) -> None:
    assert direction.reversed.reversed is direction
    assert (direction.reversed is direction) == (direction is Direction.BOTH)
