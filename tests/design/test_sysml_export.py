"""A model as SysML v2 text: everything is there, says why, is found by its name, and gives the same model again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.model import (
    Block,
    Carried,
    Connector,
    Direction,
    Element,
    ElementId,
    End,
    Item,
    JointState,
    Model,
    Part,
    Port,
    PortKind,
    Property,
    Requirement,
)
from keytwin.design.sysml_export import sysml_export
from keytwin.design.sysml_family import KEYWORDS
from keytwin.design.sysml_model import read_model
from keytwin.design.sysml_names import lineage, names_of, port_of, property_of
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_requirements import expression_of
from keytwin.design.sysml_rules import check_sysml
from keytwin.design.sysml_text import block, camel, comment_body, doc, metadata, pascal, strings
from keytwin.design.sysml_tree import Document, Member
from keytwin.design.sysml_units import OWN_UNITS, VALUE_TYPES, plain_unit, units_package, value_expression
from keytwin.design.variability import Ovm
from keytwin.design.views import ViewKind
from keytwin.keymanagement.session import SESSION_TABLE
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import VariantId
from keytwin.vocabulary.units import QUANTITIES, UNITS
from tests.design import sysml_samples as samples
from tests.design.sysml_samples import ident

OVM = samples.ovm()
MODEL = samples.model()
TEXTS = sysml_export(OVM, [samples.configuration()], MODEL, samples.views())


def documents(texts: dict[str, str]) -> list[Document]:
    return [read_sysml(text, name) for name, text in texts.items()]


def exported(*elements: Element, ovm: Ovm = OVM) -> dict[str, str]:
    return sysml_export(ovm, [], Model.of(elements), ())


def again(*elements: Element) -> Model:
    """Write and read a model."""
    return read_model(documents(exported(*elements)))


def library() -> Member:
    (package,) = read_sysml(TEXTS["library.sysml"]).root.members()
    return package


def found(name: str) -> Member:
    return next(each for each in library().members() if each.name == name)


# --- the whole ------------------------------------------------------------------------------------------------------


def test_the_files_of_an_export() -> None:
    assert list(TEXTS) == [
        "units.sysml",
        "trace.sysml",
        "library.sysml",
        "family.sysml",
        "architecture.sysml",
        "requirements.sysml",
        "views.sysml",
        "configuration.sysml",
    ]


def test_text_that_was_written_is_sound_and_breaks_no_rule() -> None:
    assert check_sysml(documents(TEXTS)) == ()


def test_text_read_back_gives_the_same_model() -> None:
    assert read_model(documents(TEXTS)) == MODEL


def test_equal_models_give_equal_texts() -> None:
    assert sysml_export(OVM, [samples.configuration()], samples.model(), samples.views()) == TEXTS


def test_every_element_says_why_it_is_there() -> None:
    silent = [
        member.path()
        for document in documents({name: TEXTS[name] for name in ("library.sysml", "requirements.sysml")})
        for package in document.root.members()
        for member in package.members()
        if member.kind.endswith(" def") and member.kind != "attribute def"
        for traces in [[each for each in member.members() if each.target and each.target.names == ("Trace",)]]
        if len(traces) != 1 or not {"variants", "rules"} & {each.label for each in traces[0].members()}
    ]
    assert silent == []
    told = TEXTS["library.sysml"] + TEXTS["requirements.sysml"] + TEXTS["architecture.sysml"]
    assert [each for each in MODEL.elements if f'@Trace {{ element = "{each}";' not in told] == []


def test_no_comment_is_written_for_decoration() -> None:
    kinds = {each.kind for document in documents(TEXTS) for each in document.root.all()}
    assert "comment" not in kinds
    assert {"doc", "rep"} <= kinds


def test_several_configurations_have_a_file_each() -> None:
    some = [samples.configuration(), samples.configuration("protocol.bb84")]
    texts = sysml_export(OVM, some, MODEL, ())
    assert [name for name in texts if "configuration" in name] == ["configuration1.sysml", "configuration2.sysml"]
    assert check_sysml(documents(texts)) == ()


def test_a_second_parser_accepts_what_is_written() -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_sysml")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    refused = {name: parser.parse(text.encode()).root_node.has_error for name, text in TEXTS.items()}
    # Its grammar lacks messages, dependencies and successions of flows with a body, variations of occurrences and of
    # states, and results of constraints without a semicolon: OMG's grammar has them all.
    beyond = {"library.sysml", "family.sysml", "architecture.sysml"}
    assert {name for name, is_refused in refused.items() if is_refused} <= beyond


# --- structure ------------------------------------------------------------------------------------------------------


def test_a_port_is_turned_round_by_its_sign() -> None:
    (port,) = [each for each in found("Receiver").members() if each.kind == "port"]
    assert (str(port.typed[0]), port.typed[0].is_conjugated) == ("QuantumPort", True)


def test_what_is_inherited_is_redefined() -> None:
    length = next(each for each in found("Receiver").members() if each.label == "length")
    assert [str(each) for each in length.redefines] == ["length"]


def test_connectors_with_the_same_ports_and_flows_share_an_interface() -> None:
    second = Connector(
        id=ident("system.second"),
        name="Second",
        owner=ident("qkd-system"),
        source=End(ident("system.alice"), "quantum"),
        target=End(ident("system.bob"), "quantum"),
        flows=(Carried("qubits", ident("qubit"), Direction.OUT),),
        because=(VariantId("medium.satellite"),),
    )
    text = sysml_export(OVM, [], MODEL.merged([second]), ())["library.sysml"]
    assert text.count("interface def QuantumInterface") == 1
    assert "QuantumInterface2" not in text
    assert "interface second : QuantumInterface connect alice.quantum to bob.quantum" in text
    trace = text[text.index("interface def QuantumInterface") :].splitlines()[1]
    assert '"medium.satellite", "protocol.bb84", "terrestrial.fibre"' in trace


def test_an_entangled_state_is_a_connection_over_its_parts() -> None:
    text = TEXTS["library.sysml"]
    assert "connection bellPair : BellPair connect alice to bob {" in text
    assert "connection ghz : Ghz connect (share1 ::> alice, share2 ::> bob, share3 ::> satellite) {" in text
    assert "attribute fidelity : ShareValue default = 0.95 [share] {" in text
    assert "dependency 'BellPair made by prepare' from BellPair to Bb84::prepare;" in TEXTS["architecture.sysml"]


def test_an_entangled_state_over_parts_of_different_blocks_comes_back() -> None:
    elements = [
        Block(id=ident("whole"), name=""),
        Block(id=ident("inner"), name=""),
        Part(id=ident("whole.a"), name="", owner=ident("whole"), block=ident("inner")),
        Part(id=ident("inner.b"), name="", owner=ident("inner"), block=ident("inner"), least=0, most=3),
        JointState(id=ident("pair"), name="", parts=(ident("whole.a"), ident("inner.b"))),
        JointState(id=ident("alone"), name="", parts=(ident("whole.a"),)),
    ]
    assert again(*elements) == Model.of(elements)


def test_a_connector_that_ends_outside_is_a_mistake() -> None:
    stray = Connector(
        id=ident("stray"),
        name="",
        owner=ident("fibre"),
        source=End(ident("system.alice")),
        target=End(ident("system.bob")),
    )
    with pytest.raises(Mistake, match=r"a connector of fibre ends at system.alice, which does not lie inside fibre"):
        sysml_export(OVM, [], MODEL.merged([stray]), ())


def test_an_item_that_its_port_does_not_carry_is_a_mistake() -> None:
    wrong = replace(
        MODEL.get(ident("system.quantum-link"), Connector),
        flows=(Carried("key", ident("secret-key"), Direction.OUT),),
    )
    with pytest.raises(Mistake, match=r"secret-key flows through a port of kind quantum-port, which does not carry it"):
        sysml_export(OVM, [], MODEL.replaced([wrong]), ())


def test_ports_and_properties_are_found_in_what_a_block_descends_from() -> None:
    receiver = ident("receiver")
    assert list(lineage(MODEL, receiver)) == ["station", "receiver"]
    port, length = port_of(MODEL, receiver, "classical"), property_of(MODEL, receiver, "length")
    assert port is not None
    assert length is not None
    assert (port.kind, length.value) == ("classical-port", "2 m")
    assert port_of(MODEL, receiver, "none") is None
    assert property_of(MODEL, receiver, "none") is None


# --- behaviour ------------------------------------------------------------------------------------------------------


def test_what_follows_what_is_said_by_named_successions() -> None:
    text = TEXTS["library.sysml"]
    assert "succession flow prepareMeasure of Qubit from prepare.qubitOut to measure.qubitIn {" in text
    assert "succession checkAbort first check if 'error rate > 11 %?' then abort {" in text
    assert "succession checkEnd first check if not ('error rate > 11 %?') then 'end' {" in text
    assert "succession first start then startNode;" in text


def test_a_part_performs_the_steps_of_its_lane() -> None:
    alice = next(each for each in found("QkdSystem").members() if each.name == "alice")
    performed = [str(each.target) for each in alice.members() if each.kind == "perform"]
    assert performed == ["bb84.prepare", "bb84.announce", "bb84.abort"]


def test_a_sequence_has_lifelines_with_events_in_order() -> None:
    bob = next(each for each in found("Swapping").members() if each.name == "bob")
    assert [str(each.target) for each in bob.members() if each.kind == "event"] == [
        "untilHeralded.echo.sourceEvent",
        "untilHeralded.correction.fix.targetEvent",
        "store.sourceEvent",
        "store.targetEvent",
    ]


def test_a_state_machine_has_the_rows_of_its_table() -> None:
    session = found("Session")
    transitions = [each for each in session.members() if each.kind == "transition"]
    table = SESSION_TABLE.view()
    assert len(transitions) == len(table.transitions)
    assert [each.name for each in session.members() if each.kind == "state"] == list(table.states)


# --- variability ----------------------------------------------------------------------------------------------------


def family() -> list[Member]:
    (package,) = read_sysml(TEXTS["family.sysml"]).root.members()
    return package.members()


def test_a_variation_holds_its_variants_and_what_they_open() -> None:
    medium = next(each for each in family() if each.name == "MediumChoice")
    assert medium.prefixes == ("variation",)
    variants = [each for each in medium.members() if "variant" in each.prefixes]
    assert [each.name for each in variants] == ["terrestrial", "satellite"]
    assert [[inner.name for inner in each.members() if inner.kind == "part"] for each in variants] == [
        ["terrestrial-choice"],
        ["free-space"],
    ]


def test_cardinality_is_the_multiplicity_of_the_usage() -> None:
    text = TEXTS["family.sysml"]
    for said in (
        "action protocol : ProtocolChoice[1] {",
        "part medium : MediumChoice[1..2] {",
        "constraint hybrid : HybridChoice[0..1] {",
    ):
        assert said in text


def test_each_chosen_variant_is_a_usage_of_its_own() -> None:
    text = TEXTS["configuration.sysml"]
    assert "part terrestrial :> medium, MediumChoice::terrestrial = medium::terrestrial {" in text
    assert "part satellite :> medium, MediumChoice::satellite = medium::satellite {" in text
    assert "action :>> protocol = protocol::bb84;" in text


def test_a_dependency_is_a_constraint_with_its_reason() -> None:
    text = TEXTS["family.sysml"]
    assert "doc /* a phase reference cannot be kept over a moving satellite */" in text
    assert (
        "not (includes(protocol, ProtocolChoice::'twin-field') and (includes(medium, MediumChoice::satellite)))" in text
    )
    assert "notEmpty(hybrid) implies (notEmpty('key-management'))" in text


def test_a_mandatory_variant_is_a_constraint() -> None:
    variants = {
        name: replace(each, is_mandatory=name in {samples.FIBRE, samples.BB84}) for name, each in OVM.variants.items()
    }
    text = exported(ovm=replace(OVM, variants=variants))["family.sysml"]
    assert "assert constraint 'protocol.bb84 always'" in text
    assert "includes(medium, MediumChoice::terrestrial) implies includes(MediumChoice::terrestrial.'terr" in text
    assert check_sysml([read_sysml(text)]) == ()


@pytest.mark.parametrize("kind", list(ViewKind))
def test_each_kind_of_view_has_its_keyword(kind: ViewKind) -> None:
    assert any(f"variation {KEYWORDS[kind]} def" in TEXTS["family.sysml"] for _ in [kind])


# --- requirements and views -----------------------------------------------------------------------------------------


def test_a_requirement_is_satisfied_and_verified() -> None:
    text = TEXTS["requirements.sysml"]
    assert "satisfy twoMedia by qkdSystem.fibre {" in text
    assert "#derivation connection { end #original ::> resilience; end #derive ::> twoMedia; }" in text
    assert "objective { verify twoMedia; }" in text
    assert "@VerificationMethod { kind = VerificationMethodKind::test; }" in text


def test_a_block_that_is_nowhere_a_part_gets_a_usage_to_satisfy_by() -> None:
    elements = [
        Block(id=ident("lone"), name=""),
        Requirement(id=ident("need"), name="", text="Be.", subject=ident("lone"), satisfied_by=(ident("lone"),)),
    ]
    assert "satisfy need by 'Lone for need' {" in exported(*elements)["requirements.sysml"]
    assert again(*elements) == Model.of(elements)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("loss = rate^2 * length", "loss == rate ** 2 * length"),
        ("a <= sqrt(b)", "a <= sqrt ( b )"),
        ("a = exp(b)", ""),
        ("a = b = a", ""),
        ("a + b", ""),
        ("a = (b", ""),
        ("a ≈ b", ""),
    ],
)
def test_a_relation_becomes_an_expression_where_it_can(text: str, expression: str) -> None:
    assert expression_of(text, {"loss", "rate", "length", "a", "b"}) == expression


def test_views_expose_what_they_show() -> None:
    text = TEXTS["views.sysml"]
    for said in (
        "view bb84 : StandardViewDefinitions::ActionFlowView {",
        "view swapping : StandardViewDefinitions::SequenceView {",
        "view 'qkd-system' : StandardViewDefinitions::InterconnectionView {",
        "view session : StandardViewDefinitions::StateTransitionView {",
        "expose QkdLibrary::QkdSystem::alice;",
        "expose QkdRequirements::twoMedia;",
    ):
        assert said in text


def test_an_element_of_the_running_half_is_allocated_to() -> None:
    text = TEXTS["architecture.sysml"]
    assert "allocation 'alice-runs' allocate qkdSystem.alice to 'km/<node>' {" in text
    assert "dependency 'prepare-runs' from Bb84::prepare to 'link/<id>' {" in text


# --- names, texts, values -------------------------------------------------------------------------------------------


def test_names_that_would_be_the_same_are_told_apart() -> None:
    elements = [Item(id=ident(name), name="", nature="x") for name in ("a-b", "a.b", "AB", "part", "length-value", "1")]
    names = names_of(Model.of(elements))
    assert list(names.of.values()) == ["AB", "AB2", "AB3", "Part2", "LengthValue2", "N1"]
    assert again(*elements) == Model.of(elements)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8)


@settings(max_examples=40)
@given(st.lists(WORDS, min_size=1, max_size=4, unique=True), WORDS)
def test_blocks_of_any_name_come_back(features: list[str], identifier: str) -> None:
    kind = PortKind(id=ident("kind"), name="", nature=identifier, carried=())
    elements = [
        kind,
        Block(
            id=ElementId(f"block.{identifier}"),
            name=identifier,
            properties=tuple(Property(each, "number", "1", each) for each in features[::2]),
            ports=tuple(Port(each, kind.id) for each in features[1::2]),
        ),
    ]
    assert again(*elements) == Model.of(elements)


@pytest.mark.parametrize(("quantity", "unit"), [(name, unit) for name, units in UNITS.items() for unit in units])
def test_every_unit_of_keytwin_can_be_written_and_read(quantity: str, unit: str) -> None:
    value = f"1.5 {unit}".strip()
    text = f"attribute a : {VALUE_TYPES[quantity]} = {value_expression(quantity, value)};"
    block_ = Block(id=ident("b"), name="", properties=(Property("a", quantity, value),))
    assert read_sysml(text).findings == ()
    assert again(block_) == Model.of([block_])
    units = read_sysml("\n".join(units_package()), "units.sysml")
    assert check_sysml([units, read_sysml(f"package P {{ import KeytwinUnits::*; {text} }}", "p.sysml")]) == ()


def test_every_quantity_has_a_type() -> None:
    assert VALUE_TYPES.keys() == {*QUANTITIES, "text"}
    assert len({unit.symbol for unit in OWN_UNITS}) == len(OWN_UNITS)
    assert plain_unit("dBo/km") == "dB/km"


@pytest.mark.parametrize("value", ["fast", "5 km 3", "", "km"])
def test_a_value_without_a_number_is_a_mistake(value: str) -> None:
    with pytest.raises(Mistake, match="write a number and its unit"):
        value_expression("length", value)


@pytest.mark.parametrize(
    ("value", "written"),
    [("-.5 km", "-0.5 [km]"), ("+5. km", "5.0 [km]"), ("1e3 km", "1e3 [km]"), ("2kbit/s", "2 ['kbit/s']")],
)
def test_numbers_are_written_as_the_notation_has_them(value: str, written: str) -> None:
    assert value_expression("length", value) == written


def test_pieces_of_text() -> None:
    assert (pascal("qkd-system.a b"), camel("qkd-system"), pascal("7th")) == ("QkdSystemAB", "qkdSystem", "N7th")
    assert block("part a") == ["part a;"]
    assert block("part a", ["x;", ""]) == ["part a {", "    x;", "", "}"]
    assert (doc(" "), doc("a\n*/ b")) == ([], ["doc /* a * / b */"])
    assert comment_body("a\t b") == "a b"
    assert metadata("M") == ["@M;"]
    assert metadata("M", a="1", b="") == ["@M { a = 1; }"]
    assert (strings(["a"]), strings(["a", 'b"'])) == ('"a"', '("a", "b\\"")')


# --- reading models back --------------------------------------------------------------------------------------------


def test_what_an_editor_took_away_is_missing_and_what_was_changed_is_changed() -> None:
    texts = dict(TEXTS)
    library_text = texts["library.sysml"]
    start = library_text.index("        connection uplink")
    end = library_text.index("        connection bellPair")
    texts["library.sysml"] = (library_text[:start] + library_text[end:]).replace("= 1 [GHz]", "= 3 [MHz]")
    model = read_model(documents(texts))
    assert set(MODEL.elements) - set(model.elements) == {"system.uplink"}
    clock = property_of(model, ident("transmitter"), "clock")
    assert clock is not None
    assert clock.value == "3 MHz"


def test_a_name_that_leads_to_no_element_is_told_with_its_place() -> None:
    text = TEXTS["library.sysml"].replace("part alice : Transmitter {", "part alice : Transmiter {")
    with pytest.raises(FileMistake, match=r"library\.sysml:\d+:22: Transmiter is no element of the model"):
        read_model(documents({**TEXTS, "library.sysml": text}))
