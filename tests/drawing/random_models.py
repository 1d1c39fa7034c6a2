"""Random models of up to 40 elements, with long names, and a view of each kind upon them."""

from __future__ import annotations

from typing import cast

from hypothesis import strategies as st

from keytwin.design.model import (
    Action,
    ActionKind,
    Binding,
    Block,
    Carried,
    Connector,
    Direction,
    Element,
    ElementId,
    End,
    Equation,
    Flow,
    Fragment,
    Item,
    JointState,
    Message,
    Method,
    Model,
    Operator,
    Part,
    Port,
    Property,
    Requirement,
    StateMachine,
    Verification,
)
from keytwin.design.variability import Bond, Dependency, Ovm, Variant, VariationPoint, ovm_of
from keytwin.design.views import View, ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId
from keytwin.vocabulary.machine import TableView, Transition

E = ElementId
WORDS = st.sampled_from(
    (
        "prepare", "measure", "quantum", "a", "key", "Schlüsselaustauschverfahren", "entanglement-swapping", "of",
        "the", "bases", "10^(\u2212loss/10)", "<&>", "satellite", "q", "authentication_tag_of_the_message", "\u03c3",
    )
)  # fmt: skip
NAMES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
SHORT = st.lists(WORDS, min_size=1, max_size=2).map(" ".join)
ITEMS = tuple(
    Item(id=E(f"item{index}"), name=name, nature=nature)
    for index, (name, nature) in enumerate((("qubit", "quantum"), ("announcement", "classical"), ("key", "key")))
)
ITEM_IDS = st.sampled_from([item.id for item in ITEMS])
ANY = st.booleans()


def view(kind: ViewKind, elements: list[Element]) -> tuple[Model, View]:
    shown = tuple(each.id for each in elements)
    return Model.of([*ITEMS, *elements]), View(id="v", kind=kind, title="Random", subject=E("x"), shown=shown)


def parts(names: list[str]) -> list[Element]:
    return [
        Part(id=E(f"part{index}"), name=name, owner=E("whole"), block=E(f"block{index}"))
        for index, name in enumerate(names)
    ]


@st.composite
def activities(draw: st.DrawFn) -> tuple[Model, View]:
    lanes = parts(draw(st.lists(NAMES, max_size=4)))
    count = draw(st.integers(1, 16))
    owners = st.sampled_from([None, *(lane.id for lane in lanes)])
    actions: list[Element] = [
        Action(
            id=E(f"a{index}"),
            name=draw(NAMES),
            activity=E("x"),
            kind=draw(st.sampled_from(ActionKind)),
            performer=draw(owners),
            refined_by=draw(st.sampled_from((None, E("other")))),
        )
        for index in range(count)
    ]
    node = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=20, unique=True))
    flows: list[Element] = [
        Flow(
            id=E(f"f{a}-{b}"),
            name="flow",
            activity=E("x"),
            source=E(f"a{a}"),
            target=E(f"a{b}"),
            guard=draw(st.sampled_from(("", "", "else", "error rate is low enough"))),
            item=draw(st.one_of(st.none(), ITEM_IDS)),
        )
        for a, b in pairs
        # A bar that waits for itself never goes on. Where other flows leave it too, such a loop is drawn beside it.
        if a != b or cast(Action, actions[a]).kind not in {ActionKind.FORK, ActionKind.JOIN}
    ]
    return view(ViewKind.ACTIVITY, [*lanes, *actions, *flows])


@st.composite
def sequences(draw: st.DrawFn) -> tuple[Model, View]:
    lifelines = parts(draw(st.lists(NAMES, min_size=1, max_size=6)))
    line = st.sampled_from([each.id for each in lifelines])
    fragments: list[Element] = []
    for index in range(draw(st.integers(0, 4))):
        outer = draw(st.sampled_from([None, *(each.id for each in fragments)]))
        operator, guard = draw(st.sampled_from(Operator)), draw(st.sampled_from(("", "until it works", "else")))
        fragments.append(
            Fragment(id=E(f"g{index}"), name="g", interaction=E("x"), operator=operator, guard=guard, within=outer)
        )
    spread = draw(st.lists(st.sampled_from([None, *(each.id for each in fragments)]), min_size=1, max_size=14))
    spread.sort(key=str)  # the messages of a fragment follow one another
    messages: list[Element] = [
        Message(
            id=E(f"m{index}"),
            name=draw(NAMES),
            interaction=E("x"),
            order=index + 1,
            source=draw(line),
            target=draw(line),
            item=draw(st.one_of(st.none(), ITEM_IDS)),
            within=within,
        )
        for index, within in enumerate(spread)
    ]
    states: list[Element] = []
    if draw(ANY):
        holders = draw(st.lists(line, min_size=1, max_size=3, unique=True))
        states.append(
            JointState(
                id=E("j"), name=draw(SHORT), parts=tuple(holders), made_by=messages[0].id, used_by=(messages[-1].id,)
            )
        )
    return view(ViewKind.SEQUENCE, [*lifelines, *fragments, *messages, *states])


@st.composite
def definitions(draw: st.DrawFn) -> tuple[Model, View]:
    count = draw(st.integers(1, 14))
    blocks: list[Element] = [
        Block(
            id=E(f"b{index}"),
            name=draw(NAMES),
            general=draw(st.sampled_from([None, *(E(f"b{each}") for each in range(index))])),
            properties=tuple(Property(name, "length", "80 km") for name in draw(st.lists(SHORT, max_size=3))),
            ports=tuple(Port(name, E("kind")) for name in draw(st.lists(SHORT, max_size=2))),
        )
        for index in range(count)
    ]
    node = st.integers(0, count - 1)
    owned: list[Element] = [
        Part(
            id=E(f"p{index}"),
            name=draw(SHORT),
            owner=E(f"b{a}"),
            block=E(f"b{b}"),
            most=draw(st.sampled_from((1, 2, None))),
        )
        for index, (a, b) in enumerate(draw(st.lists(st.tuples(node, node), max_size=8)))
        if a != b
    ]
    return view(ViewKind.BLOCK, [*blocks, *owned])


@st.composite
def internals(draw: st.DrawFn) -> tuple[Model, View]:
    boxes = parts(draw(st.lists(NAMES, min_size=1, max_size=10)))
    end = st.builds(
        End, st.sampled_from([each.id for each in boxes]), st.sampled_from(("", "a", "quantum in", "classical"))
    )
    connectors: list[Element] = []
    for index in range(draw(st.integers(0, 14))):
        source, target = draw(end), draw(end)
        if source.part == target.part:
            continue
        flow = Carried("x", draw(ITEM_IDS), draw(st.sampled_from(Direction)))
        connectors.append(
            Connector(id=E(f"c{index}"), name="c", owner=E("whole"), source=source, target=target, flows=(flow,))
        )
    return view(ViewKind.INTERNAL, [*boxes, *connectors])


@st.composite
def machines(draw: st.DrawFn) -> tuple[Model, View]:
    states = [f"state {index} {word}" for index, word in enumerate(draw(st.lists(SHORT, min_size=1, max_size=7)))]
    row = st.builds(
        Transition,
        source=st.sampled_from(states),
        message=st.sampled_from(("Open", "KeysStored", "ConfigurationRefused", "Close")),
        target=st.sampled_from(states),
        guard=st.sampled_from(("", "none waits", "admission is to be told")),
    )
    rows = draw(st.lists(row, max_size=18))
    table = TableView("t", states[0], tuple(states[-1:]), tuple(states), tuple(rows), (), ())
    return view(ViewKind.STATE, [StateMachine(id=E("s"), name="s", table=table, exhibited_by=E("p"))])


@st.composite
def requirements(draw: st.DrawFn) -> tuple[Model, View]:
    boxes = parts(draw(st.lists(SHORT, max_size=4)))
    found: list[Element] = []
    for index in range(draw(st.integers(1, 8))):
        origins = draw(st.lists(st.sampled_from([each.id for each in found]), max_size=2, unique=True)) if found else []
        by = draw(st.lists(st.sampled_from([each.id for each in boxes]), max_size=2, unique=True)) if boxes else []
        found.append(
            Requirement(
                id=E(f"r{index}"), name=draw(NAMES), text=draw(NAMES), subject=E("whole"), derived_from=tuple(origins),
                satisfied_by=tuple(by),
            )
        )  # fmt: skip
    checks: list[Element] = [
        Verification(
            id=E(f"v{index}"), name=draw(NAMES), requirement=draw(st.sampled_from([each.id for each in found])),
            method=draw(st.sampled_from(Method)), measures=draw(st.sampled_from(("", "the rate"))),
        )
        for index in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    return view(ViewKind.REQUIREMENT, [*found, *checks, *boxes])


@st.composite
def parametrics(draw: st.DrawFn) -> tuple[Model, View]:
    blocks: list[Element] = [
        Block(
            id=E(f"b{index}"), name=name, properties=(Property("loss", "loss"), Property("length", "length", "80 km"))
        )
        for index, name in enumerate(draw(st.lists(NAMES, min_size=1, max_size=5)))
    ]
    equations: list[Element] = []
    for index in range(draw(st.integers(1, 4))):
        names = draw(st.lists(st.sampled_from(("a", "b", "loss", "mean photon number")), min_size=1, unique=True))
        bindings = tuple(
            Binding(
                name, draw(st.sampled_from([each.id for each in blocks])), draw(st.sampled_from(("loss", "length")))
            )
            for name in names
            if draw(ANY)
        )
        parameters = tuple(Property(name, "number") for name in names)
        equations.append(
            Equation(
                id=E(f"e{index}"), name=draw(NAMES), expression=draw(NAMES), parameters=parameters, bindings=bindings
            )
        )
    return view(ViewKind.PARAMETRIC, [*equations, *blocks])


@st.composite
def ovms(draw: st.DrawFn) -> Ovm:
    points: list[VariationPoint] = []
    variants: list[Variant] = []
    for index in range(draw(st.integers(1, 7))):
        point = VariationPointId(f"vp{index}")
        least = draw(st.integers(0, 1))
        parent = draw(st.sampled_from([None, *(each.id for each in variants)]))
        words = ("", "the satellite above", "the key managers", "a jug", "the control room", "cables", "the second way")
        points.append(
            VariationPoint(
                id=point, name=draw(NAMES), parent=parent, is_mandatory=draw(ANY), least=least,
                most=least + draw(st.integers(0, 1)) or 1, view=ViewKind.BLOCK, abstracts=draw(st.sampled_from(words)),
            )
        )  # fmt: skip
        variants += [
            Variant(id=VariantId(f"vp{index}.v{at}"), name=name, point=point, is_mandatory=draw(ANY))
            for at, name in enumerate(draw(st.lists(NAMES, min_size=1, max_size=5)))
        ]
    ends = st.sampled_from([each.id for each in variants])
    dependencies = [
        Dependency(bond=draw(st.sampled_from(Bond)), source=source, targets=(target,), reason=draw(NAMES))
        for source, target in draw(st.lists(st.tuples(ends, ends), max_size=16, unique=True))
        if source != target
    ]
    return ovm_of("random", "", tuple(points), tuple(variants), tuple(dependencies))


KINDS = {
    "activity": activities,
    "sequence": sequences,
    "block": definitions,
    "internal": internals,
    "state": machines,
    "requirement": requirements,
    "parametric": parametrics,
}
