"""A model read back from SysML v2 text that keytwin wrote, edited by hand or not: equal text gives an equal model.

Documentation comes back with its spaces made single, as it was written. What an editor added without a trace is no
element of the model; what was taken away is missing from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from keytwin.design.model import (
    Allocation,
    Binding,
    Element,
    ElementId,
    Equation,
    Method,
    Model,
    Requirement,
    Verification,
)
from keytwin.design.sysml_marks import Marks
from keytwin.design.sysml_model_behaviour import behaviour
from keytwin.design.sysml_model_structure import property_of, structure
from keytwin.design.sysml_requirements import METHODS
from keytwin.design.sysml_scope import reference_at
from keytwin.design.sysml_tree import Document, Member


def read_model(documents: Iterable[Document]) -> Model:
    """Return the model of an export; FileMistake when a name in it leads to no element."""
    marks = Marks(documents)
    return Model.of(
        [*structure(marks), *behaviour(marks), *_requirements(marks), *_equations(marks), *_allocations(marks)]
    )


def _requirements(marks: Marks) -> Iterator[Element]:
    satisfied: dict[Member, list[ElementId]] = {}
    for each in marks.all("satisfy"):
        requirement = marks.scope.resolve(each.target, each) if each.target is not None else None
        if requirement is not None:
            by = marks.meant(each) or marks.element(marks.after(each, "by"), each)
            satisfied.setdefault(requirement, []).append(by)
    derived = _derivations(marks)
    for member in marks.of_kind("requirement"):
        common = marks.common(member, "explanation")
        yield Requirement(
            **common,
            text=next((text for name, text in member.docs() if not name), ""),
            subject=_subject(marks, member),
            derived_from=tuple(derived.get(common["id"], ())),
            satisfied_by=tuple(satisfied.get(member, ())),
        )
    yield from (_verification(marks, member) for member in marks.of_kind("verification def"))


def _subject(marks: Marks, member: Member) -> ElementId:
    subject = next(each for each in member.members() if each.kind == "subject")
    return marks.element(subject.typed[0], subject)


def _derivations(marks: Marks) -> dict[ElementId, list[ElementId]]:
    found: dict[ElementId, list[ElementId]] = {}
    for each in marks.all("connection"):
        if "#derivation" in each.prefixes:
            ends = {end.prefixes[-1]: marks.element(end.references[0], each) for end in each.members()}
            found.setdefault(ends["#derive"], []).append(ends["#original"])
    return found


def _verification(marks: Marks, member: Member) -> Verification:
    verified = next(each for each in member.all() if each.kind == "verify")
    method = next(each for each in member.members() if each.target and each.target.names[-1] == "VerificationMethod")
    source, value = marks.scope.document_of(member).source, method.members()[0].value
    kind = source.words[value.end - 1] if value is not None else ""
    return Verification(
        **marks.common(member),
        requirement=marks.element(verified.target, verified),
        method=next(each for each in Method if METHODS[each] == kind),
        measures=next((text for name, text in member.docs() if name == "measured"), ""),
    )


def _equations(marks: Marks) -> Iterator[Equation]:
    # An equation is defined once and used once, where its parameters are bound.
    uses = {definition: each for each in marks.all("constraint") for definition in marks.scope.generals(each)}
    for member in marks.of_kind("constraint def"):
        bound = [each for each in uses[member].members() if each.value is not None] if member in uses else []
        yield Equation(
            **marks.common(member),
            expression=next(each.text for each in member.members() if each.kind == "rep"),
            parameters=tuple(property_of(marks, each) for each in member.members() if each.kind == "attribute"),
            bindings=tuple(_binding(marks, each) for each in bound),
        )


def _binding(marks: Marks, member: Member) -> Binding:
    assert member.value is not None
    reference = reference_at(marks.scope, member, member.value)
    block = marks.meant(member)
    assert reference is not None
    assert block is not None
    found = marks.scope.resolve(reference, member)
    return Binding(member.label, block, marks.called(found) if found is not None else reference.names[-1])


def _allocations(marks: Marks) -> Iterator[Allocation]:
    for member in marks.of_kind("allocation", "dependency"):
        target = marks.after(member, "to")
        assert target is not None
        source = marks.meant(member) or marks.element(marks.after(member, "from"), member)
        yield Allocation(**marks.common(member), source=source, target=target.names[-1])
