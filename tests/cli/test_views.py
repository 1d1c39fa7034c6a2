"""`keytwin views` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from keytwin.cli import main

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


def test_a_selection_is_told_with_findings_changes_and_views(shell: Shell) -> None:
    code, out, err = shell("views", "--select", "long-range")
    assert (code, err) == (0, "")
    for said in (
        "side by side: 6 views, 8 findings",
        "together: 9 views, nothing amiss",
        "instead: protocol.e91, which uses the",
        "told the transmission once for each channel",
        "interface definition",
        "--replace protocol=e91",
    ):
        assert said in out
    assert {f"sync-{number}" for number in (1, 3, 4, 5, 9)} == {w for w in out.split() if w.startswith("sync-")}


def test_json_holds_the_model_with_its_reasons(shell: Shell) -> None:
    code, out, _ = shell("views", "--select", "long-range", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["interface"] in {each["id"] for each in told["after"]["views"]}
    assert told["after"]["findings"] == []
    assert {each["rule"] for each in told["before"]["findings"]} == {"sync-1", "sync-3", "sync-4", "sync-5", "sync-9"}
    assert all(each["because"] or each["rules"] for each in told["after"]["elements"])
    assert {"is", "id", "name"} <= told["after"]["elements"][0].keys()


def test_views_are_drawn_before_and_after(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("views", "--select", "long-range", "--output", "drawn")
    assert code == 0
    assert "19 drawings in drawn" in out
    before, after = (
        sorted(each.name for each in (tmp_path / "drawn" / each).iterdir()) for each in ("before", "after")
    )
    assert len(before) == 6
    assert set(before) | {"interface.svg", "structure.svg", "q-link.repeater.satellite-channel.svg"} == set(after)
    for file in (tmp_path / "drawn").rglob("*.svg"):
        assert ET.parse(file).getroot().tag.endswith("svg")  # noqa: S314  # our own file


def test_a_replacement_tells_all_that_moves(shell: Shell) -> None:
    code, out, _ = shell("views", "--select", "long-range", "--replace", "protocol=bbm92")
    assert code == 0
    assert out.startswith("- protocol.bb84\n+ protocol.bbm92\n")
    assert "protocol: BB84 -> BBM92" in out
    assert "unmoved: medium, medium 2, terrestrial, free-space" in out
    code, out, _ = shell("views", "--select", "long-range", "--replace", "protocol=bbm92", "--json")
    told = {each["view"]: each for each in json.loads(out)}
    assert "bbm92.emit" in told["protocol"]["added"]
    assert "system.alice-memory" in told["view.interface"]["removed"]
    assert told["medium"]["changed"] == []


def test_the_case_study_is_an_example_to_begin_with(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("examples", "long-range/selection")
    (tmp_path / "mine.yaml").write_text(out, encoding="utf-8")
    assert code == 0
    assert shell("views", "--select", "mine.yaml")[1].startswith("selected from qkd: free-space.single")
    _, listed, _ = shell("examples", "--json")
    assert ("long-range", "selection") in {(each["name"], each["kind"]) for each in json.loads(listed)}


def test_without_a_selection_all_views_are_listed(shell: Shell) -> None:
    code, out, _ = shell("views")
    assert code == 0
    assert "one for each variant" in out
    assert "key-api.etsi-014" in out
    _, listed, _ = shell("views", "--ovm", "paper-a", "--json")
    assert len(json.loads(listed)) < 12


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--select", "long-rang"), "unknown selection 'long-rang' (did you mean 'long-range'?"),
        (("--select", "gone.yaml"), "gone.yaml: there is no such file"),
        (("--select", "long-range", "--ovm", "qdk"), "unknown OVM 'qdk' (did you mean 'qkd'?"),
        (("--select", "long-range", "--replace", "protocol"), "write it as 'protocol=mdi'"),
        (("--select", "long-range", "--replace", "protocol=gg02"), "which carry no amplitude to modulate"),
        (("--replace", "protocol=mdi"), "--replace changes a selection: name one with --select"),
    ],
)
def test_a_mistake_is_told_in_one_line(shell: Shell, words: tuple[str, ...], told: str) -> None:
    code, out, err = shell("views", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


def test_with_drawings_nothing_more_is_suggested(shell: Shell) -> None:
    _, told, _ = shell("views", "--select", "long-range")
    assert "keytwin views --select long-range -o views" in told
    _, drawn, _ = shell("views", "--select", "long-range", "-o", "deep/drawn")  # a folder that is not there yet
    assert "drawings in deep/drawn" in drawn
    assert "-o views" not in drawn


def test_a_replacement_is_drawn_as_it_becomes_and_not_as_it_was(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("views", "--select", "long-range", "--replace", "protocol=bbm92", "-o", "new")
    assert code == 0
    drawn = {each.stem for each in (tmp_path / "new" / "after").iterdir()}
    assert "protocol.bbm92" in drawn
    assert "protocol.bb84" not in drawn
    assert "in new" in out


def test_a_replacement_by_itself_moves_nothing(shell: Shell) -> None:
    code, out, _ = shell("views", "--select", "long-range", "--replace", "protocol=bb84")
    assert code == 0
    assert out.startswith("- nothing\n+ nothing\n")
    assert "protocol" in next(each for each in out.splitlines() if each.startswith("unmoved: "))
    assert "no view" not in out


def test_json_is_all_that_is_printed_even_with_drawings(shell: Shell, tmp_path: Path) -> None:
    _, out, err = shell("views", "--ovm", "paper-a", "--json", "-o", "all")
    listed = json.loads(out)
    assert err == ""
    drawn = {each.stem for each in (tmp_path / "all").iterdir()}
    assert drawn == {"ovm", "schematic", *(each["variant"] for each in listed)}


@pytest.mark.parametrize(("form", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_all_is_drawn_in_the_form_that_is_asked_for(shell: Shell, tmp_path: Path, form: str, begins: bytes) -> None:
    code, out, err = shell("views", "--select", "long-range", "-o", "drawn", "--format", form)
    assert (code, err) == (0, "")
    files = [path for path in (tmp_path / "drawn").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {f".{form}"}
    assert f"{len(files)} drawings in drawn" in out
    assert {"ovm", "schematic", "before", "after"} <= {path.stem for path in files if path.parent.name == "drawn"}
    assert all(path.read_bytes().startswith(begins) for path in files)


def test_a_form_that_there_is_not_draws_nothing(shell: Shell, tmp_path: Path) -> None:
    code, _, _ = shell("views", "--select", "long-range", "-o", "drawn", "--format", "bmp")
    assert code != 0
    assert not (tmp_path / "drawn").exists()
