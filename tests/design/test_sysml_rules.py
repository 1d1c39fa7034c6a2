"""What a resolver of names lets pass is found by our rules: each planted into a sound text, which itself passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.design.sysml_dimensions import unit_of_quantity
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import check_sysml
from keytwin.vocabulary.errors import Finding

TOWNS = (Path(__file__).parent / "towns.sysml").read_text(encoding="utf-8")


def findings(text: str) -> tuple[Finding, ...]:
    return check_sysml([read_sysml(text, "towns.sysml")])


def planted(old: str, new: str) -> str:
    assert TOWNS.count(old) == 1, f"{old!r} is there {TOWNS.count(old)} times"
    return TOWNS.replace(old, new)


def test_a_sound_text_passes() -> None:
    assert findings(TOWNS) == ()


FAULTS = [
    pytest.param(
        "part shortGlass : Glass;",
        "variant part shortGlass : Glass;",
        "variant part shortGlass",
        "variant shortGlass lies outside a variation",
        "write 'variation' before its owner",
        id="variant outside a variation",
    ),
    pytest.param(
        "variant part air : Air;",
        "part air : Air;",
        "part air : Air;",
        "part air in a variation is no variant",
        "write 'variant' before it",
        id="non-variant inside a variation",
    ),
    pytest.param(
        "satisfy enough by ourTowns;",
        "satisfy ourTowns by enough;",
        "ourTowns by enough",
        "ourTowns is satisfied, but is no requirement: it is a part",
        "write: satisfy enough by ourTowns",
        id="satisfy with swapped roles",
    ),
    pytest.param(
        "satisfy enough by ourTowns;",
        "satisfy enough by enough;",
        "enough;\n    occurrence",
        "enough is to satisfy enough, but is a requirement itself",
        "name the part that satisfies it",
        id="satisfied by a requirement",
    ),
    pytest.param(
        "attribute needed : BinaryDigitRateValue;",
        "attribute needed : BinaryDigitRateValue; subject second : Towns;",
        "subject second",
        "requirement def EnoughKey has 2 subjects",
        "keep one 'subject'",
        id="two subjects",
    ),
    pytest.param(
        "connect 'upper town'.lens to lower.lens",
        "connect 'upper town'.wire to lower.lens",
        "'upper town'.wire to lower.lens",
        "'upper town'.wire is a Wire, where LightPath takes a Lens",
        "connect a port of kind Lens",
        id="port of another kind in an interface",
    ),
    pytest.param(
        "port :>> lens : ~Lens;",
        "",
        "lower.lens;",
        "lower.lens is a Lens, where LightPath takes a ~Lens",
        "connect a port of kind ~Lens",
        id="port turned the wrong way in an interface",
    ),
    pytest.param(
        "connect 'upper town'.wire to lower.wire;",
        "connect 'upper town'.wire to lower.lens;",
        "lower.lens;\n        perform",
        "'upper town'.wire is a Wire and lower.lens a ~Lens: nothing can flow between them",
        "connect ports of the kind Wire",
        id="unlike ports without an interface",
    ),
    pytest.param(
        "connect 'upper town'.wire to lower.wire;",
        "connect 'upper town'.lens to 'upper town'.lens;",
        "'upper town'.lens;",
        "'upper town'.lens and 'upper town'.lens are both Lens: both send, or both receive",
        "turn one of them round, as ~Lens",
        id="both ends send",
    ),
    pytest.param(
        "part def Way {",
        "part def Way :> Balloon {",
        "Balloon {",
        "Way specialises itself: Way :> Balloon :> Way",
        "remove one of these specialisations",
        id="cyclic specialisation",
    ),
    pytest.param(
        "part shortGlass : Glass;",
        "part shortGlass :> shortGlass;",
        "shortGlass;",
        "shortGlass specialises itself: shortGlass :> shortGlass",
        "remove one",
        id="own special case",
    ),
    pytest.param(
        "part :>> baskets[1];",
        "part :>> baskets[0];",
        "0]; }",
        "baskets[0] can never be baskets[1..*]",
        "stay within [1..*]",
        id="multiplicity 0 against 1..*",
    ),
    pytest.param(
        "part :>> baskets[1];",
        "part :>> baskets[0..3];",
        "0..3]",
        "baskets[0..3] allows fewer than baskets[1..*]",
        "stay within [1..*]",
        id="multiplicity below",
    ),
    pytest.param(
        "part byGlass :> way = way::glass;",
        "part byGlass[3] :> way = way::glass;",
        "3] :> way",
        "byGlass[3] allows more than way[1..2]",
        "stay within [1..2]",
        id="multiplicity above",
    ),
    pytest.param(
        "part clerks[2] : Clerk;",
        "part clerks[3..2] : Clerk;",
        "3..2]",
        "clerks is to be at least 3 and at most 2",
        "write the smaller number first",
        id="multiplicity upside down",
    ),
    pytest.param(
        "attribute :>> beat = 1.0e9 [Hz];",
        "attribute :>> beat = 1.0e9 [km];",
        "km];",
        "beat is given in km, a LengthUnit, where a FrequencyUnit is needed",
        "use a unit that is a FrequencyUnit",
        id="unit of the wrong dimension",
    ),
    pytest.param(
        "attribute :>> needed = 10 ['kbit/s'];",
        "attribute :>> needed = 10 [fade];",
        "fade];",
        "needed is given in fade, a FadingUnit, where a BinaryDigitRateUnit is needed",
        "use a unit that is a BinaryDigitRateUnit",
        id="own unit of the wrong dimension",
    ),
    pytest.param(
        "attribute :>> errors = 0.021;",
        "attribute :>> errors = 0.021 [s];",
        "s];",
        "errors is given in s, a DurationUnit, but is a Real",
        "remove the unit",
        id="unit of a plain number",
    ),
    pytest.param(
        "way = way::balloon;",
        "way = way::baloon;",
        "baloon;",
        "way has no variant baloon",
        "did you mean balloon?",
        id="choice of no variant",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "what", "remedy"), FAULTS)
def test_a_planted_fault_is_found_where_it_is(old: str, new: str, place: str, what: str, remedy: str) -> None:
    text = planted(old, new)
    found = findings(text)
    assert [each.what for each in found] == [what]
    assert remedy in found[0].suggestion
    before = text[: text.index(place, text.index(new) if new else 0)]
    assert (found[0].line, found[0].column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert str(found[0]).startswith(f"towns.sysml:{found[0].line}:{found[0].column}: ")


def test_a_library_name_that_is_not_there_is_left_open() -> None:
    assert findings("package P { part def A :> Elsewhere; attribute a : Unknown = 5 [unknown]; satisfy x by y; }") == ()


def test_annotations_are_no_members_of_a_variation() -> None:
    text = "package P { variation part def V { doc /* x */ @M; comment /* y */ import Q::*; variant part a; } }"
    assert findings(text) == ()


def test_several_files_are_looked_at_together() -> None:
    library = read_sysml("package L { attribute def W :> LengthValue; }", "l.sysml")
    model = read_sysml("package M { import L::*; attribute w : W = 1 [s]; attribute v : W = 1 [m]; }", "m.sysml")
    assert [each.what for each in check_sysml([library, model])] == [
        "w is given in s, a DurationUnit, where a LengthUnit is needed"
    ]
    assert check_sysml([model]) == ()


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("LengthValue", "LengthUnit"),
        ("WidthValue", "LengthUnit"),
        ("TimeValue", "DurationUnit"),
        ("Real", "Real"),
        ("X", ""),
    ],
)
def test_a_quantity_of_the_library_says_its_unit(quantity: str, unit: str) -> None:
    assert unit_of_quantity(quantity) == unit
