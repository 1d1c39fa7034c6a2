"""A draft made by hand: two ends, one protocol, one Q-link and as few parts as a rule needs."""

from __future__ import annotations

from types import MappingProxyType

from keytwin.design.draft import Draft
from keytwin.design.fragments import Library, Roles
from keytwin.design.model import (
    Action,
    ActionKind,
    Activity,
    Block,
    Carried,
    Direction,
    Element,
    ElementId,
    Flow,
    Interaction,
    Item,
    JointState,
    Message,
    Model,
    Part,
    PortKind,
)
from keytwin.design.variability import Configuration, Variant, VariationPoint, ovm_of
from keytwin.design.views import View, ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId

OVM = ovm_of(
    "small",
    "",
    tuple(
        VariationPoint(
            id=VariationPointId(name), name=name, parent=None, is_mandatory=True, least=1, most=most, view=kind
        )
        for name, most, kind in (
            ("protocol", 1, ViewKind.ACTIVITY),
            ("q-link", 1, ViewKind.SEQUENCE),
            ("medium", 2, ViewKind.BLOCK),
        )
    ),
    tuple(
        Variant(id=VariantId(name), name=name, point=VariationPointId(name.partition(".")[0]))
        for name in ("protocol.p", "q-link.q", "medium.ground", "medium.sky")
    ),
    (),
)
BY_PROTOCOL, BY_LINK = (VariantId("protocol.p"),), (VariantId("q-link.q"),)
GROUND, SKY = VariantId("medium.ground"), VariantId("medium.sky")
ALICE, BOB = ElementId("system.alice"), ElementId("system.bob")
FIBRE, BEAM, MIDDLE = ElementId("system.fibre"), ElementId("system.beam"), ElementId("system.middle")
QUBIT, SHARE, OUTCOME, TALK = (ElementId(name) for name in ("qubit", "share", "outcome", "talk"))
QUANTUM, PLAIN = ElementId("quantum-port"), ElementId("plain-port")
LINK = ElementId("link")

ROLES = Roles(
    whole=ElementId("system"),
    ends=(ALICE, BOB),
    protocol=VariationPointId("protocol"),
    link=VariationPointId("q-link"),
    medium=VariationPointId("medium"),
    channel=ElementId("channel"),
    station=ElementId("station"),
    memory=ElementId("memory"),
    state=QUBIT,
    share=SHARE,
    outcome=OUTCOME,
    delicate_port=QUANTUM,
    plain_port=PLAIN,
)


def block(name: str, general: str | None = None) -> Block:
    return Block(id=ElementId(name), name=name, general=ElementId(general) if general else None, because=BY_PROTOCOL)


def part(name: str, kind: str, because: tuple[VariantId, ...] = BY_LINK, owner: str = "system") -> Part:
    return Part(
        id=ElementId(f"{owner}.{name}"), name=name, owner=ElementId(owner), block=ElementId(kind), because=because
    )


def kind_of_port(name: str, way: Direction, *items: ElementId, is_exclusive: bool = False) -> PortKind:
    carried = tuple(Carried(item, item, way) for item in items)
    return PortKind(
        id=ElementId(name), name=name, nature=name, carried=carried, is_exclusive=is_exclusive, because=BY_PROTOCOL
    )


SHARED = Model.of(
    [
        *(Item(id=each, name=each, nature="n", because=BY_PROTOCOL) for each in (QUBIT, SHARE, OUTCOME, TALK)),
        kind_of_port(QUANTUM, Direction.OUT, QUBIT, SHARE, is_exclusive=True),
        kind_of_port(PLAIN, Direction.BOTH, OUTCOME, TALK),
        *map(block, ("system", "node", "other-node", "channel", "station", "memory")),
        block("fibre", "channel"),
        block("beam", "channel"),
        block("repeater", "station"),
        part("alice", "node", BY_PROTOCOL),
        part("bob", "other-node", BY_PROTOCOL),
    ]
)
VIEWS = (
    View(
        id="view.protocol",
        kind=ViewKind.ACTIVITY,
        title="P",
        subject=ElementId("act"),
        shown=(),
        variant=BY_PROTOCOL[0],
    ),
    View(id="view.link", kind=ViewKind.SEQUENCE, title="Q", subject=LINK, shown=(), variant=BY_LINK[0]),
)


def step(
    name: str,
    performer: ElementId | None = None,
    kind: ActionKind = ActionKind.ACTION,
    detail: VariationPointId | None = None,
    refined_by: ElementId | None = None,
) -> Action:
    return Action(
        id=ElementId(f"act.{name}"),
        name=name,
        activity=ElementId("act"),
        kind=kind,
        performer=performer,
        detail=detail,
        refined_by=refined_by,
        because=BY_PROTOCOL,
    )


def send(refined_by: ElementId | None = None) -> Action:
    return step("send", ALICE, ActionKind.SEND, ROLES.link, refined_by)


def flow(source: str, target: str, item: ElementId | None = None) -> Flow:
    return Flow(
        id=ElementId(f"act.{source}-to-{target}"),
        name="",
        activity=ElementId("act"),
        source=ElementId(f"act.{source}"),
        target=ElementId(f"act.{target}"),
        item=item,
        because=BY_PROTOCOL,
    )


def message(
    order: int, source: ElementId, target: ElementId, item: ElementId | None = None, link: ElementId = LINK
) -> Message:
    return Message(
        id=ElementId(f"{link}.m{order}"),
        name=f"m{order}",
        interaction=link,
        order=order,
        source=source,
        target=target,
        item=item,
        because=BY_LINK,
    )


def pair(*parts: ElementId, made_by: str = "link.m1") -> JointState:
    return JointState(id=ElementId("pair"), name="pair", parts=parts, made_by=ElementId(made_by), because=BY_LINK)


FIBRE_PART, BEAM_PART = part("fibre", "fibre", (GROUND,)), part("beam", "beam", (SKY,))
REPEATER = part("middle", "repeater")


def draft(*elements: Element, chosen: tuple[VariantId, ...] = (GROUND,), views: tuple[View, ...] = VIEWS) -> Draft:
    """Return a draft with what all have, and with some elements more."""
    activity = Activity(id=ElementId("act"), name="P", because=BY_PROTOCOL)
    link = Interaction(id=LINK, name="Q", because=BY_LINK)
    library = Library(ovm="small", roles=ROLES, shared=SHARED, fragments=MappingProxyType({}))
    model = Model.of([*SHARED, activity, link]).replaced(elements)
    return Draft(OVM, library, Configuration("small", tuple(sorted((*BY_PROTOCOL, *BY_LINK, *chosen)))), model, views)
