"""Composition: the chosen variants' views side by side, made consistent, and the interfaces. Paper A, Figs. 7a, 7b, 8.

Before and after are both kept, with what was found and what was changed between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from keytwin.design.agreement import AGREEMENT, PORTS, REQUIREMENTS, TRACES
from keytwin.design.channels import CHANNELS, REDUNDANCY
from keytwin.design.draft import INTERFACE_VIEW, Draft
from keytwin.design.fragments import Fragment, Library
from keytwin.design.interface import INTERFACE, with_interface
from keytwin.design.lanes import FLOWS, LANES
from keytwin.design.lifelines import LIFELINES
from keytwin.design.model import Model
from keytwin.design.refinement import REFINEMENT
from keytwin.design.synchronisation import Change, Inconsistency, Rule, applied, findings, synchronise
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.views import View
from keytwin.vocabulary.errors import Mistake

RULES: Final[tuple[Rule, ...]] = (
    LANES,
    FLOWS,
    REFINEMENT,
    CHANNELS,
    LIFELINES,
    PORTS,
    TRACES,
    REQUIREMENTS,
    REDUNDANCY,
    AGREEMENT,
)
"""The rules in the order of their numbers."""

_ORDER: Final = (CHANNELS, REFINEMENT, REDUNDANCY, LIFELINES, LANES, FLOWS, PORTS, TRACES, REQUIREMENTS, AGREEMENT)
"""The order in which they work: channels first, because what follows is done on each; then what each channel holds."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A model, its views, and in what they do not fit together."""

    model: Model
    views: tuple[View, ...]
    findings: tuple[Inconsistency, ...] = ()

    def view(self, wanted: str) -> View:
        """Return a view by its identifier; KeyError when there is none."""
        found = next((each for each in self.views if each.id == wanted), None)
        if found is None:
            raise KeyError(wanted)
        return found


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a selection of variants becomes."""

    configuration: Configuration
    before: Composition
    """The views of the chosen variants side by side: Fig. 7a."""
    after: Composition
    """The same, made consistent, with the interface definition: Figs. 7b and 8."""
    changes: tuple[Change, ...]
    """What the rules did, in order."""
    interface: str = INTERFACE_VIEW
    """The identifier of the view that defines the interfaces."""


def compose(ovm: Ovm, library: Library, configuration: Configuration) -> Architecture:
    """Return the architecture of a configuration, which is taken to be valid; Mistake when a variant has no view."""
    # In the order of the OVM, so that the same choice gives the same model whatever order it was made in.
    fragments = [_fragment(library, ovm, each) for each in ovm.variants if each in configuration]
    return compose_from(ovm, library, configuration, _side_by_side(fragments))


def compose_from(ovm: Ovm, library: Library, configuration: Configuration, union: Composition) -> Architecture:
    """Return the architecture of views that stand side by side already."""
    draft = Draft(ovm, library, configuration, union.model, union.views)
    before = replace(union, findings=findings(draft, RULES))
    draft, changes = synchronise(draft, _ORDER)
    draft, defined = applied(INTERFACE, "defined the interfaces", draft, with_interface(draft))
    # Once more: connectors can be looked at only now.
    draft, further = synchronise(draft, _ORDER)
    after = Composition(draft.model, draft.views, findings(draft, RULES))
    done = (*changes, *([defined] if defined else []), *further)
    return Architecture(configuration, before, after, done)


def _side_by_side(fragments: Iterable[Fragment]) -> Composition:
    chosen = tuple(fragments)
    model = Model.of(each for one in chosen for each in one.elements)
    return Composition(model, tuple(each.view for each in chosen))


def _fragment(library: Library, ovm: Ovm, variant: object) -> Fragment:
    found = next((each for name, each in library.fragments.items() if name == variant), None)
    if found is None:
        raise Mistake(f"variant {variant} of {ovm.name} has no view: add one, or choose another variant")
    return found
