"""`keytwin design`, `keytwin eval` and `keytwin trace` as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit
from tests.assessment.needs import TWO_LINES, with_

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in a folder with a need file; gives exit code, stdout in one line of words, and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(TWO_LINES)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


def said(out: str) -> str:
    return " ".join(out.split())


def test_a_need_becomes_a_folder_with_all_of_it(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell("design", "mine.yaml", "-o", "out")
    assert (code, err) == (Exit.OK, "")
    assert "Everything that must be met is met with QKD protocol Decoy-state BB84" in said(out)
    assert "keytwin eval --replay out/verdict.json" in out
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"need.yaml", "network.yaml", "verdict.json", "runs/calm.yaml", "runs/cut-1-link.yaml"} <= written
    assert {"sysml/verdicts.sysml", "sysml/configuration.sysml", "views/ovm.svg", "views/after.svg"} <= written
    assert (tmp_path / "out" / "need.yaml").read_text() == TWO_LINES
    assert shell("check", "out/network.yaml")[0] == Exit.OK
    assert shell("check", "out/need.yaml")[0] == Exit.OK
    assert shell("sysml", "check", "out/sysml")[0] == Exit.OK


def test_a_design_can_be_made_anew_in_its_folder_and_not_in_another_ones(shell: Shell, tmp_path: Path) -> None:
    assert shell("design", "mine.yaml", "-o", "out")[0] == Exit.OK
    assert shell("design", "mine.yaml", "-o", "out", "--seed", "2")[0] == Exit.OK
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("mine")
    code, _, err = shell("design", "mine.yaml", "-o", "thesis")
    assert code == Exit.REFUSED
    assert "name another folder with -o" in err


def test_as_json_it_is_what_the_file_holds(shell: Shell, tmp_path: Path) -> None:
    _, out, _ = shell("design", "mine.yaml", "-o", "out", "--json")
    assert json.loads(out) == json.loads((tmp_path / "out" / "verdict.json").read_text())


def test_what_is_missed_is_said_and_leaves_with_1(shell: Shell, tmp_path: Path) -> None:
    hard = with_(TWO_LINES, ("at-least: 2 kbit/s, priority: must", "at-least: 9 Mbit/s, priority: must"))
    (tmp_path / "hard.yaml").write_text(hard)
    code, out, _ = shell("design", "hard.yaml")
    assert code == Exit.FAILED
    assert "Not met: N1" in said(out)
    assert "The cheapest way out is to relax N1 from 9 Mbit/s" in said(out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere.yaml",), "nowhere.yaml"),
        (("mine.yaml", "--take", "9"), "there is no proposal 9: there are 1"),
        (("mine.yaml", "--costs", "mine.yaml"), "mine.yaml"),
        (("mine.yaml", "--take", "one"), "take"),
    ],
)
def test_wrong_input_is_a_mistake_with_a_reason(shell: Shell, words: tuple[str, ...], told: str) -> None:
    code, out, err = shell("design", *words)
    assert code == Exit.MISTAKE
    assert told in err + out


def test_another_cost_book_is_kept_beside_the_verdict(shell: Shell, tmp_path: Path) -> None:
    from keytwin.files.library import cost_book_source  # noqa: PLC0415  # its text, to be changed

    text = cost_book_source("assumed").octets.decode().replace("name: assumed", "name: ours")
    (tmp_path / "ours.yaml").write_text(text)
    assert shell("design", "mine.yaml", "-o", "out", "--costs", "ours.yaml")[0] == Exit.OK
    assert (tmp_path / "out" / "costs.yaml").read_text() == text
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["costs"] == "ours"
    assert shell("eval", "--replay", "out/verdict.json")[0] == Exit.OK


# --- eval -----------------------------------------------------------------------------------------------------------


def test_a_verdict_is_made_again(shell: Shell, tmp_path: Path) -> None:
    shell("design", "mine.yaml", "-o", "out")
    code, out, _ = shell("eval", "--replay", "out/verdict.json")
    assert code == Exit.OK
    assert "every value came out equal" in out
    path = tmp_path / "out" / "verdict.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2', 1))
    code, _, err = shell("eval", "--replay", "out/verdict.json", "--json")
    assert code == Exit.FAILED
    assert "failed: " in err


def test_a_network_that_is_there_is_judged(shell: Shell) -> None:
    shell("design", "mine.yaml", "-o", "out")
    code, out, err = shell("eval", "mine.yaml", "--on", "out/network.yaml")
    assert (code, err) == (Exit.OK, "")
    assert "Everything that must be met is met on network two-lines" in said(out)
    code, _, err = shell("eval", "mine.yaml", "--on", "star6")
    assert code == Exit.MISTAKE
    assert "has no node 'head'" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name a need and a network"),
        (("mine.yaml",), "name the network with --on"),
        (("mine.yaml", "--replay", "x.json"), "--replay takes a verdict alone"),
        (("--replay", "x.json"), "there is no verdict at 'x.json'"),
        (("mine.yaml", "--on", "star6", "--live"), "no network is running"),
    ],
)
def test_what_cannot_be_judged_is_told_so(
    shell: Shell, words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, _, err = shell("eval", *words)
    assert code in {Exit.MISTAKE, Exit.REFUSED}
    assert told in err


# --- trace ----------------------------------------------------------------------------------------------------------


def test_a_need_is_traced_to_what_runs_and_back(shell: Shell) -> None:
    shell("design", "mine.yaml", "-o", "out")
    code, out, _ = shell("trace", "N2", "--in", "out")
    assert code == Exit.OK
    for told in ('"also when somebody digs"', "keytwin run runs/cut-1-link.yaml --seed 1", "N2: met: measured it"):
        assert told in said(out)
    _, out, _ = shell("trace", "link/head--vault/north", "--in", "out")
    assert "protocol.decoy-bb84" in out
    assert "derive-choice" in out
    _, out, _ = shell("trace", "N2", "--in", "out", "--json")
    (plain,) = json.loads(out)
    assert plain["kind"] == "need"
    assert plain["leads_to"]["run"] == ["cut-1-link"]


def test_what_is_not_in_a_design_cannot_be_traced(shell: Shell) -> None:
    shell("design", "mine.yaml", "-o", "out")
    code, _, err = shell("trace", "protocol.decoy-bb48", "--in", "out")
    assert code == Exit.MISTAKE
    assert "did you mean 'protocol.decoy-bb84'" in err
    code, _, err = shell("trace", "N1")
    assert code == Exit.MISTAKE
    assert "keytwin design NEED -o DIR writes" in err
