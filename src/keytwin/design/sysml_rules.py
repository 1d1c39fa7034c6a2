"""What SysML v2 demands and resolvers of names let pass: our own rules, with the place and the remedy of each offence.

They follow the constraints of OMG SysML v2 on variations, cases, satisfaction, interfaces, specialisation,
multiplicity and quantities. Where a name leads into the standard library a rule knows what its own table says, and is
silent otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Final, TypeAlias

from keytwin.design.sysml_dimensions import unit_offences
from keytwin.design.sysml_ports import port_offences
from keytwin.design.sysml_scope import Offence, Scope, lineage, reference_after
from keytwin.design.sysml_tokens import Kind
from keytwin.design.sysml_tree import Document, Member, Reference, Span
from keytwin.vocabulary.errors import Finding

Rule: TypeAlias = Callable[[Scope], Iterator[Offence]]

_NO_FEATURES: Final = frozenset({"doc", "comment", "rep", "metadata", "import", "alias", "objective", "opaque"})
_REQUIREMENTS: Final = frozenset({"requirement", "concern", "viewpoint"})
_OTHER_WORDS: Final = """
    part item port attribute action state connection interface occurrence allocation flow individual enum
"""
_OTHERS: Final = frozenset(_OTHER_WORDS.split())


def check_sysml(documents: Iterable[Document]) -> tuple[Finding, ...]:
    """Return what is wrong with texts that belong together: their syntax first, then what breaks a rule."""
    scope = Scope(documents)
    syntax = [finding for document in scope.documents for finding in document.findings]
    broken = [_finding(scope, *offence) for rule in RULES for offence in rule(scope)]
    # Files stay in the order they were given in, which may be that of their dependence on one another.
    order = {document.source.file: number for number, document in enumerate(scope.documents)}
    return (*syntax, *sorted(broken, key=lambda each: (order.get(each.file, 0), each.line, each.column)))


def _finding(scope: Scope, member: Member, token: int, what: str, remedy: str) -> Finding:
    return scope.document_of(member).source.finding(token, what, remedy)


# --- variations -----------------------------------------------------------------------------------------------------


def stray_variants(scope: Scope) -> Iterator[Offence]:
    """A `variant` lies in a variation, and nowhere else."""
    for member in scope.members():
        # The notation allows `variant` in any body; only its owner makes it a choice, so a parser cannot tell.
        if "variant" in member.prefixes and not _is_variation(member.owner):
            what = f"variant {_named(member)} lies outside a variation"
            yield member, member.span.first, what, "write 'variation' before its owner, or remove 'variant'"


def _is_variation(member: Member | None) -> bool:
    return member is not None and "variation" in member.prefixes


def members_of_variations(scope: Scope) -> Iterator[Offence]:
    """Whatever a variation owns is a variant; annotations are no features."""
    for member in scope.members():
        if _is_variation(member.owner) and "variant" not in member.prefixes and member.kind not in _NO_FEATURES:
            what = f"{member.kind or 'member'} {_named(member)} in a variation is no variant"
            yield (
                member,
                member.span.first,
                what,
                "write 'variant' before it, or move it to what the variation specialises",
            )


def unknown_choices(scope: Scope) -> Iterator[Offence]:
    """A choice names one of the variants that there are."""
    for member in scope.members():
        reference = choice_of(scope, member)
        if reference is None:
            continue
        # The usage bears the name it refers to when it redefines, so its own members are looked at first.
        point = scope.visible(reference.names[0], member) or scope.visible(reference.names[0], member.owner)
        known = _variants(scope, point) if point is not None else []
        # No variants are known where the variation lies outside these texts: then nothing is said.
        if known and reference.names[1] not in known:
            near = get_close_matches(reference.names[1], known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            yield member, reference.span.end - 1, f"{reference.names[0]} has no variant {reference.names[1]}", hint


def choice_of(scope: Scope, member: Member) -> Reference | None:
    """Return the `point::variant` that a usage is set to, if it is."""
    value = member.value
    # A choice is exactly `point :: variant`; any longer expression is a value, and no rule of ours.
    if value is None or value.end - value.first != 3 or member.value_sign != "=":
        return None
    source = scope.document_of(member).source
    first, joint, last = range(value.first, value.end)
    if source.words[joint] != "::" or not (source.is_name(first) and source.is_name(last)):
        return None
    return Reference((source.name(first), source.name(last)), Span(first, last + 1), joints=("::",))


def _variants(scope: Scope, point: Member) -> list[str]:
    return [
        # `variant a;` declares no name of its own: it is called as the usage that it refers to.
        inner.label or (inner.target.names[-1] if inner.target else "")
        for each in lineage(scope, point)
        if _is_variation(each)
        for inner in each.members()
        if "variant" in inner.prefixes
    ]


# --- requirements ---------------------------------------------------------------------------------------------------


def swapped_satisfactions(scope: Scope) -> Iterator[Offence]:
    """`satisfy` names a requirement, `by` what satisfies it."""
    for member in scope.members():
        if "satisfy" not in member.kind.split() or member.target is None:
            continue
        satisfied = scope.resolve(member.target, member)
        by = reference_after(scope, member, "by")
        satisfier = scope.resolve(by, member) if by is not None else None
        remedy = "name a requirement after 'satisfy'"
        if by is not None:
            remedy = f"write: satisfy {by} by {member.target}"
        if satisfied is not None and _keyword(scope, satisfied) in _OTHERS:
            what = f"{member.target} is satisfied, but is no requirement: it is a {_keyword(scope, satisfied)}"
            yield member, member.target.span.first, what, remedy
        elif by is not None and satisfier is not None and _keyword(scope, satisfier) in _REQUIREMENTS:
            what = f"{by} is to satisfy {member.target}, but is a requirement itself"
            yield member, by.span.first, what, "name the part that satisfies it after 'by'"


def _keyword(scope: Scope, member: Member) -> str:
    """Return the kind of thing a member is, without what was written around it."""
    for each in lineage(scope, member):
        words = [word for word in each.kind.split() if word in _REQUIREMENTS | _OTHERS]
        if words:
            return words[-1]
    return ""


def two_subjects(scope: Scope) -> Iterator[Offence]:
    """A requirement or case has one subject."""
    for member in scope.members():
        subjects = [each for each in member.members() if each.kind == "subject"]
        for surplus in subjects[1:]:
            what = f"{member.kind} {_named(member)} has {len(subjects)} subjects"
            yield (
                surplus,
                surplus.span.first,
                what,
                "keep one 'subject'; make the other an attribute, an actor or a part",
            )


# --- specialisation and multiplicity --------------------------------------------------------------------------------


def cyclic_specialisations(scope: Scope) -> Iterator[Offence]:
    """Nothing is a special case of itself, in however many steps."""
    told: set[Member] = set()
    for member in scope.members():
        if not member.subsets or member in told:
            continue
        circle = _circle(scope, member)
        if circle:
            told.update(circle)  # a circle of three is one fault, not three
            way = " :> ".join(each.label for each in [*circle, member])
            remedy = "remove one of these specialisations"
            yield member, member.subsets[0].span.first, f"{_named(member)} specialises itself: {way}", remedy


def _circle(scope: Scope, start: Member) -> list[Member]:
    """Return the members on a way from one back to itself, by specialisation alone."""
    ways: list[list[Member]] = [[start]]
    seen: set[Member] = set()
    while ways:
        way = ways.pop()
        for reference in way[-1].subsets:
            found = scope.resolve(reference, way[-1])
            if found is start:
                return way
            if found is not None and found not in seen:
                seen.add(found)
                ways.append([*way, found])
    return []


def impossible_multiplicities(scope: Scope) -> Iterator[Offence]:
    """What redefines or subsets allows no other number than what it redefines or subsets."""
    for member in scope.members():
        if member.multiplicity is None:
            continue
        least, most = bounds(scope, member)
        if least is not None and most is not None and least > most:
            what = f"{_named(member)} is to be at least {least} and at most {most}"
            yield member, member.multiplicity.first, what, "write the smaller number first"
        for general, is_redefined in _numbered(scope, member):
            offence = _widening(scope, member, general, is_redefined=is_redefined)
            if offence:
                yield member, member.multiplicity.first, offence, f"stay within {_written(scope, general)}"


def _numbered(scope: Scope, member: Member) -> Iterator[tuple[Member, bool]]:
    for reference in member.redefines:
        found = scope.redefined(reference, member)
        if found is not None and found.multiplicity is not None:
            yield found, True
    for reference in member.subsets:
        found = scope.resolve(reference, member)
        if found is not None and found.multiplicity is not None:
            yield found, False


def _widening(scope: Scope, member: Member, general: Member, *, is_redefined: bool) -> str:
    (least, most), (low, high) = bounds(scope, member), bounds(scope, general)
    own, other = _written(scope, member), _written(scope, general)
    if is_redefined and most is not None and low is not None and most < low:
        return f"{_named(member)}{own} can never be {general.label}{other}"
    if is_redefined and least is not None and low is not None and least < low:
        return f"{_named(member)}{own} allows fewer than {general.label}{other}"
    if most is not None and high is not None and most > high:
        return f"{_named(member)}{own} allows more than {general.label}{other}"
    return ""


def bounds(scope: Scope, member: Member) -> tuple[int | None, int | float | None]:
    """Return the least and the most that a multiplicity allows; None for what is no plain number."""
    span = member.multiplicity
    if span is None:
        return None, None
    source = scope.document_of(member).source
    numbers: list[int | float | None] = []
    for token in range(span.first, span.end):
        if source.kinds[token] is Kind.NUMBER and source.words[token].isdigit():
            numbers.append(int(source.words[token]))
        elif source.words[token] == "*":
            numbers.append(float("inf"))
        elif source.words[token] != "..":
            return None, None
    if not numbers:
        return None, None
    least = 0 if numbers == [float("inf")] else numbers[0]
    return (int(least) if least is not None and least != float("inf") else None), numbers[-1]


def _written(scope: Scope, member: Member) -> str:
    span = member.multiplicity
    return f"[{scope.document_of(member).source.span(span.first, span.end)}]" if span else ""


def _named(member: Member) -> str:
    return member.label or (str(member.target) if member.target else "") or "without a name"


RULES: Final[tuple[Rule, ...]] = (
    stray_variants,
    members_of_variations,
    unknown_choices,
    swapped_satisfactions,
    two_subjects,
    port_offences,
    cyclic_specialisations,
    impossible_multiplicities,
    unit_offences,
)
"""In the order in which they are looked at; findings are told in the order of the text."""
