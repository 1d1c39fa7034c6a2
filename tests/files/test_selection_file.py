"""The file of a selection: variants by variation point, looked up in the OVM that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files.library import Source, selections
from keytwin.files.selection_file import SELECTION, SelectionFile, read_selection, selection_from
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import VariationPointId

TEXT = """format: 1
name: mine
ovm: qkd
choose:
  protocol: bb84
  medium: [terrestrial, satellite]
"""


def read(text: str) -> SelectionFile:
    return selection_from(Source("s.yaml", text.encode()))


def test_variants_get_their_variation_point_before_them() -> None:
    assert read(TEXT).choose == {
        "protocol": ("protocol.bb84",),
        "medium": ("medium.terrestrial", "medium.satellite"),
    }


def test_the_case_study_of_paper_a_is_shipped() -> None:
    assert selections() == ("long-range",)
    found = read_selection("long-range")
    assert found.ovm == "qkd"
    assert sorted(each for variants in found.choose.values() for each in variants) == [
        "free-space.single",
        "medium.satellite",
        "medium.terrestrial",
        "protocol.bb84",
        "q-link.repeater",
        "terrestrial.fibre",
    ]


def test_what_is_written_reads_back() -> None:
    written = SELECTION.write(read(TEXT))
    assert written == {
        "format": "1",
        "name": "mine",
        "ovm": "qkd",
        "choose": {"protocol": ["bb84"], "medium": ["terrestrial", "satellite"]},
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ovm: qkd", "ovm: qdk", "s.yaml:3:6: unknown OVM 'qdk' (did you mean 'qkd'?)"),
        ("protocol: bb84", "protocl: bb84", "s.yaml:5:3: unknown variation point 'protocl' (did you mean 'protocol'?)"),
        ("protocol: bb84", "protocol: bb83", "s.yaml:5:13: unknown variant 'bb83' (did you mean 'bb84'?)"),
        (
            "[terrestrial, s",
            "[terestrial, s",
            "s.yaml:6:12: unknown variant 'terestrial' (did you mean 'terrestrial'?)",
        ),
        ("name: mine", "nam: mine", "s.yaml:2:1: unknown key 'nam' in a selection (did you mean 'name'?)"),
        ("protocol: bb84", "protocol: {bb84: }", "choose.protocol is a mapping, where a list of variants is wanted"),
    ],
)
def test_mistakes_have_a_place_and_the_nearest_name(old: str, new: str, told: str) -> None:
    with pytest.raises(FileMistake) as found:
        read(TEXT.replace(old, new))
    assert any(told in str(each) for each in found.value.findings), str(found.value)


def test_a_selection_is_found_by_path_and_by_name_only(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT)
    assert read_selection(str(file)) == read(TEXT)
    with pytest.raises(Mistake, match=r"unknown selection 'long' \(did you mean 'long-range'\?"):
        read_selection("long")


def test_the_schema_allows_one_variant_or_several() -> None:
    choose = SELECTION.schema()["properties"]
    assert isinstance(choose, dict)
    assert "choose" in choose


def wrong(text: str) -> list[str]:
    with pytest.raises(FileMistake) as found:
        read(text)
    return [str(each) for each in found.value.findings]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "s.yaml: the file is empty (it begins with 'format: 1')"),
        ("[]", "s.yaml:1:1: the file is a list, where a mapping that describes a selection is wanted"),
        ("mine", "s.yaml:1:1: the file is a text, where a mapping that describes a selection is wanted"),
        ("\tformat: 1", "s.yaml:1:1: a tab stands where YAML wants spaces: indent with spaces"),
        (TEXT.replace("format: 1", "format: 2"), "s.yaml:1:9: unknown format '2' (this version reads 'format: 1')"),
        (TEXT.replace("name: mine", "name:"), "s.yaml:2:1: 'name' has no value (its name)"),
        (TEXT.replace("name: mine", "name: {a: b}"), "s.yaml:2:7: name is a mapping, where a text is wanted"),
        (TEXT.replace("ovm: qkd", "ovm: [qkd]"), "s.yaml:3:6: ovm is a list, where the OVM's name is wanted"),
        (
            f"{TEXT}  protocol: mdi\n",
            "s.yaml:7:3: duplicate key 'protocol' (the first is in line 5; remove one)",
        ),
        (
            TEXT.replace("[terrestrial, satellite]", "[satellite, satellite]"),
            "s.yaml:6:23: the variant 'satellite' is chosen twice (remove one, or name another)",
        ),
        (
            TEXT.replace("protocol: bb84", "protocol: [[bb84]]"),
            "s.yaml:5:14: choose.protocol[0] is a list, where the variant's name is wanted",
        ),
    ],
)
def test_one_mistake_is_one_finding_at_its_place(text: str, told: str) -> None:
    assert wrong(text) == [told]


def test_a_name_with_its_variation_point_or_in_capitals_is_another_name() -> None:
    for name in ("protocol.bb84", "BB84", "''"):
        (told,) = wrong(TEXT.replace("bb84", name))
        assert told.startswith("s.yaml:5:13: unknown variant")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    told = wrong(TEXT.replace("name", "nam").replace("bb84", "bb83").replace("medium", "medum"))
    places = [tuple(map(int, each.split(":")[1:3])) for each in told]
    assert {(2, 1), (5, 13), (6, 3)} <= set(places)


def test_of_an_unknown_model_nothing_more_is_said() -> None:
    assert len(wrong(TEXT.replace("ovm: qkd", "ovm: nope").replace("bb84", "nonsense"))) == 1


def test_nothing_may_be_chosen_at_a_point() -> None:
    assert read(TEXT.replace("bb84", "[]")).choose[VariationPointId("protocol")] == ()


def test_what_is_missing_is_said_each_by_itself() -> None:
    missing = [each.partition("'")[2].partition("'")[0] for each in wrong("format: 1")]
    assert missing == ["name", "ovm", "choose"]
