"""UVL in and out: the same configurations, and an honest word on what is not read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from keytwin.design.counting import Diagram
from keytwin.design.features import FeatureModel, Group
from keytwin.design.formula import All, Any, Implies, Is, Not, Same, written
from keytwin.design.ovm_features import features_of
from keytwin.files.library import Source
from keytwin.files.ovm import library_ovm
from keytwin.files.uvl_reader import read_uvl
from keytwin.files.uvl_writer import write_uvl
from keytwin.vocabulary.errors import FileMistake
from tests.design.foreign import foreign_uvl
from tests.design.models import every, feature_models
from tests.files.reading import uvl, uvl_mistakes

ALL_KINDS = """\
namespace Shop
include
\tBoolean.group-cardinality
features
\tShop {abstract} // the root
\t\tmandatory
\t\t\tCatalogue {cost 3, maker 'we', nested {deep 1.5, flag}, list [1, 2], constraint Catalogue => Payment}
\t\toptional
\t\t\t"Search engine"
\t\t\tReviews /* a
\tcomment over lines */
\t\talternative
\t\t\tBasic
\t\t\tRich
\t\t\t\tor
\t\t\t\t\tVideo
\t\t\t\t\tSound
\t\t[1..2]
\t\t\tPayment
\t\t\tInvoice
\t\t\tCredit
constraints
\t"Search engine" => Rich & !(Reviews | Sound)
\tVideo <=> Credit // one for the other
"""


def test_all_kinds_of_groups_attributes_and_constraints_are_read() -> None:
    read = uvl(ALL_KINDS)
    model = read.value
    assert (model.name, model.root, read.warnings, model.left_out) == ("Shop", "Shop", (), ())
    assert [(g.parent, g.members, g.least, g.most) for g in model.groups] == [
        ("Shop", ("Catalogue",), 1, 1),
        ("Shop", ("Search engine",), 0, 1),
        ("Shop", ("Reviews",), 0, 1),
        ("Rich", ("Video", "Sound"), 1, 2),
        ("Shop", ("Basic", "Rich"), 1, 1),
        ("Shop", ("Payment", "Invoice", "Credit"), 1, 2),
    ]
    catalogue = model.features["Catalogue"]
    assert dict(catalogue.attributes) == {
        "cost": "3",
        "maker": "we",
        "nested.deep": "1.5",
        "nested.flag": "true",
        "list": "[1, 2]",
    }
    assert model.features["Shop"].is_abstract
    formulas = [each.formula for each in model.constraints]
    assert formulas[1:] + formulas[:1] == [
        Implies(Is("Search engine"), All((Is("Rich"), Not(Any((Is("Reviews"), Is("Sound"))))))),
        Same(Is("Video"), Is("Credit")),
        Implies(Is("Catalogue"), Is("Payment")),
    ]
    assert Diagram(model).count() == len(every(model))


def test_operators_bind_as_in_the_grammar_and_implication_to_the_right() -> None:
    head = "features\n\tR\n\t\toptional\n\t\t\tA\n\t\t\tB\n\t\t\tC\nconstraints\n\t"
    a, b, c = Is("A"), Is("B"), Is("C")
    for text, meant in [
        ("A | B & C", Any((a, All((b, c))))),
        ("A => B => C", Implies(a, Implies(b, c))),
        ("A <=> B => C", Same(a, Implies(b, c))),
        ("!A & B", All((Not(a), b))),
        ("!!A", Not(Not(a))),
        ("(A | B) & C", All((Any((a, b)), c))),
    ]:
        (constraint,) = uvl(head + text).value.constraints
        assert constraint.formula == meant, text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sum(price) < 100", "arithmetic"),
        ("A => A.price > 3", "arithmetic"),
        ("A == 'x'", "arithmetic"),
        ("other.Thing => A", "imported"),
    ],
)
def test_what_goes_beyond_choices_is_left_out_and_said(line: str, told: str) -> None:
    text = f"imports\n\tlib.other as other\nfeatures\n\tR\n\t\toptional\n\t\t\tA\nconstraints\n\t{line}\n"
    read = uvl(text)
    assert read.value.constraints == ()
    assert len(read.value.left_out) == 2, "the import and the constraint"
    warning = read.warnings[1]
    assert (warning.line, warning.column) == (8, 2)
    assert told in warning.what


def test_values_and_clones_of_features_are_left_out_and_said() -> None:
    read = uvl("features\n\tR\n\t\toptional\n\t\t\tInteger A\n\t\t\tB cardinality [1..3]\n\t\t\tBoolean C\n")
    assert [each.line for each in read.warnings] == [4, 5]
    assert Diagram(read.value).count() == 8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("features\n\tR\n\t\toptional\n\t\t\tA B\n", "4:4: 'A B' is no feature (a name with other characters"),
        ("features\n\tR\n\t\toptional\n\t\t\tR\n", "4:4: duplicate feature 'R'"),
        ("features\n\tR\n\tS\n", "3:2: 'S' is a second root"),
        ("features\n\tR\n\t\tA\n", "3:3: 'A' stands below a feature"),
        ("features\n\toptional\n\t\tA\n", "2:2: 'optional' stands below no feature"),
        ("features\n\tR\n\t\tor\n", "3:3: the group 'or' has no members"),
        ("features\n\tR\n\t\t[3..4]\n\t\t\tA\n", "3:3: [3..4] cannot be met by 1 members"),
        ("features\n\tR {a\n", "2:6: a '}' is missing"),
        ("features\n\tR {a 'x' b}\n", "2:11: 'b' stands where '}' is wanted"),
        ("features\n\tR {, }\n", "2:5: an attribute's name is missing here"),
        (
            "features\n\tR\n\t\toptional\n\t\t\tAlpha\nconstraints\n\tR => Alhpa\n",
            "6:7: unknown feature 'Alhpa' (did you mean 'Alpha'?)",
        ),
        ("features\n\tR\nconstraints\n\tR =>\n", "4:6: a feature is missing"),
        ("features\n\tR\nconstraints\n\t(R\n", "4:4: a ')' is missing"),
        ("features\n\tR\nconstraints\n\tR R\n", "4:4: 'R' is one too many here"),
        ("features\n\tR\nconstraints\n\tR $ R\n", "4:4: '$' has no meaning in a constraint"),
        ("features\n\tR\nconstraints\n\t" + "(" * 200 + "R\n", "this is nested more than 100 levels deep"),
        ("features\n\tR {constraints [R", "2:19: a ']' is missing"),
        ("features\n\tR {constraints [R, R,\n", "a ']' is missing"),
        ("what\n\tis it\n", "1:1: 'what' belongs to no section"),
        ("", "no features are declared"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(text: str, told: str) -> None:
    found = uvl_mistakes(text)
    assert any(told in each for each in found), found


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = "features\n\tR\n\t\toptional\n\t\t\tA A\n\t\t\tR\nconstraints\n\tR => X\n\tR =>\n"
    assert [each.partition(":")[0] for each in uvl_mistakes(text)] == ["4", "5", "7", "8"]


def test_what_stands_behind_the_braces_is_told() -> None:
    assert uvl_mistakes("features\n\tR {a} b\n") == ["2:7: 'b' is one too many here"]


def test_what_is_no_utf8_is_refused_at_its_line() -> None:
    with pytest.raises(FileMistake, match=r"x\.uvl:2:1: this is not UTF-8"):
        read_uvl(Source("x.uvl", b"features\n\t\xff\xfe\n"))


def test_spaces_and_tabs_indent_alike_and_carriage_returns_do_no_harm() -> None:
    plain = "features\n\tR\n\t\toptional\n\t\t\tA\n\t\t\tB\n"
    assert uvl(plain.replace("\t", "        ")).value == uvl(plain).value == uvl(plain.replace("\n", "\r\n")).value


@pytest.mark.parametrize("name", ["paper-a", "coffee", "qkd"])
def test_an_ovm_written_as_uvl_and_read_back_has_as_many_configurations(name: str) -> None:
    model = features_of(library_ovm(name))
    read = uvl(write_uvl(model))
    assert read.warnings == ()
    assert Diagram(read.value).count() == Diagram(model).count()
    assert [each.replace("::", ".") for each in read.value.features] == list(model.features)


def test_variation_points_are_never_members_of_an_or_group() -> None:
    """Trap: a published conversion puts mandatory variation points below an or-group, and counts 47 for 18."""
    model = features_of(library_ovm("paper-a"))
    read = uvl(write_uvl(model)).value
    points = {"protocol", "q-link", "medium", "terrestrial", "free-space"}
    groups = [each for each in read.groups if points & set(each.members)]
    assert all((len(each.members), each.least, each.most) == (1, 1, 1) for each in groups)
    assert len(groups) == 5
    assert Diagram(read).count() == 18
    open_points = tuple(each for each in read.groups if each.parent == read.root)
    loose = Group(read.root, tuple(each.members[0] for each in open_points), 1, len(open_points))
    rest = tuple(each for each in read.groups if each.parent != read.root)
    assert Diagram(FeatureModel("wrong", read.root, read.features, (loose, *rest))).count() == 47


@given(feature_models())
@settings(max_examples=40)
def test_any_model_written_and_read_back_has_the_same_configurations(model: FeatureModel) -> None:
    read = uvl(write_uvl(model)).value
    assert set(every(read)) == set(every(model))
    assert len(read.constraints) == len(model.constraints)


def test_brackets_are_not_lost_in_a_group_of_one() -> None:
    """Found by the property above: `!r & f` is not what was meant by the opposite of both."""
    both = All((Is("r"), Is("f")))
    for formula in (Not(Any((both,))), Not(All((Any((both,)),))), Not(both)):
        assert written(formula, str) == "!(r & f)"
    assert written(All((Any((Is("r"), Is("f"))), Is("g"))), str) == "(r | f) & g"
    assert written(Any((All((Is("r"),)), Is("g"))), str) == "r | g"


def test_names_that_uvl_cannot_write_stay_apart() -> None:
    model = uvl('features\n\tR\n\t\toptional\n\t\t\t"or"\n\t\t\t"a b"\n\t\t\tsum\n').value
    written = write_uvl(model)
    assert '"or"' in written
    assert '"a b"' in written
    assert list(uvl(written).value.features) == ["R", "or", "a b", "sum"]


def test_a_foreign_model_of_many_features_is_read_whole() -> None:
    model = uvl(foreign_uvl(6_000)).value
    assert len(model.features) == 6_000
    assert sum(len(each.members) for each in model.groups) == 5_999
    assert len(model.constraints) > 1_000
