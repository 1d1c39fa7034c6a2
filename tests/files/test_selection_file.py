"""The file of a selection: variants by variation point, looked up in the OVM that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files.library import Source, selections
from keytwin.files.selection_file import SELECTION, SelectionFile, read_selection, selection_from
from keytwin.vocabulary.errors import FileMistake, Mistake

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
