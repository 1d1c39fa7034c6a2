"""`keytwin report`: what it writes and where, what it refuses, and that it reads what the other commands write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.assessment.answer import encoded
from keytwin.cli import main
from keytwin.cli.exits import Exit
from tests.report.answers import answer
from tests.report.pages import read_page

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in a folder with a design in `out`; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("out/verdict.json").write_bytes(encoded(answer()))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


@pytest.mark.parametrize("what", ["out", "out/verdict.json"])
def test_writes_the_report_into_the_folder_of_the_design(shell: Shell, what: str) -> None:
    code, out, _ = shell("report", what)
    written = Path("out/report.html")
    assert code == Exit.OK
    assert f"written to out/report.html, {written.stat().st_size / 1000:,.0f} kB" in out
    assert read_page(written.read_text(encoding="utf-8")).faults == []


def test_writes_it_where_it_is_told_to_and_again_over_itself(shell: Shell) -> None:
    for _ in range(2):
        assert shell("report", "out", "-o", "mine.html")[0] == Exit.OK
    assert not Path("out/report.html").exists()
    assert Path("mine.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_trace_gets_its_report_beside_it(shell: Shell) -> None:
    assert shell("run", "star6/fig4", "--seed", "1", "--trace", "fig4.jsonl")[0] == Exit.OK
    assert shell("report", "fig4.jsonl")[0] == Exit.OK
    page = read_page(Path("fig4.html").read_text(encoding="utf-8"))
    assert page.faults == []
    assert "3 sessions got 6 keys handed out." in page.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "nothing"), "there is no folder and no trace 'nothing'"),
        (("report", "empty"), "there is no verdict at 'empty/verdict.json'"),
        (("report", "out", "-o", "out/verdict.json"), "ends in .html"),
        (("report", "out", "-o", "need.yaml"), "ends in .html"),
        (("report", "trace.html", "-o", "trace.html"), "is what the report is made of"),
        (("report", "text.jsonl"), "this is no trace of keytwin"),
        (("report", "out/verdict.json/x"), "there is no folder and no trace"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(shell: Shell, words: tuple[str, ...], said: str) -> None:
    Path("empty").mkdir()
    Path("text.jsonl").write_text("some text\n", encoding="utf-8")
    Path("trace.html").write_text("{}\n", encoding="utf-8")
    before = sorted((path, path.read_bytes()) for path in Path().rglob("*") if path.is_file())
    code, out, err = shell(*words)
    assert code == Exit.MISTAKE
    assert said in err
    assert out == ""
    assert sorted((path, path.read_bytes()) for path in Path().rglob("*") if path.is_file()) == before


def test_a_verdict_of_a_newer_format_says_so(shell: Shell) -> None:
    plain = json.loads(Path("out/verdict.json").read_bytes())
    Path("out/verdict.json").write_text(json.dumps(plain | {"format": 99}), encoding="utf-8")
    code, _, err = shell("report", "out")
    assert code == Exit.MISTAKE
    assert "format 99" in err


@pytest.mark.parametrize("octets", [b"", b"[]", b"{", b"\xff\xfe", b'{"format": 1}'])
def test_a_broken_verdict_is_a_mistake_of_its_file(shell: Shell, octets: bytes) -> None:
    Path("out/verdict.json").write_bytes(octets)
    code, _, err = shell("report", "out")
    assert code == Exit.MISTAKE
    assert "out/verdict.json" in err


def test_a_broken_drawing_is_a_mistake_of_its_file(shell: Shell) -> None:
    Path("out/views").mkdir()
    Path("out/views/ovm.svg").write_text("<svg>", encoding="utf-8")
    code, _, err = shell("report", "out")
    assert code == Exit.MISTAKE
    assert "views/ovm.svg" in err
    assert not Path("out/report.html").exists()


def test_a_folder_that_is_not_there_is_no_place_for_a_report(shell: Shell) -> None:
    code, _, err = shell("report", "out", "-o", "no/report.html")
    assert code == Exit.REFUSED
    assert "there is no folder 'no'" in err
