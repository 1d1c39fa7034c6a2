"""What the file of a view says, as elements of a model: short names become identifiers, arrows become flows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keytwin.design.model import (
    Action,
    Activity,
    Binding,
    Block,
    Connector,
    Element,
    ElementId,
    Equation,
    Flow,
    Fragment,
    Interaction,
    Item,
    JointState,
    Message,
    Part,
    Port,
    PortKind,
    Property,
    Requirement,
    StateMachine,
    Verification,
)
from keytwin.files.view_said import (
    ActivitySaid,
    BlockSaid,
    EquationSaid,
    JointSaid,
    PropertySaid,
    RequirementSaid,
    SequenceSaid,
    SharedFile,
    StepSaid,
    ViewFile,
)
from keytwin.vocabulary.machine import TableView


def structure(file: SharedFile | ViewFile) -> Iterator[Element]:
    """Give items, kinds of port, blocks and parts."""
    for item in file.items:
        yield Item(id=item.id, name=item.name, about=item.about, nature=item.nature)
    for kind in file.port_kinds:
        yield PortKind(
            id=kind.id,
            name=kind.name,
            about=kind.about,
            nature=kind.nature,
            carried=kind.carries,
            is_exclusive=kind.is_exclusive,
        )
    for block in file.blocks:
        yield _block(block)
    for part in file.parts:
        yield Part(
            id=part.id,
            name=part.name,
            about=part.about,
            owner=part.owner,
            block=part.block,
            least=part.least,
            most=None if isinstance(part.most, str) else part.most,
        )


def elements(file: ViewFile, shared: Mapping[ElementId, Element], tables: Mapping[str, TableView]) -> Iterator[Element]:
    """Give all that a file brings."""
    yield from structure(file)
    for added in file.adds:
        # Only the additions: they are joined with the shared block when the fragment is put together.
        block = shared[added.id]
        assert isinstance(block, Block)
        said = BlockSaid(block.id, block.name, block.general, added.ports, added.properties, block.about)
        yield _block(said)
    for connector in file.connectors:
        yield Connector(
            id=connector.id,
            name=connector.name,
            owner=connector.owner,
            source=connector.source,
            target=connector.target,
            flows=connector.flows,
        )
    if file.activity:
        yield from _activity(file.activity)
    if file.sequence:
        yield from _sequence(file.sequence)
    if file.state:
        state = file.state
        table = tables[state.table]
        yield StateMachine(id=state.id, name=state.name, about=state.about, table=table, exhibited_by=state.part)
    for requirement in file.requirements:
        yield from _requirement(requirement)
    for equation in file.equations:
        yield _equation(equation)
    for joint in file.entanglement:
        yield _joint(joint, file)


def shown(file: ViewFile) -> tuple[ElementId, ...]:
    """Return what the one view of a file shows, in the order of drawing."""
    joint = tuple(each.id for each in file.entanglement)
    if file.activity:
        activity = file.activity
        drawn = [each.id for each in _activity(activity) if isinstance(each, Action | Flow)]
        return (*activity.lanes, *drawn, *joint)
    if file.sequence:
        sequence = file.sequence
        drawn = [each.id for each in _sequence(sequence) if isinstance(each, Fragment | Message)]
        return (*sequence.lifelines, *drawn, *joint)
    return (file.state.id,) if file.state else file.shows


def subject(file: ViewFile) -> ElementId | None:
    """Return what the view of a file is of; None when it does not say."""
    named = (file.activity, file.sequence, file.state)
    return next((each.id for each in named if each), file.subject)


def _block(said: BlockSaid) -> Block:
    ports = tuple(Port(name, each.kind, each.is_conjugated) for name, each in said.ports.items())
    return Block(
        id=said.id,
        name=said.name,
        about=said.about,
        general=said.general,
        ports=ports,
        properties=_properties(said.properties),
    )


def _properties(said: Mapping[str, PropertySaid]) -> tuple[Property, ...]:
    return tuple(Property(name, each.quantity, each.value, each.source) for name, each in said.items())


def _within(scope: ElementId, name: str) -> ElementId:
    return ElementId(f"{scope}.{name}")


def _activity(said: ActivitySaid) -> Iterator[Element]:
    yield Activity(id=said.id, name=said.name, about=said.about)
    for step in said.steps:
        yield Action(
            id=_within(said.id, step.id),
            name=step.name or step.kind.value,
            about=step.about,
            activity=said.id,
            kind=step.kind,
            performer=step.lane,
            detail=step.detail,
        )
    for step in said.steps:
        yield from _flows(said.id, step)


def _flows(activity: ElementId, step: StepSaid) -> Iterator[Flow]:
    # What is handed on is a step forward too, so it need not be said under `then` again.
    handed = {each.target: each.item for each in step.gives}
    guards = {each.target: each.guard for each in step.then}
    for target in dict.fromkeys((*guards, *handed)):
        yield Flow(
            id=_within(activity, f"{step.id}-to-{target}"),
            name="",
            activity=activity,
            source=_within(activity, step.id),
            target=_within(activity, target),
            guard=guards.get(target, ""),
            item=handed.get(target),
        )


def _sequence(said: SequenceSaid) -> Iterator[Element]:
    yield Interaction(id=said.id, name=said.name, about=said.about)
    for frame in said.frames:
        yield Fragment(
            id=_within(said.id, frame.id),
            name=frame.id,
            interaction=said.id,
            operator=frame.operator,
            guard=frame.guard,
            within=_within(said.id, frame.within) if frame.within else None,
        )
    for order, message in enumerate(said.messages, start=1):
        yield Message(
            id=_within(said.id, message.id),
            name=message.name,
            about=message.about,
            interaction=said.id,
            order=order,
            source=message.source,
            target=message.target,
            item=message.item,
            within=_within(said.id, message.within) if message.within else None,
        )


def _requirement(said: RequirementSaid) -> Iterator[Element]:
    yield Requirement(
        id=said.id,
        name=said.name,
        text=said.text,
        subject=said.subject,
        derived_from=said.derived_from,
        satisfied_by=said.satisfied_by,
    )
    for each in said.verified:
        yield Verification(id=each.id, name=each.name, requirement=said.id, method=each.method, measures=each.measures)


def _equation(said: EquationSaid) -> Equation:
    bindings = tuple(Binding(name, each.block, each.property) for name, each in said.bindings.items())
    return Equation(
        id=said.id,
        name=said.name,
        about=said.about,
        expression=said.expression,
        parameters=_properties(said.parameters),
        bindings=bindings,
    )


def _joint(said: JointSaid, file: ViewFile) -> JointState:
    scopes: dict[str, ElementId] = {}
    if file.activity:
        scopes |= {str(each.id): file.activity.id for each in file.activity.steps}
    if file.sequence:
        scopes |= {str(each.id): file.sequence.id for each in file.sequence.messages}

    def deed(name: str) -> ElementId:
        return _within(scopes[name], name)

    return JointState(
        id=said.id,
        name=said.name,
        about=said.about,
        parts=said.parts,
        properties=_properties(said.properties),
        made_by=deed(said.made_by) if said.made_by else None,
        used_by=tuple(deed(each) for each in said.used_by),
    )
