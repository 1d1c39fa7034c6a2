"""Views of a model in SysML v2: usages of the standard view definitions that expose what each view shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keytwin.design.model import Allocation, ElementId, Requirement, Verification
from keytwin.design.sysml_names import Names
from keytwin.design.sysml_text import Lines, block, doc, metadata, quoted, string
from keytwin.design.views import View, ViewKind

_STANDARD: Final = {
    ViewKind.ACTIVITY: "ActionFlowView",
    ViewKind.SEQUENCE: "SequenceView",
    ViewKind.BLOCK: "GeneralView",
    ViewKind.INTERNAL: "InterconnectionView",
    ViewKind.STATE: "StateTransitionView",
    ViewKind.REQUIREMENT: "GeneralView",
    ViewKind.PARAMETRIC: "InterconnectionView",
}
"""The standard view definition for each kind; a parametric view shows bindings, which are connections."""


def view_lines(names: Names, view: View, packages: dict[str, str]) -> Lines:
    """Write a view usage; `packages` gives the package of requirements and that of all else."""
    realised = metadata("Realises", variantId=string(view.variant)) if view.variant is not None else []
    exposed = dict.fromkeys(_exposed(names, view, packages))
    head = f"view {quoted(view.id)} : StandardViewDefinitions::{_STANDARD[view.kind]}"
    return block(head, [*doc(view.title), *realised, *(f"expose {each};" for each in exposed)])


def _exposed(names: Names, view: View, packages: dict[str, str]) -> Iterator[str]:
    for element in (view.subject, *view.shown):
        found = _found(names, element, packages)
        if found:
            yield found


def _found(names: Names, element: ElementId, packages: dict[str, str]) -> str:
    shown = names.model.elements.get(element)
    if shown is None or isinstance(shown, Allocation):
        return ""
    package = packages["requirements"] if isinstance(shown, Requirement | Verification) else packages["library"]
    return f"{package}::{names.qualified(element)}"
