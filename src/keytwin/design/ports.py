"""Ports of parts: which there are, which are taken, and a fresh one where none is left."""

from __future__ import annotations

from dataclasses import replace

from keytwin.design.draft import Draft
from keytwin.design.model import Block, Direction, ElementId, Part, Port, PortKind


def delicate_ports(draft: Draft, part: ElementId) -> dict[bool, list[Port]]:
    """Return a part's ports for what must not be copied, by whether they are conjugated."""
    found: dict[bool, list[Port]] = {}
    # Inherited ports count: a special transmitter sends through the port that every transmitter has.
    for each in draft.ports(part):
        if each.kind == draft.roles.delicate_port:
            found.setdefault(each.is_conjugated, []).append(each)
    return found


def is_symmetrical(kind: PortKind) -> bool:
    """Whether a kind of port is the same as its conjugate."""
    # A kind that carries nothing is symmetrical too: it has no direction that could be wrong.
    return all(each.direction is Direction.BOTH for each in kind.carried)


def fresh_port(draft: Draft, part: ElementId, kind: ElementId, *, is_conjugated: bool) -> tuple[Draft, Port]:
    """Add a port to the block of a part."""
    # To the block and not to the part: all parts of a kind are built alike, so each of them has the port.
    block = draft.model.get(draft.model.get(part, Part).block, Block)
    # From the library: a kind that no chosen variant has used so far is not in the model yet.
    described = draft.library.shared.get(kind, PortKind)
    stem = kind.removesuffix("-port")
    if not is_symmetrical(described):
        stem += "-in" if is_conjugated else "-out"
    # Names that a more general block has given are taken as well: both ports are seen on the part.
    taken = {each.name for each in draft.ports(part)}
    name = next(each for each in (stem, *(f"{stem}-{n}" for n in range(2, 1_000))) if each not in taken)
    port = Port(name, kind, is_conjugated)
    return draft.changed(replace(block, ports=(*block.ports, port))), port


def suits(port: Port, kind: PortKind, *, is_conjugated: bool) -> bool:
    """Whether a port is of a kind and lets things pass the right way."""
    return port.kind == kind.id and (port.is_conjugated == is_conjugated or is_symmetrical(kind))
