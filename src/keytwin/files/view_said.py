"""What the file of a view says, before it becomes elements of a model."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from keytwin.design.model import ActionKind, Carried, ElementId, End, Method, Operator
from keytwin.design.views import ViewKind
from keytwin.files.view_shapes import Gives, PortKindSaid, Then
from keytwin.vocabulary.identity import VariantId, VariationPointId


class ItemSaid(msgspec.Struct, frozen=True):
    """An item."""

    id: ElementId
    name: str
    nature: str
    about: str = ""


class PortKindFile(msgspec.Struct, frozen=True):
    """A kind of port."""

    id: ElementId
    name: str
    nature: str
    carries: tuple[Carried, ...]
    is_exclusive: bool = False
    about: str = ""


class PropertySaid(msgspec.Struct, frozen=True):
    """A property, without its name."""

    quantity: str
    value: str = ""
    source: str = ""


class BlockSaid(msgspec.Struct, frozen=True):
    """A block."""

    id: ElementId
    name: str
    general: ElementId | None = None
    ports: Mapping[str, PortKindSaid] = {}
    properties: Mapping[str, PropertySaid] = {}
    about: str = ""


class AddedSaid(msgspec.Struct, frozen=True):
    """What is added to a shared block."""

    id: ElementId
    ports: Mapping[str, PortKindSaid] = {}
    properties: Mapping[str, PropertySaid] = {}


class PartSaid(msgspec.Struct, frozen=True):
    """A part."""

    id: ElementId
    name: str
    owner: ElementId
    block: ElementId
    least: int = 1
    most: int | str = 1
    """A number, or `any`."""
    about: str = ""


class ConnectorSaid(msgspec.Struct, frozen=True):
    """A connector."""

    id: ElementId
    owner: ElementId
    source: End
    target: End
    name: str = ""
    flows: tuple[Carried, ...] = ()


class StepSaid(msgspec.Struct, frozen=True):
    """A node of an activity."""

    id: ElementId
    name: str = ""
    kind: ActionKind = ActionKind.ACTION
    lane: ElementId | None = None
    detail: VariationPointId | None = None
    then: tuple[Then, ...] = ()
    gives: tuple[Gives, ...] = ()
    about: str = ""


class ActivitySaid(msgspec.Struct, frozen=True):
    """An activity."""

    id: ElementId
    name: str
    lanes: tuple[ElementId, ...]
    steps: tuple[StepSaid, ...]
    about: str = ""


class FrameSaid(msgspec.Struct, frozen=True):
    """A frame round messages."""

    id: ElementId
    operator: Operator
    guard: str = ""
    within: str = ""


class MessageSaid(msgspec.Struct, frozen=True):
    """A message, or an act of a lifeline."""

    id: ElementId
    name: str
    source: ElementId
    target: ElementId
    item: ElementId | None = None
    within: str = ""
    about: str = ""


class SequenceSaid(msgspec.Struct, frozen=True):
    """An interaction."""

    id: ElementId
    name: str
    lifelines: tuple[ElementId, ...]
    messages: tuple[MessageSaid, ...]
    frames: tuple[FrameSaid, ...] = ()
    about: str = ""


class StateSaid(msgspec.Struct, frozen=True):
    """A state machine, by the name of its table."""

    id: ElementId
    name: str
    table: str
    part: ElementId
    about: str = ""


class JointSaid(msgspec.Struct, frozen=True):
    """A joint state."""

    id: ElementId
    name: str
    parts: tuple[ElementId, ...]
    properties: Mapping[str, PropertySaid] = {}
    made_by: str = ""
    used_by: tuple[str, ...] = ()
    about: str = ""


class VerificationSaid(msgspec.Struct, frozen=True):
    """How a requirement is verified."""

    id: ElementId
    name: str
    method: Method
    measures: str


class RequirementSaid(msgspec.Struct, frozen=True):
    """A requirement."""

    id: ElementId
    name: str
    text: str
    subject: ElementId
    derived_from: tuple[ElementId, ...] = ()
    satisfied_by: tuple[ElementId, ...] = ()
    verified: tuple[VerificationSaid, ...] = ()


class BoundTo(msgspec.Struct, frozen=True):
    """The property of a block."""

    block: ElementId
    property: str


class EquationSaid(msgspec.Struct, frozen=True):
    """An equation."""

    id: ElementId
    name: str
    expression: str
    parameters: Mapping[str, PropertySaid]
    bindings: Mapping[str, BoundTo] = {}
    about: str = ""


class SharedFile(msgspec.Struct, frozen=True):
    """What all views share."""

    roles: Mapping[str, object]
    format: int = 1
    items: tuple[ItemSaid, ...] = ()
    port_kinds: tuple[PortKindFile, ...] = ()
    blocks: tuple[BlockSaid, ...] = ()
    parts: tuple[PartSaid, ...] = ()


class ViewFile(msgspec.Struct, frozen=True):
    """What one variant brings."""

    variant: VariantId
    kind: ViewKind
    title: str
    sources: tuple[str, ...]
    format: int = 1
    about: str = ""
    items: tuple[ItemSaid, ...] = ()
    port_kinds: tuple[PortKindFile, ...] = ()
    blocks: tuple[BlockSaid, ...] = ()
    adds: tuple[AddedSaid, ...] = ()
    parts: tuple[PartSaid, ...] = ()
    connectors: tuple[ConnectorSaid, ...] = ()
    activity: ActivitySaid | None = None
    sequence: SequenceSaid | None = None
    state: StateSaid | None = None
    requirements: tuple[RequirementSaid, ...] = ()
    equations: tuple[EquationSaid, ...] = ()
    entanglement: tuple[JointSaid, ...] = ()
    subject: ElementId | None = None
    shows: tuple[ElementId, ...] = ()
