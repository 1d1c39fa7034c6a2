"""Whether the ports that an interface or a connection joins fit together: OMG SysML v2, ports and interfaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from keytwin.design.sysml_scope import Offence, Scope, descends_from, lineage, reference_after
from keytwin.design.sysml_tree import Member, Reference


@dataclass(frozen=True, slots=True)
class _Joined:
    """A port at one end: its usage, its definition, and whether its directions are turned round."""

    reference: Reference
    port: Member
    definition: Member
    is_conjugated: bool

    @property
    def kind(self) -> str:
        return f"{'~' if self.is_conjugated else ''}{self.definition.label}"


def port_offences(scope: Scope) -> Iterator[Offence]:
    """Each end of an interface is a port of the kind that the interface says, turned as it says."""
    for member in scope.members():
        # Bindings and flows join features of one kind by their own rules; only these join ports.
        if member.kind.rpartition(" ")[2] not in {"interface", "connection", "connect"}:
            continue
        ends = [reference_after(scope, member, "connect"), reference_after(scope, member, "to")]
        joined = [_joined(scope, member, end) for end in ends if end is not None]
        # Connections of three and more ends name them in brackets, and are judged by no rule here.
        if len(joined) == 2:
            yield from _offences(scope, member, joined)


def _offences(scope: Scope, member: Member, joined: list[_Joined | None]) -> Iterator[Offence]:
    # An interface may inherit its ends, so the nearest definition above decides.
    definition = next((each for each in lineage(scope, member) if each.kind == "interface def"), None)
    wanted = [_end_port(scope, each) for each in _ends(definition)]
    if definition is not None and len(wanted) == 2:
        for found, end in zip(joined, wanted, strict=True):
            if found is not None and end is not None and not _conforms(scope, found, end):
                yield _unlike(member, definition, found, end)
    # Of a port whose type lies in a library that is not read nothing is known, and nothing is said.
    elif joined[0] is not None and joined[1] is not None:
        offence = _misfit(scope, joined[0], joined[1])
        if offence:
            yield member, joined[1].reference.span.first, *offence


def _unlike(member: Member, definition: Member, found: _Joined, end: _Joined) -> Offence:
    what = f"{found.reference} is a {found.kind}, where {definition.label} takes a {end.kind}"
    return member, found.reference.span.first, what, f"connect a port of kind {end.kind}, or use another interface"


def _ends(definition: Member | None) -> list[Member]:
    return [each for each in definition.members() if "end" in each.prefixes] if definition is not None else []


def _joined(scope: Scope, member: Member, reference: Reference) -> _Joined | None:
    port = scope.resolve(reference, member)
    found = _end_port(scope, port) if port is not None else None
    return _Joined(reference, found.port, found.definition, found.is_conjugated) if found is not None else None


def _end_port(scope: Scope, port: Member) -> _Joined | None:
    """Find the nearest type that a port is given, by itself or by what it redefines."""
    # A port that redefines another without a type keeps that one's, turned round as it was there.
    for each in lineage(scope, port):
        for reference in each.typed:
            definition = scope.resolve(reference, each)
            if definition is not None and definition.kind == "port def":
                return _Joined(reference, port, definition, reference.is_conjugated)
    return None


def _conforms(scope: Scope, found: _Joined, wanted: _Joined) -> bool:
    is_kind = descends_from(scope, found.definition, wanted.definition)
    # Turned round, what flows both ways flows both ways: then the sign makes no difference.
    is_turned = found.is_conjugated == wanted.is_conjugated or not _directed(scope, wanted.definition)
    return is_kind and is_turned


def _directed(scope: Scope, definition: Member) -> bool:
    """Tell whether anything goes through a port one way only: otherwise turning it round changes nothing."""
    features = [feature for each in lineage(scope, definition) for feature in each.members()]
    return any({"in", "out"} & set(feature.prefixes) for feature in features)


def _misfit(scope: Scope, first: _Joined, second: _Joined) -> tuple[str, str] | None:
    """Say why two ports without an interface between them do not fit."""
    is_related = descends_from(scope, first.definition, second.definition)
    # Either may be the more special one: what it takes beyond the other, the other never sends.
    is_related = is_related or descends_from(scope, second.definition, first.definition)
    if not is_related:
        what = (
            f"{first.reference} is a {first.kind} and {second.reference} a {second.kind}: nothing can flow between them"
        )
        return what, f"connect ports of the kind {first.definition.label}"
    if first.is_conjugated == second.is_conjugated and _directed(scope, first.definition):
        what = f"{first.reference} and {second.reference} are both {first.kind}: both send, or both receive"
        return what, f"turn one of them round, as ~{first.definition.label}"
    return None
