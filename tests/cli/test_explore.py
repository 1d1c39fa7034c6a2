"""`keytwin explore` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from tests.assessment.needs import TWO_LINES, with_

Shell = Callable[..., tuple[int, str, str]]

OPEN = with_(TWO_LINES, ("choose: {protocol: decoy-bb84, q-link: direct,", "choose: {q-link: direct,"))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in a folder with two need files; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "need.yaml").write_text(OPEN)
    (tmp_path / "fixed.yaml").write_text(TWO_LINES)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


def test_the_front_is_a_table_with_reasons_below(shell: Shell) -> None:
    code, out, err = shell("explore", "need.yaml", "--jobs", "1")
    assert (code, err) == (0, "")
    for said in ("two-lines:", "compared by", "not compared: restoration, consistency", "regret", "next to 1:"):
        assert said in out
    assert " x beaten by " in out
    assert "explore need.yaml --free" in out


def test_what_the_need_chooses_stays_unless_it_is_freed(shell: Shell) -> None:
    fixed = json.loads(shell("explore", "fixed.yaml", "--jobs", "1", "--json")[1])
    free = json.loads(shell("explore", "fixed.yaml", "--jobs", "1", "--json", "--free")[1])
    assert fixed["configurations"] == 1
    assert free["configurations"] > 10


def test_table_figure_and_record_are_written(shell: Shell, tmp_path: Path) -> None:
    for folder in ("one/deep", "two"):
        code, out, _ = shell("explore", "need.yaml", "--jobs", "1", "-o", folder)
        assert code == 0
        assert f"written to {folder}: front.csv, front.svg, exploration.json" in out
    for name in ("front.csv", "front.svg", "exploration.json"):
        assert (tmp_path / "one/deep" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    record = json.loads((tmp_path / "two/exploration.json").read_text())
    assert record == json.loads(shell("explore", "need.yaml", "--jobs", "1", "--json")[1])


def test_where_nothing_fits_the_exit_code_says_so(shell: Shell, tmp_path: Path) -> None:
    hard = with_(TWO_LINES, ("key-rate, at-least: 2 kbit/s, priority", "key-rate, at-least: 900 Gbit/s, priority"))
    (tmp_path / "hard.yaml").write_text(hard)
    code, out, _ = shell("explore", "hard.yaml", "--jobs", "1")
    assert code == 1
    assert "nothing meets all that must be met" in out
    assert "it would do to relax N1 to" in out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nowhere.yaml",), 2, "there is no such file"),
        (("need.yaml", "--costs", "cheapest"), 2, "cost book"),
        (("need.yaml", "--jobs", "0"), 2, "0 jobs: there are from 1 to 256"),
        (("need.yaml", "--jobs", "1.5"), 2, "1.5"),
    ],
)
def test_mistakes_are_told(words: tuple[str, ...], code: int, told: str, shell: Shell) -> None:
    found, out, err = shell("explore", *words)
    assert found == code
    assert told in err + out


def test_a_folder_that_cannot_be_written_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    code, _, err = shell("explore", "fixed.yaml", "--jobs", "1", "-o", "taken")
    assert code == 3
    assert "taken" in err
