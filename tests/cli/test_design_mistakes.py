"""Wrong input to the commands of the design half: what it says, with what exit code, and that nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit

Shell = Callable[..., tuple[int, str, str]]

SELECTION = """format: 1
name: mine
ovm: qkd
choose:
  protocol: bb84
  q-link: repeater
  medium: [terrestrial, satellite]
  terrestrial: fibre
  free-space: single
"""


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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ovm show nosuch", "unknown OVM 'nosuch' (known: coffee, paper-a, qkd"),
        ("ovm show none.yaml", "there is no such file"),
        ("ovm show none.uvl", "none.uvl"),
        ("ovm why qkd protocol.bb48", "qkd has no variant 'protocol.bb48' (did you mean 'protocol.bb84'?)"),
        ("ovm count qkd --choose protocol.bb48", "protocol.bb48"),
        ("ovm solve qkd nosuch.x", "qkd has no variant 'nosuch.x' (keytwin ovm show qkd lists what there is)"),
        ("ovm sample qkd --number 0", "--number 0: write a number from 1 to 1000000"),
        ("ovm compare qkd nosuch", "unknown OVM 'nosuch'"),
        ("views --select nosuch", "unknown selection 'nosuch' (known: long-range"),
        ("views --select long-range --replace protocol", "'protocol' replaces nothing: write it as 'protocol=mdi'"),
        ("views --select long-range --replace protocol=mdx", "mdx"),
        ("views --select long-range --replace protocols=mdi", "protocols"),
        ("views --ovm nosuch", "unknown OVM 'nosuch'"),
        ("sysml check none.sysml", "there is no file none.sysml"),
        ("sysml read none.sysml", "none.sysml"),
        ("sysml export nosuch -o out", "unknown selection 'nosuch'"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(shell: Shell, tmp_path: Path, words: str, told: str) -> None:
    code, out, err = shell(*words.split())
    assert code in {Exit.MISTAKE, Exit.REFUSED}
    assert out == ""
    assert told in " ".join(err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("bb84", "bb48", "mine.yaml:5:13: unknown variant 'bb48' (did you mean 'bb84'?)"),
        ("q-link:", "qlink:", "mine.yaml:6:3: unknown variation point 'qlink' (did you mean 'q-link'?)"),
        ("ovm: qkd", "ovm: qkx", "mine.yaml:3:6: unknown OVM 'qkx'"),
        ("format: 1", "format: 2", "mine.yaml:1:9: unknown format '2'"),
        ("choose:", "chose:", "mine.yaml:4:1: unknown key 'chose' in a selection (did you mean 'choose'?)"),
    ],
)
def test_a_wrong_selection_is_told_with_its_place(
    shell: Shell, tmp_path: Path, before: str, after: str, told: str
) -> None:
    (tmp_path / "mine.yaml").write_text(SELECTION.replace(before, after, 1))
    code, out, err = shell("views", "--select", "mine.yaml")
    assert (code, out) == (Exit.MISTAKE, "")
    assert told in " ".join(err.split())


def test_a_selection_that_physics_forbids_is_told_with_its_reason(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SELECTION.replace("bb84", "twin-field").replace("repeater", "untrusted-centre"))
    code, _, err = shell("views", "--select", "mine.yaml")
    assert code == Exit.MISTAKE
    assert "the phase of two senders cannot be kept in step with a moving satellite" in " ".join(err.split())


def test_a_selection_of_ones_own_gives_what_the_shipped_one_gives(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SELECTION)
    _, own, _ = shell("views", "--select", "mine.yaml", "--json")
    _, shipped, _ = shell("views", "--select", "long-range", "--json")
    mine, theirs = json.loads(own), json.loads(shipped)
    assert mine.keys() == theirs.keys()
    assert mine["after"] == theirs["after"]
