"""Files of the design half, checked by themselves: what kind each is, and what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.design.cost import CostBook
from keytwin.design.need import Case
from keytwin.files.check import check
from keytwin.files.library import view_sources
from keytwin.files.selection_file import SelectionFile
from keytwin.files.view_said import ViewFile
from keytwin.vocabulary.errors import FileMistake

VIEWS = {each.file.rpartition("/")[2]: each.octets.decode() for each in view_sources("qkd")}
VIEW = "protocol.bb84.yaml"


@pytest.mark.parametrize(
    ("where", "kind"),
    [("hospital", Case), ("long-range", Case), ("long-range/selection", SelectionFile), ("assumed", CostBook)],
)
def test_each_kind_is_checked_by_name(where: str, kind: type) -> None:
    checked = check(where)
    assert isinstance(checked.value, kind)
    assert checked.warnings == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{format: 1, stakeholder: x, sits: {}}", "unknown key 'sits' in a need file (did you mean 'sites'?)"),
        ("{format: 1, ovm: qkd, name: x, choose: {protocl: bb84}}", "unknown variation point 'protocl' (did you mean"),
        ("{format: 1, name: x, years: 1, prices: {a: {least: 1 EUR, most: 2 EUR}}}", "'source' is missing in a price"),
        ("{format: 1, variant: a.b, kind: sketch}", "a view refers to what shared.yaml declares"),
    ],
)
def test_what_is_wrong_is_told_as_of_its_kind(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FileMistake) as caught:
        check(str(tmp_path / "mine.yaml"))
    assert told in str(caught.value)


def written(folder: Path, text: str, *beside: str) -> str:
    """Write a view and what lies beside it; return its path."""
    for name in beside:
        (folder / name).write_text(VIEWS[name], encoding="utf-8")
    (folder / VIEW).write_text(text, encoding="utf-8")
    return str(folder / VIEW)


def test_a_view_is_read_with_what_its_neighbours_share(tmp_path: Path) -> None:
    found = check(written(tmp_path, VIEWS[VIEW], "shared.yaml")).value
    assert isinstance(found, ViewFile)
    assert found.variant == "protocol.bb84"
    wrong = VIEWS[VIEW].replace("system.alice", "system.alise")
    with pytest.raises(FileMistake, match=r"unknown part 'system.alise' \(did you mean 'system.alice'\?\)"):
        check(written(tmp_path, wrong))


def test_a_view_alone_is_told_what_it_lacks(tmp_path: Path) -> None:
    told = r"a view refers to what shared.yaml declares, and none lies beside it \(check it in the folder of the other"
    with pytest.raises(FileMistake, match=told):
        check(written(tmp_path, VIEWS[VIEW]))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title:", "titel:", "unknown key 'titel' in a view"),
        ("kind: activity", "kind: state", "a view of kind 'state' has no activity"),
    ],
)
def test_the_form_of_a_view_is_checked(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in VIEWS[VIEW]
    with pytest.raises(FileMistake, match=told):
        check(written(tmp_path, VIEWS[VIEW].replace(old, new, 1), "shared.yaml"))


@pytest.mark.parametrize("name", sorted(set(VIEWS) - {"shared.yaml"}))
def test_every_view_of_the_library_can_be_checked(name: str, tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text(VIEWS["shared.yaml"], encoding="utf-8")
    (tmp_path / name).write_text(VIEWS[name], encoding="utf-8")
    assert isinstance(check(str(tmp_path / name)).value, ViewFile)
