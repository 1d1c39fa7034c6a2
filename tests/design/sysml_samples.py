"""A small architecture for the tests of SysML: BB84 over a repeater and a satellite, with all that a model can hold."""

from __future__ import annotations

from typing import Final

from keytwin.design.model import (
    Action,
    ActionKind,
    Activity,
    Allocation,
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
    Interaction,
    Item,
    JointState,
    Message,
    Method,
    Model,
    Operator,
    Part,
    Port,
    PortKind,
    Property,
    Requirement,
    RuleId,
    StateMachine,
    Verification,
)
from keytwin.design.variability import (
    Attribute,
    Bond,
    Configuration,
    Dependency,
    Ovm,
    Variant,
    VariationPoint,
    ovm_of,
)
from keytwin.design.views import View, ViewKind
from keytwin.keymanagement.session import SESSION_TABLE
from keytwin.vocabulary.identity import VariantId, VariationPointId

BB84: Final = VariantId("protocol.bb84")
REPEATER: Final = VariantId("q-link.repeater")
FIBRE: Final = VariantId("terrestrial.fibre")
SATELLITE: Final = VariantId("medium.satellite")


def ident(name: str) -> ElementId:
    return ElementId(name)


# --- the OVM --------------------------------------------------------------------------------------------------------


def _point(name: str, view: ViewKind, least: int = 1, most: int = 1, **more: object) -> VariationPoint:
    parent = more.get("parent")
    return VariationPoint(
        id=VariationPointId(name),
        name=name.replace("-", " ").capitalize(),
        about=str(more.get("about", "")),
        parent=VariantId(str(parent)) if parent else None,
        is_mandatory=bool(more.get("is_mandatory", True)),
        least=least,
        most=most,
        view=view,
    )


def _variant(name: str, about: str = "", attributes: tuple[Attribute, ...] = ()) -> Variant:
    point, _, short = name.partition(".")
    title = short.replace("-", " ").capitalize()
    return Variant(id=VariantId(name), name=title, point=VariationPointId(point), about=about, attributes=attributes)


def ovm() -> Ovm:
    """Return a variability model with all cardinalities, nesting and both bonds."""
    points = (
        _point("protocol", ViewKind.ACTIVITY, about="How the key is agreed on."),
        _point("q-link", ViewKind.SEQUENCE),
        _point("medium", ViewKind.BLOCK, 1, 2),
        _point("terrestrial", ViewKind.BLOCK, 1, 2, parent="medium.terrestrial"),
        _point("free-space", ViewKind.BLOCK, parent="medium.satellite"),
        _point("key-management", ViewKind.STATE),
        _point("redundancy", ViewKind.REQUIREMENT),
        _point("hybrid", ViewKind.PARAMETRIC, is_mandatory=False),
    )
    names = """protocol.bb84 protocol.twin-field q-link.direct q-link.repeater medium.terrestrial medium.satellite
        terrestrial.fibre terrestrial.hollow-core free-space.single free-space.geo key-management.central
        key-management.distributed redundancy.none redundancy.dual-medium hybrid.ml-kem"""
    readiness = Attribute("loss", "loss", "0.2 dB", "made up")
    variants = tuple(
        _variant(name, "An optical fibre.", (readiness,)) if name == FIBRE else _variant(name) for name in names.split()
    )
    dependencies = (
        Dependency(
            bond=Bond.EXCLUDES,
            source=VariantId("protocol.twin-field"),
            targets=(SATELLITE,),
            reason="a phase reference cannot be kept over a moving satellite",
        ),
        Dependency(
            bond=Bond.REQUIRES,
            source=VariantId("redundancy.dual-medium"),
            targets=(FIBRE, VariantId("terrestrial.hollow-core")),
            reason="the second medium is on the ground",
        ),
        Dependency(
            bond=Bond.REQUIRES,
            source=VariationPointId("hybrid"),
            targets=(VariationPointId("key-management"),),
            reason="the second key is combined in the key managers",
        ),
    )
    return ovm_of("qkd", "What may vary in a network of two stations.", points, variants, dependencies)


CHOSEN: Final = (
    "free-space.single",
    "key-management.central",
    "medium.satellite",
    "medium.terrestrial",
    "protocol.bb84",
    "q-link.repeater",
    "redundancy.dual-medium",
    "terrestrial.fibre",
)


def configuration(*chosen: str) -> Configuration:
    return Configuration("qkd", tuple(VariantId(each) for each in sorted(chosen or CHOSEN)))


# --- the model ------------------------------------------------------------------------------------------------------


def _structure() -> list[Element]:
    out, both = Direction.OUT, Direction.BOTH
    qubit, note, key = ident("qubit"), ident("announcement"), ident("secret-key")
    length = Property("length", "length", "20 km", "an example")
    quantum = Port("quantum", ident("quantum-port"))
    classical = Port("classical", ident("classical-port"))
    return [
        Item(id=qubit, name="Qubit", nature="quantum", about="One photon.", because=(BB84,)),
        Item(id=note, name="Announcement", nature="classical", because=(BB84,)),
        Item(id=key, name="Secret key", nature="key", because=(BB84,)),
        PortKind(
            id=ident("quantum-port"),
            name="Quantum port",
            nature="quantum",
            carried=(Carried("qubit", qubit, out),),
            is_exclusive=True,
            because=(BB84,),
        ),
        PortKind(
            id=ident("classical-port"),
            name="Classical port",
            nature="classical",
            carried=(Carried("announcement", note, both),),
            because=(BB84,),
        ),
        Block(id=ident("station"), name="Station", properties=(length,), ports=(classical,), because=(BB84,)),
        Block(
            id=ident("transmitter"),
            name="Transmitter",
            general=ident("station"),
            properties=(
                Property("clock", "frequency", "1 GHz", "data sheet"),
                Property("maker", "text", 'says "fast"'),
                Property("error", "share", "2.5 %"),
                Property("loss", "loss"),
            ),
            ports=(quantum,),
            because=(BB84,),
        ),
        Block(
            id=ident("receiver"),
            name="Receiver",
            general=ident("station"),
            properties=(Property("length", "length", "2 m"),),
            ports=(Port("quantum", ident("quantum-port"), is_conjugated=True),),
            because=(BB84,),
        ),
        Block(id=ident("fibre"), name="Fibre", properties=(length,), because=(FIBRE,)),
        Block(id=ident("satellite"), name="Satellite", because=(SATELLITE,)),
        Block(id=ident("qkd-system"), name="QKD system", about="The whole.", rules=(RuleId("sync-1"),)),
        *(
            Part(id=ident(f"system.{name}"), name=name.title(), owner=ident("qkd-system"), block=ident(kind), **more)
            for name, kind, more in (
                ("alice", "transmitter", {"because": (BB84,)}),
                ("bob", "receiver", {"because": (BB84,)}),
                ("fibre", "fibre", {"because": (FIBRE,), "least": 0, "most": None}),
                ("satellite", "satellite", {"because": (SATELLITE,), "rules": (RuleId("sync-4"), RuleId("sync-9"))}),
            )
        ),
        Connector(
            id=ident("system.quantum-link"),
            name="Quantum link",
            owner=ident("qkd-system"),
            source=End(ident("system.alice"), "quantum"),
            target=End(ident("system.bob"), "quantum"),
            flows=(Carried("qubits", qubit, out),),
            because=(BB84, FIBRE),
        ),
        Connector(
            id=ident("system.classical-link"),
            name="Classical link",
            owner=ident("qkd-system"),
            source=End(ident("system.alice"), "classical"),
            target=End(ident("system.bob"), "classical"),
            flows=(Carried("talk", note, both),),
            because=(BB84,),
        ),
        Connector(
            id=ident("system.uplink"),
            name="Uplink",
            owner=ident("qkd-system"),
            source=End(ident("system.alice")),
            target=End(ident("system.satellite")),
            flows=(Carried("qubits", qubit, Direction.IN),),
            because=(SATELLITE,),
        ),
        JointState(
            id=ident("bell-pair"),
            name="Bell pair",
            parts=(ident("system.alice"), ident("system.bob")),
            properties=(Property("fidelity", "share", "0.95"),),
            made_by=ident("bb84.prepare"),
            used_by=(ident("bb84.measure"),),
            because=(REPEATER,),
        ),
        JointState(
            id=ident("ghz"),
            name="Three shares",
            parts=(ident("system.alice"), ident("system.bob"), ident("system.satellite")),
            because=(REPEATER,),
        ),
    ]


def _activity() -> list[Element]:
    alice, bob = ident("system.alice"), ident("system.bob")
    kinds: tuple[tuple[str, ActionKind, ElementId | None], ...] = (
        ("start", ActionKind.START, None),
        ("prepare", ActionKind.ACTION, alice),
        ("measure", ActionKind.ACTION, bob),
        ("fork", ActionKind.FORK, None),
        ("announce", ActionKind.SEND, alice),
        ("listen", ActionKind.ACCEPT, bob),
        ("join", ActionKind.JOIN, None),
        ("check", ActionKind.DECIDE, None),
        ("abort", ActionKind.ACTION, alice),
        ("end", ActionKind.MERGE, None),
        ("done", ActionKind.DONE, None),
    )
    flows = (
        ("start", "prepare", "", None),
        ("prepare", "measure", "", "qubit"),
        ("measure", "fork", "", None),
        ("fork", "announce", "", None),
        ("fork", "listen", "", None),
        ("announce", "join", "", "announcement"),
        ("listen", "join", "", None),
        ("join", "check", "", None),
        ("check", "abort", "error rate > 11 %", None),
        ("check", "end", "else", None),
        ("abort", "end", "", None),
        ("end", "done", "", None),
    )
    return [
        Activity(id=ident("bb84"), name="BB84", about="Prepare and measure.", because=(BB84,)),
        *(
            Action(
                id=ident(f"bb84.{name}"),
                name=name.capitalize(),
                activity=ident("bb84"),
                kind=kind,
                performer=performer,
                refined_by=ident("swapping") if name == "prepare" else None,
                because=(BB84,),
            )
            for name, kind, performer in kinds
        ),
        *(
            Flow(
                id=ident(f"bb84.{source}-{target}"),
                name="",
                activity=ident("bb84"),
                source=ident(f"bb84.{source}"),
                target=ident(f"bb84.{target}"),
                guard=guard,
                item=ident(item) if item else None,
                because=(BB84,),
            )
            for source, target, guard, item in flows
        ),
    ]


def _interaction() -> list[Element]:
    within, inner = ident("swapping.until-heralded"), ident("swapping.correction")
    told = (
        ("photon", "alice", "satellite", "qubit", None),
        ("echo", "bob", "satellite", "qubit", within),
        ("herald", "satellite", "alice", "announcement", within),
        ("fix", "satellite", "bob", None, inner),
        ("store", "bob", "bob", None, None),
    )
    return [
        Interaction(id=ident("swapping"), name="Entanglement swapping", because=(REPEATER,)),
        Fragment(
            id=within,
            name="",
            interaction=ident("swapping"),
            operator=Operator.LOOP,
            guard="no herald",
            because=(REPEATER,),
        ),
        Fragment(
            id=inner,
            name="",
            interaction=ident("swapping"),
            operator=Operator.OPTION,
            within=within,
            because=(REPEATER,),
        ),
        *(
            Message(
                id=ident(f"swapping.{name}"),
                name=name,
                interaction=ident("swapping"),
                order=order,
                source=ident(f"system.{source}"),
                target=ident(f"system.{target}"),
                item=ident(item) if item else None,
                within=frame,
                because=(REPEATER,),
            )
            for order, (name, source, target, item, frame) in enumerate(told, 1)
        ),
    ]


def _rest() -> list[Element]:
    system, central = ident("qkd-system"), (VariantId("key-management.central"),)
    dual = (VariantId("redundancy.dual-medium"),)
    return [
        StateMachine(
            id=ident("session"),
            name="Session",
            table=SESSION_TABLE.view(),
            exhibited_by=ident("system.alice"),
            because=central,
        ),
        Requirement(
            id=ident("resilience"), name="Resilience", text="A cut medium stops no key.", subject=system, because=dual
        ),
        Requirement(
            id=ident("two-media"),
            name="Two media",
            text="There are two media.",
            about="Paper A's case study.",
            subject=system,
            derived_from=(ident("resilience"),),
            satisfied_by=(ident("system.fibre"), ident("satellite")),
            because=dual,
        ),
        Verification(
            id=ident("cut-test"),
            name="Cut",
            requirement=ident("two-media"),
            method=Method.TEST,
            measures="key rate after a cut",
            because=dual,
        ),
        Equation(
            id=ident("budget"),
            name="Loss budget",
            expression="loss = rate^2 * length",
            parameters=(
                Property("loss", "loss"),
                Property("rate", "number", "0.2", "ITU-T G.652"),
                Property("length", "length"),
            ),
            bindings=(Binding("length", ident("fibre"), "length"), Binding("loss", ident("transmitter"), "loss")),
            because=(FIBRE,),
        ),
        Equation(
            id=ident("decay"),
            name="Decay",
            expression="T = 10^(-a L / 10 dB), exp(x)",
            parameters=(Property("T", "share"),),
            because=(FIBRE,),
        ),
        Allocation(id=ident("alice-runs"), name="", source=ident("system.alice"), target="km/<node>", because=central),
        Allocation(
            id=ident("prepare-runs"), name="", source=ident("bb84.prepare"), target="link/<id>", because=central
        ),
    ]


def model() -> Model:
    return Model.of([*_structure(), *_activity(), *_interaction(), *_rest()])


def views() -> tuple[View, ...]:
    """Return one view of each kind."""
    whole = model()
    everything = tuple(whole.elements)
    kinds = (
        (ViewKind.ACTIVITY, "bb84", BB84),
        (ViewKind.SEQUENCE, "swapping", REPEATER),
        (ViewKind.BLOCK, "satellite", SATELLITE),
        (ViewKind.BLOCK, "fibre", FIBRE),
        (ViewKind.INTERNAL, "qkd-system", None),
        (ViewKind.STATE, "session", VariantId("key-management.central")),
        (ViewKind.REQUIREMENT, "resilience", VariantId("redundancy.dual-medium")),
        (ViewKind.PARAMETRIC, "decay", VariantId("hybrid.ml-kem")),
    )
    return tuple(
        View(
            id=subject, kind=kind, title=f"View of {subject}", subject=ident(subject), shown=everything, variant=variant
        )
        for kind, subject, variant in kinds
    )
