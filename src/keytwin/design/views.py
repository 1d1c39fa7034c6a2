"""Views, projections of the one model: paper A III, where each variant has one, of the kind of its variation point."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keytwin.design.model import ElementId
from keytwin.vocabulary.identity import VariantId


class ViewKind(StrEnum):
    """The kinds of diagram."""

    ACTIVITY = "activity"
    SEQUENCE = "sequence"
    BLOCK = "block definition"
    INTERNAL = "internal block"
    STATE = "state"
    REQUIREMENT = "requirement"
    PARAMETRIC = "parametric"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of the model is seen, and as what kind of diagram.

    `shown` names elements in the order in which they are drawn, and nothing else is drawn: lanes, actions and flows of
    an activity; lifelines, fragments and messages of a sequence; blocks and parts of a block definition; parts and
    connectors of an internal block view; a state machine; requirements and verifications; equations and blocks. A part
    shown in an activity is a lane, in a sequence a lifeline; joint states are shown wherever their parts are.
    """

    id: str
    kind: ViewKind
    title: str
    subject: ElementId
    """The activity, interaction, block, state machine or requirement that the view is of."""
    shown: tuple[ElementId, ...]
    variant: VariantId | None = None
    """The variant that it is bound to; None for a view of the whole, such as the interface definition."""
