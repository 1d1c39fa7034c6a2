"""OVM files: what they say, what is wrong in them, and what one adds to another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keytwin.design.variability import Bond
from keytwin.design.views import ViewKind
from keytwin.files.check import check
from keytwin.files.kinds import Json
from keytwin.files.library import knowledge_names, ovm_names
from keytwin.files.ovm import library_ovm, read_ovm
from keytwin.files.ovm_file import ANY_NUMBER, OVM, RANGE, Range
from keytwin.files.schema import schema
from keytwin.files.variability import Variability
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import VariantId
from tests.files.json_schema import offences
from tests.files.reading import ovm, ovm_mistakes

HEAD = "format: 1\nname: t\n"
SMALL = """\
format: 1
name: t
attributes:
  reach: {quantity: length}
variation_points:
  a:
    view: activity
    choose: 1..*
    variants:
      x: {attributes: {reach: {value: 20 km, source: somebody}}}
      y: {mandatory: yes, runs_as: bbm92}
  b:
    name: Bee
    opened_by: a.x
    mandatory: no
    view: sequence
    variants: {z: }
dependencies:
  - {if: b.z, requires: [a.y, a], reason: because it is so.}
  - {if: a.y, excludes: b, reason: because it is so, sources: [somebody]}
"""


def test_a_file_says_what_may_vary() -> None:
    read = ovm(SMALL)
    assert [(p.id, p.name, p.parent, p.is_mandatory, p.least, p.most, p.view) for p in read.points.values()] == [
        ("a", "a", None, True, 1, 2, ViewKind.ACTIVITY),
        ("b", "Bee", "a.x", False, 1, 1, ViewKind.SEQUENCE),
    ]
    assert [(v.id, v.point, v.is_mandatory, v.runs_as) for v in read.variants.values()] == [
        ("a.x", "a", False, ""),
        ("a.y", "a", True, "bbm92"),
        ("b.z", "b", False, ""),
    ]
    (figure,) = read.variants[VariantId("a.x")].attributes
    assert (figure.name, figure.quantity, figure.value, figure.source) == ("reach", "length", "20 km", "somebody")
    first, second = read.dependencies
    assert (first.bond, first.source, first.targets, first.reason) == (
        Bond.REQUIRES,
        "b.z",
        ("a.y", "a"),
        "because it is so",
    )
    assert (second.bond, second.targets, second.sources) == (Bond.EXCLUDES, ("b",), ("somebody",))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("view: activity", "view: activty", "7:11: unknown kind of view 'activty' (did you mean 'activity'?)"),
        ("opened_by: a.x", "opened_by: a.q", "14:16: unknown variant 'a.q' (did you mean"),
        ("if: b.z", "if: b.zz", "19:10: unknown variation point or variant 'b.zz' (did you mean 'b.z'?)"),
        ("choose: 1..*", "choose: 2..1", "8:13: '2..1' allows nothing"),
        ("choose: 1..*", "choose: many", "8:13: 'many' is no range: write 'least..most'"),
        ("choose: 1..*", "choose: 1..3", "7:5: a has 2 variants, of which 3 cannot be chosen"),
        ("20 km", "20 kg", "10:39: '20 kg' has an unknown unit 'kg'"),
        ("{reach: {value", "{reech: {value", "10:24: unknown attribute 'reech' (did you mean 'reach'?)"),
        (", source: somebody}}", "}}", "10:31: 'source' is missing in a figure"),
        ("  b:\n", "  b.c:\n", "'.' stands between a variation point and its variant"),
        ("requires: [a.y, a], ", "", "19:5: a dependency says 'requires' or 'excludes': neither is given"),
        (
            "excludes: b,",
            "excludes: b, requires: a,",
            "20:5: a dependency says 'requires' or 'excludes': both are given",
        ),
        ("reason: because it is so.", "", "'reason' is missing in a dependency"),
        ("variants: {z: }", "variants: ", "'variants' has no value"),
        ("opened_by: a.x", "opened_by: b.z", "b is opened by a variant that only b itself makes possible"),
        ("quantity: length", "quantity: lenght", "4:21: unknown quantity 'lenght' (did you mean 'length'?)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_the_nearest_name(old: str, new: str, told: str) -> None:
    assert old in SMALL
    found = ovm_mistakes(SMALL.replace(old, new, 1))
    assert any(told in each for each in found), found


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = SMALL.replace("activity", "activty").replace("20 km", "20").replace("a.x\n", "a.q\n")
    assert len(ovm_mistakes(text)) == 3


def test_too_many_mandatory_variants_are_a_mistake() -> None:
    text = SMALL.replace("choose: 1..*", "choose: 1").replace("x: {", "x: {mandatory: yes, ")
    assert ovm_mistakes(text) == ["7:5: a has 2 mandatory variants, but at most 1 may be chosen"]


# --- extending ------------------------------------------------------------------------------------------------------


def test_a_file_adds_variants_and_variation_points_to_another(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        HEAD + "extends: coffee\n"
        "variation_points:\n"
        "  milk: {variants: {oat: {name: Oat}}}\n"
        "  cup: {view: block definition, variants: {paper: , glass: }}\n"
        "dependencies:\n  - {if: cup.paper, excludes: milk.oat, reason: an example of a reason}\n"
    )
    base, mine = library_ovm("coffee"), read_ovm(str(tmp_path / "mine.yaml"))
    assert mine.name == "t"
    assert list(mine.points) == [*base.points, "cup"]
    assert set(mine.variants) - set(base.variants) == {"milk.oat", "cup.paper", "cup.glass"}
    assert mine.dependencies[:-1] == base.dependencies


def test_files_extend_one_another_from_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "base.yaml").write_text(SMALL)
    (tmp_path / "outer.yaml").write_text(
        HEAD + "extends: inner/base.yaml\nvariation_points: {b: {choose: 1..*, variants: {w: }}}\n"
    )
    assert set(read_ovm(str(tmp_path / "outer.yaml")).variants) == {"a.x", "a.y", "b.z", "b.w"}


def test_a_mistake_in_what_is_extended_is_told_with_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SMALL.replace("view: activity", "view: act"))
    (tmp_path / "mine.yaml").write_text(HEAD + "extends: base.yaml\nvariation_points: {b: {variants: {w: }}}\n")
    with pytest.raises(FileMistake) as caught:
        read_ovm(str(tmp_path / "mine.yaml"))
    (finding,) = caught.value.findings
    assert (finding.file, finding.line) == (str(tmp_path / "base.yaml"), 7)


@pytest.mark.parametrize(
    ("extends", "told"),
    [
        ("qkdd", "unknown OVM 'qkdd' (did you mean 'qkd'?"),
        ("nowhere.yaml", "there is no such file"),
        ("mine.yaml", "'mine.yaml' is extended by itself"),
    ],
)
def test_what_cannot_be_extended_is_told(extends: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        HEAD + f"extends: {extends}\nvariation_points: {{a: {{view: state, variants: {{x: }}}}}}\n"
    )
    with pytest.raises(FileMistake) as caught:
        read_ovm(str(tmp_path / "mine.yaml"))
    assert told in str(caught.value)
    assert caught.value.findings[0].line == 3


def test_a_long_chain_of_files_ends(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"f{number}.yaml").write_text(HEAD + f"extends: f{number + 1}.yaml\nvariation_points: {{}}\n")
    with pytest.raises(FileMistake, match="more than 8 files extend one another"):
        read_ovm(str(tmp_path / "f0.yaml"))


# --- the library, check and schema ----------------------------------------------------------------------------------


def test_the_library_has_ovms_and_knowledge_by_name() -> None:
    assert ovm_names() == ("coffee", "paper-a", "qkd")
    assert knowledge_names() == ("qkd-knowledge",)
    with pytest.raises(Mistake, match=r"unknown OVM 'paper-b' \(did you mean 'paper-a'\?"):
        read_ovm("paper-b")


@pytest.mark.parametrize("name", ["coffee", "paper-a", "qkd"])
def test_check_knows_the_kind_and_finds_nothing_wrong(name: str) -> None:
    found = check(name)
    assert isinstance(found.value, Variability)
    assert (found.value.kind, found.warnings) == ("OVM", ())


def test_check_warns_of_what_can_never_be_chosen(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SMALL)
    (warning,) = check(str(file)).warnings
    assert str(warning).startswith(f"{file}: b.z can never be chosen (keytwin ovm why")
    file.write_text(SMALL.replace("if: b.z, requires: [a.y, a]", "if: a, excludes: a"))
    assert "no configuration is possible" in str(check(str(file)).warnings[0])


def test_the_schema_takes_what_the_reader_takes_and_refuses_a_misspelt_key() -> None:
    written: dict[str, Json] = {
        "format": 1,
        "name": "t",
        "variation_points": {
            "a": {
                "view": "activity",
                "choose": 1,
                "variants": {"x": {"attributes": {"r": {"value": 3, "source": "s"}}}, "y": None},
            }
        },
        "dependencies": [{"if": "a.x", "excludes": ["a.y"], "reason": "r", "sources": ["s"]}],
    }
    described = schema("ovm")
    assert list(offences(json.loads(json.dumps(written)), described)) == []
    assert list(offences({**written, "variaton_points": {}}, described)) != []


def test_ranges_are_written_as_they_are_read() -> None:
    for text in ("0..3", "1..*", "2..2"):
        assert RANGE.show(RANGE.parse(text)) == text
    assert RANGE.parse("3") == Range(3, 3)
    assert RANGE.parse("1..*").most == ANY_NUMBER
    assert OVM.what == "an OVM"
