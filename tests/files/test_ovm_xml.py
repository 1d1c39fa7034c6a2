"""The XML of FeatureIDE's OVMs: groups, constraints, and nothing that XML can do to its reader."""

from __future__ import annotations

import pytest

from keytwin.design.counting import Diagram
from keytwin.design.formula import All, Implies, Is, Not
from keytwin.files import xml_tree
from tests.design.models import every
from tests.files.reading import ovm_xml, ovm_xml_mistakes

PHONE = """\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<OvModel Name="Phone">
  <OvModelMetainformation Description=""><graphics key="layout" value="horizontal"/></OvModelMetainformation>
  <OvModelVariationPoint Alternative="true" MaxChoices="2" MinChoices="1" Name="Messages" Optional="false">
    <OvModelVariationBaseMetainformation Abstract="false" PartOfOvModelRoot="true"/>
    <OptionalChildren>
      <OvModelVariant Name="Short" Optional="true"/>
      <OvModelVariant Name="Pictures" Optional="true"/>
      <OvModelVariant Name="Voice" Optional="true"/>
    </OptionalChildren>
  </OvModelVariationPoint>
  <OvModelVariationPoint Alternative="false" MaxChoices="-1" MinChoices="-1" Name="Tools" Optional="true">
    <MandatoryChildren>
      <OvModelVariant Name="Clock"/>
    </MandatoryChildren>
    <OptionalChildren>
      <OvModelVariant Name="Sums"/>
      <OvModelVariationPoint Alternative="true" MinChoices="-1" MaxChoices="-1" Name="Money" Optional="false">
        <OptionalChildren><OvModelVariant Name="Euro"/><OvModelVariant Name="Pound"/></OptionalChildren>
      </OvModelVariationPoint>
    </OptionalChildren>
  </OvModelVariationPoint>
  <OvModelRequiresConstraint Name="c1">
    <OvModelConstraintMetainformation Description="Money is counted in sums"/>
    <OvModelVariationPointReference Name="Money"/>
    <OvModelVariantReference Name="Sums"/>
  </OvModelRequiresConstraint>
  <OvModelExcludesConstraint Name="c2">
    <OvModelVariantReference Name="Voice"/>
    <OvModelVariantReference Name="Clock"/>
  </OvModelExcludesConstraint>
</OvModel>
"""


def test_groups_and_constraints_are_read() -> None:
    read = ovm_xml(PHONE)
    model = read.value
    assert (model.name, model.root, read.warnings) == ("Phone", "Phone", ())
    assert [(g.parent, g.members, g.least, g.most) for g in model.groups] == [
        ("Phone", ("Messages",), 1, 1),
        ("Messages", ("Short", "Pictures", "Voice"), 1, 2),
        ("Phone", ("Tools",), 0, 1),
        ("Tools", ("Clock",), 1, 1),
        ("Money", ("Euro", "Pound"), 1, 1),
        ("Tools", ("Sums",), 0, 1),
        ("Tools", ("Money",), 0, 1),
    ]
    assert [(each.formula, each.reason) for each in model.constraints] == [
        (Implies(Is("Money"), Is("Sums")), "Money is counted in sums"),
        (Not(All((Is("Voice"), Is("Clock")))), ""),
    ]
    assert Diagram(model).count() == len(every(model)) == 6 + 3 * 4


def test_a_variation_point_outside_the_tree_is_left_out_with_its_constraints_and_said() -> None:
    text = PHONE.replace(
        "</OvModel>",
        '<OvModelVariationPoint Name="made up"><OvModelVariationBaseMetainformation PartOfOvModelRoot="false"/>'
        '</OvModelVariationPoint><OvModelRequiresConstraint Name="c3"><OvModelVariationPointReference Name="made up"/>'
        '<OvModelVariantReference Name="Short"/></OvModelRequiresConstraint></OvModel>',
    )
    read = ovm_xml(text)
    assert [each.what.partition(":")[2].strip().partition(":")[0] for each in read.warnings] == [
        "a variation point outside the tree, which stands for a constraint",
        "a constraint on a variation point outside the tree",
    ]
    assert len(read.value.left_out) == 2
    assert len(read.value.constraints) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('Name="Pictures"', 'Name="Short"', "8:7: duplicate name 'Short'"),
        ('<OvModelVariant Name="Clock"/>', "<OvModelVariant/>", "14:7: <OvModelVariant> has no Name"),
        ('MinChoices="1"', 'MinChoices="one"', "4:3: MinChoices is 'one', no whole number"),
        ('MinChoices="1"', 'MinChoices="5"', "4:3: 'Messages' wants 5 to 2 of 3 optional variants"),
        (
            '<OvModelVariantReference Name="Sums"/>',
            '<OvModelVariantReference Name="Sum"/>',
            "unknown variation point or variant 'Sum' (did you mean 'Sums'?)",
        ),
        ('<OvModelVariantReference Name="Clock"/>', "", "28:3: a constraint joins two ends, and this one has 1"),
        ("OvModelExcludesConstraint", "OvModelForbids", "28:3: unknown element <OvModelForbids>"),
        ("MandatoryChildren", "Children", "13:5: unknown element <Children> in a variation point"),
        ('<OvModelVariant Name="Sums"/>', '<Sums Name="Sums"/>', "<Sums> is neither a variation point nor a variant"),
        ('<OvModelVariantReference Name="Voice"/>', '<Voice Name="Voice"/>', "<Voice> is no reference"),
        ("</OvModel>", "", "this is no XML: no element found"),
        ("OvModel ", "Model ", "this is no XML: mismatched tag"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(old: str, new: str, told: str) -> None:
    assert old in PHONE
    found = ovm_xml_mistakes(
        PHONE.replace(old, new) if "Children" in old or "Excludes" in old else PHONE.replace(old, new, 1)
    )
    assert any(told in each for each in found), found


def test_other_xml_is_refused_by_name() -> None:
    assert ovm_xml_mistakes("<featureModel/>") == [
        "1:1: this is XML, but of 'featureModel': an OVM begins with <OvModel>"
    ]


def test_a_bomb_of_entities_is_refused_before_it_is_read() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "boom"}">' for n in range(9))
    (told,) = ovm_xml_mistakes(f"<!DOCTYPE bomb [{entities}]>\n<OvModel Name='&e8;'/>")
    assert "a document type is not read" in told


def test_a_file_of_a_secret_place_is_not_looked_into() -> None:
    (told,) = ovm_xml_mistakes('<!DOCTYPE x [<!ENTITY s SYSTEM "file:///etc/passwd">]><OvModel Name="&s;"/>')
    assert "a document type is not read" in told


def test_depth_and_number_of_elements_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nested more than 64 levels" in ovm_xml_mistakes("<OvModel>" * 100)[0]
    monkeypatch.setattr(xml_tree, "MOST_ELEMENTS", 10)
    assert "more than 10 elements" in ovm_xml_mistakes(f"<OvModel>{'<a/>' * 20}</OvModel>")[0]


def test_a_root_is_named_apart_from_a_variation_point_of_the_same_name() -> None:
    text = PHONE.replace('Name="Tools"', 'Name="Phone"')
    assert ovm_xml(text).value.root == "Phone_"
