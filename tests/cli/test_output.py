"""What people and programs get to read."""

from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from keytwin.cli.output import PLAIN_WIDTH, complain, counted, encoding, own_name, show, show_json, suggest, width


def test_square_brackets_mean_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    show("a [bold]word[/bold] and [red]")
    assert capsys.readouterr().out == "a [bold]word[/bold] and [red]\n"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"name": "star6", "keys": [1, 2], "none": None})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "star6", "keys": [1, 2], "none": None}
    assert out.endswith("}\n")


def test_next_commands_stand_below_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    suggest(("keytwin check a", "find"), ("keytwin run", "go"))
    assert capsys.readouterr().out == "\nnext: keytwin check a  # find\n      keytwin run      # go\n"


def test_complaints_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no")
    assert capsys.readouterr() == ("", "no\n")


@pytest.mark.parametrize(("number", "said"), [(0, "0 keys"), (1, "1 key"), (2, "2 keys")])
def test_counts_in_plain_words(number: int, said: str) -> None:
    assert counted(number, "key") == said


def test_a_file_is_as_wide_as_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(BytesIO(), encoding="ascii"))
    assert (width(), encoding()) == (PLAIN_WIDTH, "ascii")


def test_names_itself_as_it_can_be_called_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "with space/keytwin"
    command.parent.mkdir()
    command.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(command)])
    monkeypatch.setenv("PATH", "")
    assert own_name() == f"'{command}'"
    monkeypatch.setenv("PATH", str(command.parent))
    assert own_name() == "keytwin"
    monkeypatch.setattr(sys, "argv", ["/somewhere/keytwin/__main__.py"])
    assert own_name() == "python -m keytwin"
