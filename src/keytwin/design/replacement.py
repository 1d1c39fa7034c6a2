"""Module replacement: what moves, view by view, when one variant takes the place of another. Paper A, as a promise.

The promise is that the classical half stays as it is when a quantum module is replaced: here it can be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from keytwin.design.composition import Architecture
from keytwin.design.model import Block, Element, ElementId
from keytwin.design.variability import Ovm
from keytwin.design.views import View


@dataclass(frozen=True, slots=True)
class Moved:
    """What differs in one view."""

    view: str
    """What is compared: a variation point, or the identifier of a view of the whole."""
    before: str
    """The title of the view, empty when it was not there."""
    after: str
    added: tuple[ElementId, ...]
    removed: tuple[ElementId, ...]
    changed: tuple[ElementId, ...]

    @property
    def is_still(self) -> bool:
        """Whether nothing moved."""
        return not (self.added or self.removed or self.changed) and self.before == self.after


def moved(ovm: Ovm, old: Architecture, new: Architecture) -> tuple[Moved, ...]:
    """Return for each view what was added, removed and changed; those in which nothing moved are listed too."""
    first, second = _by_subject(ovm, old), _by_subject(ovm, new)
    return tuple(
        _difference(name, old, first.get(name), new, second.get(name)) for name in dict.fromkeys((*first, *second))
    )


def _by_subject(ovm: Ovm, architecture: Architecture) -> dict[str, View]:
    """Return the views by what they are compared as: all variants of a variation point stand in one place."""
    found: dict[str, View] = {}
    for view in architecture.after.views:
        # By variation point: the old and the new variant have different views, and are to be compared.
        key = str(ovm.variants[view.variant].point) if view.variant else view.id
        # Two variants of one variation point may be chosen: their views are compared by their place.
        number = 2
        stem = key
        while key in found:
            key, number = f"{stem} {number}", number + 1
        found[key] = view
    return found


def _difference(name: str, old: Architecture, first: View | None, new: Architecture, second: View | None) -> Moved:
    # What is drawn and not what the model holds: an element may stay and yet be seen in another view.
    before = {each: old.after.model.elements[each] for each in (first.shown if first else ())}
    after = {each: new.after.model.elements[each] for each in (second.shown if second else ())}
    return Moved(
        view=name,
        before=first.title if first else "",
        after=second.title if second else "",
        added=tuple(each for each in after if each not in before),
        removed=tuple(each for each in before if each not in after),
        changed=tuple(each for each in after if each in before and _bare(before[each]) != _bare(after[each])),
    )


def _bare(element: Element) -> Element:
    """Return an element without its reasons: that another variant asks for it does not change what it is."""
    if isinstance(element, Block):
        ports = tuple(replace(each, because=(), rules=()) for each in element.ports)
        properties = tuple(replace(each, because=()) for each in element.properties)
        element = replace(element, ports=ports, properties=properties)
    return replace(element, because=(), rules=())
