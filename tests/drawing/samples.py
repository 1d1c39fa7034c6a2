"""Models and views to draw: of every kind one that is like what the library holds."""

from __future__ import annotations

from keytwin.design.model import (
    Action,
    ActionKind,
    Activity,
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
    StateMachine,
    Verification,
)
from keytwin.design.views import View, ViewKind
from keytwin.keymanagement.session import SESSION_TABLE
from keytwin.vocabulary.identity import VariantId

E = ElementId
BB84 = VariantId("protocol.bb84")

ITEMS: tuple[Element, ...] = (
    Item(id=E("qubit"), name="qubit", nature="quantum"),
    Item(id=E("announcement"), name="announcement", nature="classical"),
    Item(id=E("bases"), name="bases", nature="classical"),
    Item(id=E("secret-key"), name="secret key", nature="key"),
    Item(id=E("bell-pair"), name="Bell pair", nature="quantum"),
    Item(id=E("control"), name="control message", nature="control"),
)
PARTS: tuple[Part, ...] = tuple(
    Part(id=E(f"system.{name}"), name=title, owner=E("qkd-system"), block=E(block), because=(BB84,))
    for name, title, block in (
        ("alice", "Alice", "transmitter"),
        ("bob", "Bob", "receiver"),
        ("repeater", "Repeater", "repeater"),
        ("fibre", "Fibre", "fibre"),
    )
)
ALICE, BOB, REPEATER, FIBRE = (part.id for part in PARTS)


def action(
    name: str,
    title: str,
    performer: ElementId | None = None,
    kind: ActionKind = ActionKind.ACTION,
    refined_by: ElementId | None = None,
) -> Action:
    return Action(
        id=E(f"bb84.{name}"),
        name=title,
        activity=E("bb84"),
        kind=kind,
        performer=performer,
        refined_by=refined_by,
        because=(BB84,),
    )


def flow(source: str, target: str, *, item: str | None = None, guard: str = "") -> Flow:
    return Flow(
        id=E(f"bb84.{source}-{target}"),
        name=f"{source} to {target}",
        activity=E("bb84"),
        source=E(f"bb84.{source}"),
        target=E(f"bb84.{target}"),
        guard=guard,
        item=E(item) if item else None,
    )


def bb84() -> tuple[Model, View]:
    kinds = ActionKind
    actions = (
        action("start", "start", ALICE, kinds.START),
        action("fork", "distribute", ALICE, kinds.FORK),
        action("prepare", "Prepare random bits in random bases", ALICE),
        action("clock", "Send sync pulses", ALICE, kinds.SEND),
        action("measure", "Measure in random bases", BOB, refined_by=E("link")),
        action("sync", "Accept sync pulses", BOB, kinds.ACCEPT),
        action("join", "received", BOB, kinds.JOIN),
        action("announce", "Announce bases", BOB),
        action("sift", "Sift: keep equal bases", ALICE),
        action("sift-bob", "Sift: keep equal bases", BOB),
        action("estimate", "Estimate error rate", ALICE),
        action("decide", "error rate low enough?", ALICE, kinds.DECIDE),
        action("correct", "Correct errors", ALICE),
        action("correct-bob", "Correct errors", BOB),
        action("amplify", "Amplify privacy", ALICE),
        action("amplify-bob", "Amplify privacy", BOB),
        action("abort", "Abort: discard all bits", ALICE),
        action("done", "done", ALICE, kinds.DONE),
        action("done-bob", "done", BOB, kinds.DONE),
    )
    flows = (
        flow("start", "fork"),
        flow("fork", "prepare"),
        flow("fork", "clock"),
        flow("prepare", "measure", item="qubit"),
        flow("clock", "sync", item="announcement"),
        flow("measure", "join"),
        flow("sync", "join"),
        flow("join", "announce"),
        flow("announce", "sift", item="bases"),
        flow("announce", "sift-bob"),
        flow("sift", "estimate"),
        flow("sift-bob", "estimate", item="announcement"),
        flow("estimate", "decide"),
        flow("decide", "correct", guard="QBER <= 11 %"),
        flow("decide", "abort", guard="else"),
        flow("abort", "fork"),
        flow("correct", "correct-bob", item="announcement"),
        flow("correct", "amplify"),
        flow("correct-bob", "amplify-bob"),
        flow("amplify", "done", item="secret-key"),
        flow("amplify-bob", "done-bob", item="secret-key"),
    )
    whole = Activity(id=E("bb84"), name="BB84", because=(BB84,))
    model = Model.of([*ITEMS, *PARTS, whole, *actions, *flows])
    shown = (ALICE, BOB, *(each.id for each in actions), *(each.id for each in flows))
    return model, View(id="bb84", kind=ViewKind.ACTIVITY, title="BB84", subject=E("bb84"), shown=shown, variant=BB84)


def swapping() -> tuple[Model, View]:
    whole = Interaction(id=E("swap"), name="Entanglement swapping")
    loop = Fragment(
        id=E("swap.loop"),
        name="until",
        interaction=E("swap"),
        operator=Operator.LOOP,
        guard="until both pairs are heralded",
    )
    good = Fragment(
        id=E("swap.good"),
        name="good",
        interaction=E("swap"),
        operator=Operator.ALTERNATIVE,
        guard="measurement succeeded",
    )
    bad = Fragment(id=E("swap.bad"), name="bad", interaction=E("swap"), operator=Operator.ALTERNATIVE, guard="else")

    def told(order: int, name: str, source: ElementId, target: ElementId, item: str = "", within: str = "") -> Message:
        return Message(
            id=E(f"swap.m{order}"),
            name=name,
            interaction=E("swap"),
            order=order,
            source=source,
            target=target,
            item=E(item) if item else None,
            within=E(within) if within else None,
        )

    messages = (
        told(1, "ask for an entangled pair", ALICE, BOB, "control"),
        told(2, "half of a Bell pair", REPEATER, ALICE, "bell-pair", "swap.loop"),
        told(3, "half of a Bell pair", REPEATER, BOB, "bell-pair", "swap.loop"),
        told(4, "herald", ALICE, REPEATER, "announcement", "swap.loop"),
        told(5, "Bell measurement on both memories", REPEATER, REPEATER),
        told(6, "outcome", REPEATER, BOB, "announcement", "swap.good"),
        told(7, "correct by the outcome", BOB, BOB, "", "swap.good"),
        told(8, "try again", REPEATER, ALICE, "control", "swap.bad"),
        told(9, "measure", ALICE, ALICE),
        told(10, "measure", BOB, BOB),
    )
    pair = JointState(
        id=E("swap.pair"),
        name="Bell pair of the ends",
        parts=(ALICE, BOB),
        properties=(Property("fidelity", "text", "0.93"),),
        made_by=E("swap.m7"),
        used_by=(E("swap.m9"), E("swap.m10")),
    )
    link = JointState(
        id=E("swap.link"),
        name="elementary pair",
        parts=(ALICE, REPEATER),
        made_by=E("swap.m4"),
        used_by=(E("swap.m5"),),
    )
    model = Model.of([*ITEMS, *PARTS, whole, loop, good, bad, *messages, pair, link])
    shown = (ALICE, REPEATER, BOB, loop.id, good.id, bad.id, *(each.id for each in messages))
    return model, View(
        id="swap", kind=ViewKind.SEQUENCE, title="Q-link with entanglement swapping", subject=E("swap"), shown=shown
    )


KINDS: tuple[Element, ...] = (
    PortKind(
        id=E("quantum-port"),
        name="Quantum port",
        nature="quantum",
        carried=(Carried("photon", E("qubit"), Direction.OUT),),
        is_exclusive=True,
    ),
    PortKind(
        id=E("classical-port"),
        name="Classical port",
        nature="classical",
        carried=(Carried("told", E("announcement"), Direction.BOTH),),
    ),
    PortKind(
        id=E("key-port"), name="Key port", nature="key", carried=(Carried("key", E("secret-key"), Direction.OUT),)
    ),
)
BLOCKS: tuple[Block, ...] = (
    Block(id=E("qkd-system"), name="QKD system"),
    Block(
        id=E("module"),
        name="QKD module",
        properties=(Property("clock rate", "frequency", "1 GHz"),),
        ports=(Port("classical", E("classical-port")), Port("key", E("key-port"))),
    ),
    Block(
        id=E("transmitter"),
        name="Transmitter",
        general=E("module"),
        properties=(Property("mean photon number", "number", "0.5"),),
        ports=(Port("quantum", E("quantum-port")),),
    ),
    Block(
        id=E("receiver"),
        name="Receiver",
        general=E("module"),
        properties=(Property("dark count rate", "frequency", "100 Hz"), Property("efficiency", "ratio", "20 %")),
        ports=(Port("quantum", E("quantum-port"), is_conjugated=True),),
    ),
    Block(id=E("medium"), name="Medium", properties=(Property("loss", "loss"),)),
    Block(
        id=E("fibre"),
        name="Optical fibre",
        general=E("medium"),
        properties=(Property("length", "length", "80 km"), Property("attenuation", "loss per length", "0.2 dB/km")),
        ports=(Port("entry", E("quantum-port"), is_conjugated=True), Port("exit", E("quantum-port"))),
    ),
    Block(
        id=E("satellite"),
        name="Satellite",
        general=E("module"),
        properties=(Property("altitude", "length", "500 km"),),
        ports=(Port("downlink", E("quantum-port")), Port("downlink 2", E("quantum-port"))),
    ),
    Block(
        id=E("ground-station"), name="Ground station", ports=(Port("telescope", E("quantum-port"), is_conjugated=True),)
    ),
    Block(
        id=E("key-manager"),
        name="Key manager",
        ports=(Port("key", E("key-port"), is_conjugated=True), Port("peer", E("classical-port"))),
    ),
    Block(
        id=E("repeater"),
        name="Quantum repeater",
        ports=(
            Port("left", E("quantum-port"), is_conjugated=True),
            Port("right", E("quantum-port")),
            Port("classical", E("classical-port")),
        ),
    ),
)


def part(name: str, title: str, block: str, least: int = 1, most: int | None = 1) -> Part:
    return Part(id=E(f"system.{name}"), name=title, owner=E("qkd-system"), block=E(block), least=least, most=most)


def interface() -> tuple[Model, View]:
    parts = (
        part("alice", "Alice", "transmitter"),
        part("bob", "Bob", "receiver"),
        part("fibre-a", "Fibre A", "fibre"),
        part("repeater", "Repeater", "repeater"),
        part("fibre-b", "Fibre B", "fibre"),
        part("satellite", "Satellite", "satellite"),
        part("km-a", "KM of Alice", "key-manager"),
        part("km-b", "KM of Bob", "key-manager"),
    )

    def joined(source: str, target: str, item: str, way: Direction = Direction.OUT) -> Connector:
        ends = [End(E(f"system.{part}"), port) for part, port in (source.split("."), target.split("."))]
        flows = (Carried(item, E(item), way),)
        return Connector(
            id=E(f"{source}--{target}"), name=item, owner=E("qkd-system"), source=ends[0], target=ends[1], flows=flows
        )

    connectors = (
        joined("alice.quantum", "fibre-a.entry", "qubit"),
        joined("fibre-a.exit", "repeater.left", "qubit"),
        joined("repeater.right", "fibre-b.entry", "qubit"),
        joined("fibre-b.exit", "bob.quantum", "qubit"),
        joined("satellite.downlink", "alice.space", "qubit"),
        joined("satellite.downlink 2", "bob.space", "qubit"),
        joined("alice.classical", "bob.classical", "announcement", Direction.BOTH),
        joined("alice.classical", "repeater.classical", "announcement", Direction.BOTH),
        joined("repeater.classical", "bob.classical", "announcement", Direction.BOTH),
        joined("alice.key", "km-a.key", "secret-key"),
        joined("bob.key", "km-b.key", "secret-key"),
        joined("km-a.peer", "km-b.peer", "announcement", Direction.BOTH),
    )
    model = Model.of([*ITEMS, *KINDS, *BLOCKS, *parts, *connectors])
    shown = (*(each.id for each in parts), *(each.id for each in connectors))
    return model, View(
        id="interface", kind=ViewKind.INTERNAL, title="Interface definition", subject=E("qkd-system"), shown=shown
    )


def definition() -> tuple[Model, View]:
    parts = (
        part("alice", "Alice", "transmitter"),
        part("bob", "Bob", "receiver"),
        part("medium", "medium", "medium", 1, None),
    )
    model = Model.of([*ITEMS, *KINDS, *BLOCKS, *parts])
    shown = (
        *(each.id for each in BLOCKS if each.id not in {"key-manager", "repeater"}),
        *(each.id for each in parts),
    )
    return model, View(id="media", kind=ViewKind.BLOCK, title="QKD system", subject=E("qkd-system"), shown=shown)


def session() -> tuple[Model, View]:
    machine = StateMachine(id=E("session"), name="Session", table=SESSION_TABLE.view(), exhibited_by=E("system.km-a"))
    model = Model.of([machine])
    return model, View(
        id="session", kind=ViewKind.STATE, title="Session at the key manager", subject=machine.id, shown=(machine.id,)
    )


def needs() -> tuple[Model, View]:
    def need(
        name: str, title: str, text: str, origins: tuple[str, ...] = (), by: tuple[ElementId, ...] = ()
    ) -> Requirement:
        return Requirement(
            id=E(f"r.{name}"),
            name=title,
            text=text,
            subject=E("qkd-system"),
            derived_from=tuple(E(f"r.{each}") for each in origins),
            satisfied_by=by,
        )

    def check(name: str, title: str, of: str, method: Method, measures: str = "") -> Verification:
        return Verification(id=E(f"v.{name}"), name=title, requirement=E(f"r.{of}"), method=method, measures=measures)

    elements = (
        need("secure", "Secure long-range communication", "Two sites 400 km apart share secret keys at all times."),
        need(
            "resilient",
            "Resilience",
            "The network keeps operating securely if one of its channels is attacked.",
            ("secure",),
            (E("system.fibre"), E("system.satellite")),
        ),
        need("rate", "Key rate", "At least 1 kbit/s of secret key.", ("secure",), (ALICE,)),
        check("cut", "Cut one channel", "resilient", Method.TEST, "keys delivered while the fibre is cut"),
        check("rate", "Measure the rate", "rate", Method.ANALYSIS, "secret key rate over 24 h"),
    )
    satellite = part("satellite", "Satellite", "satellite")
    model = Model.of([*PARTS, *BLOCKS, satellite, *elements])
    shown = (*(each.id for each in elements), FIBRE, satellite.id, ALICE)
    return model, View(id="needs", kind=ViewKind.REQUIREMENT, title="Need", subject=elements[0].id, shown=shown)


def budget() -> tuple[Model, View]:
    loss = Equation(
        id=E("p.loss"),
        name="Channel loss",
        expression="loss = attenuation · length",
        parameters=(
            Property("loss", "loss"),
            Property("attenuation", "loss per length"),
            Property("length", "length"),
        ),
        bindings=(
            Binding("loss", E("medium"), "loss"),
            Binding("attenuation", E("fibre"), "attenuation"),
            Binding("length", E("fibre"), "length"),
        ),
    )
    rate = Equation(
        id=E("p.rate"),
        name="Detection rate",
        expression="rate = clock rate · μ · η · 10^(−loss/10)",
        parameters=(
            Property("rate", "frequency"),
            Property("μ", "number"),
            Property("η", "ratio"),
            Property("loss", "loss"),
            Property("clock rate", "frequency", "1 GHz"),
        ),
        bindings=(
            Binding("μ", E("transmitter"), "mean photon number"),
            Binding("η", E("receiver"), "efficiency"),
            Binding("loss", E("medium"), "loss"),
        ),
    )
    model = Model.of([*ITEMS, *KINDS, *BLOCKS, loss, rate])
    shown = (loss.id, rate.id, E("fibre"), E("medium"), E("transmitter"), E("receiver"))
    return model, View(id="budget", kind=ViewKind.PARAMETRIC, title="Loss budget", subject=loss.id, shown=shown)


SAMPLES = (bb84, swapping, interface, definition, session, needs, budget)
