"""What elements refer to, and what becomes of it when identifiers change."""

from __future__ import annotations

from keytwin.design.model import (
    Allocation,
    Block,
    Element,
    ElementId,
    Item,
    Method,
    Model,
    Port,
    Verification,
)
from keytwin.design.references import references, renamed, taken_along, unresolved
from tests.design.shipped import PAPER_A, composed, library

RESILIENT = (*PAPER_A, "redundancy.dual-medium", "key-management.central", "control.sdn-015", "coexistence.dwdm")
PORT_KIND = ElementId("quantum-port")


def test_every_reference_of_a_whole_architecture_is_seen() -> None:
    """What an element names anywhere in its text is among its references, but for its own identifier and reasons."""
    model = composed(*RESILIENT).after.model
    seen = {type(each).__name__ for each in model if references(each)}
    assert {"Part", "Block", "Action", "Flow", "Message", "JointState", "Connector", "StateMachine"} <= seen
    assert {"Requirement", "Verification", "Equation", "PortKind", "Fragment", "Interaction"} <= seen


def test_an_allocation_refers_to_what_is_realised() -> None:
    allocation = Allocation(id=ElementId("a"), name="", source=ElementId("system.alice"), target="km/<node>")
    assert references(allocation) == ("system.alice",)
    assert references(Item(id=ElementId("i"), name="", nature="")) == ()
    verification = Verification(id=ElementId("v"), name="", requirement=ElementId("r"), method=Method.TEST)
    assert references(verification) == ("r",)


def test_a_reference_that_leads_nowhere_is_told_with_its_element() -> None:
    block = Block(id=ElementId("b"), name="b", general=ElementId("gone"), ports=(Port("p", PORT_KIND),))
    assert [(one.id, name) for one, name in unresolved(Model.of([block]))] == [("b", "gone"), ("b", "quantum-port")]


def test_what_is_referred_to_is_taken_along_to_the_end() -> None:
    shared = library().shared
    taken = {each.id for each in taken_along([shared.elements[ElementId("system.alice")]], shared)}
    assert {"system.alice", "alice", "qkd-node", "qkd-system", "classical-port", "announcement"} <= taken
    assert "system.bob" not in taken


def test_renaming_there_and_back_changes_nothing() -> None:
    model = composed(*RESILIENT).after.model
    there = {each.id: ElementId(f"other.{each.id}") for each in model if _may_be_renamed(each)}
    back = {new: old for old, new in there.items()}
    for each in model:
        assert renamed(renamed(each, there), back) == each


def test_renaming_reaches_every_reference_of_behaviour() -> None:
    model = composed(*RESILIENT).after.model
    names = {each.id: ElementId(f"other.{each.id}") for each in model if _may_be_renamed(each)}
    for each in model:
        assert not set(references(renamed(each, names))) & set(names)


def _may_be_renamed(element: Element) -> bool:
    return type(element).__name__ in {"Message", "Fragment", "JointState", "Connector"}
