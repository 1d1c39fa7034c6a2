"""`keytwin ovm` and `keytwin views` with wrong input: what is said, with which exit code, and nothing on stdout."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main

Shell = Callable[[str], tuple[int, str, str]]
ELSE = "a file is given by its path, which ends in .yaml"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command line in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(shlex.split(words))
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


@pytest.mark.parametrize("command", ["show", "count", "sample", "export", "facts"])
def test_each_command_tells_the_nearest_model(shell: Shell, command: str) -> None:
    assert shell(f"ovm {command} qdk") == (2, "", f"keytwin: unknown OVM 'qdk' (did you mean 'qkd'?; {ELSE})\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ovm compare qkd nope", f"unknown OVM 'nope' (known: coffee, paper-a, qkd; {ELSE})"),
        ("ovm group qdk", f"unknown knowledge base 'qdk' (known: qkd-knowledge; {ELSE})"),
        ("ovm show coffee --choose nothing", "coffee has no variant 'nothing' (keytwin ovm show coffee lists"),
        ("ovm why qkd protocol.bb48", "qkd has no variant 'protocol.bb48' (did you mean 'protocol.bb84'?)"),
        ("ovm why coffee zzzzzz", "coffee has no variant 'zzzzzz' (keytwin ovm show coffee lists what there is)"),
        ("ovm count qkd --choose protocol.bbb84", "no variant 'protocol.bbb84' (did you mean 'protocol.bb84'?)"),
        ("ovm count qkd --choose '!protocol.bbb84'", "no variant 'protocol.bbb84' (did you mean 'protocol.bb84'?)"),
        ("ovm solve qkd prtocol.bb84", "qkd has no variant 'prtocol.bb84' (did you mean 'protocol.bb84'?)"),
        ("ovm solve qkd protocol.bb84 protocol.bb84", "protocol.bb84 is named more than once: once is enough"),
        ("ovm show qkd --choose medium --choose '!medium'", "medium is named more than once: once is enough"),
        ("ovm sample qkd --choose nope", "qkd has no variant 'nope' (keytwin ovm show qkd lists what there is)"),
    ],
)
def test_a_name_that_is_not_there_is_told_in_one_line(shell: Shell, words: str, told: str) -> None:
    code, out, err = shell(words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("keytwin: ")
    assert told in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ovm sample coffee --number 0", "--number 0: write a number from 1 to 1000000"),
        ("ovm sample coffee --number -3", "--number -3: write a number from 1 to 1000000"),
        ("ovm sample coffee --number 1000001", "--number 1000001: write a number from 1 to 1000000"),
        ("ovm sample coffee --seed -1", "--seed -1: write a number from 0 on"),
        ("ovm group qkd-knowledge --threshold 0", "--threshold 0.0: write a share above 0, up to 1"),
        ("ovm group qkd-knowledge --threshold 1.5", "--threshold 1.5: write a share above 0, up to 1"),
        ("ovm group qkd-knowledge --threshold nan", "--threshold nan: write a share above 0, up to 1"),
    ],
)
def test_a_number_out_of_range_is_told_with_the_range(shell: Shell, words: str, told: str) -> None:
    assert shell(words) == (2, "", f"keytwin: {told}\n")


def test_the_ends_of_the_ranges_are_allowed(shell: Shell) -> None:
    assert shell("ovm sample coffee --number 1 --seed 0 --json")[0] == 0
    assert shell("ovm group qkd-knowledge --threshold 1 --json")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ovm show", '"ovm show" parameter FILE requires an argument'),
        ("ovm why qkd", '"ovm why" parameter VARIANT requires an argument'),
        ("ovm compare qkd", '"ovm compare" parameter SECOND requires an argument'),
        ("ovm sample coffee --number many", 'Invalid value for --number: unable to convert "many" into int'),
        ("ovm shw qkd", 'Unknown command "shw". Did you mean "show"?'),
        ("ovm show qkd --chose a", "Unknown option: --chose. Did you mean --choose?"),
        ("views --slect x", "Unknown option: --slect. Did you mean --select?"),
        ("views extra", "Unused Tokens: ['extra']"),
        ("views --select", "--select requires an argument"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_told(shell: Shell, words: str, told: str) -> None:
    code, out, err = shell(words)
    assert (code, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("bad.yaml", "format: 1\nname: x\n", "bad.yaml:1:1: 'variation_points' is missing in an OVM"),
        ("n.txt", "x", "n.txt:1:1: the file is a text, where a mapping that describes an OVM is wanted"),
        ("bad.xml", "<ovm>", "bad.xml:1:6: this is no XML: no element found"),
        ("bad.uvl", "features\n  A\n    mandatoryy\n      B\n", "bad.uvl:3:5: 'mandatoryy' stands below a feature"),
    ],
)
@pytest.mark.parametrize("command", ["show", "count", "export"])
def test_a_file_that_is_wrong_is_told_with_the_place(
    shell: Shell, command: str, name: str, text: str, told: str
) -> None:
    Path(name).write_text(text, encoding="utf-8")
    code, out, err = shell(f"ovm {command} {name}")
    assert (code, out) == (2, "")
    assert err.startswith(told)


@pytest.mark.parametrize("words", ["ovm show nofile.yaml", "views --select nofile.yaml"])
def test_a_file_that_is_not_there_is_told(shell: Shell, words: str) -> None:
    assert shell(words) == (2, "", "nofile.yaml: there is no such file\n")


def test_choices_that_exclude_one_another_are_told_with_the_reason(shell: Shell) -> None:
    code, out, err = shell("ovm show qkd --choose protocol.twin-field --choose medium.satellite")
    first, *reasons = err.splitlines()
    assert (code, out, first) == (2, "", "keytwin: medium.satellite is not possible with the rest")
    assert reasons[:2] == [
        "  - you chose protocol.twin-field (Twin-field QKD)",
        "  - you chose medium.satellite (Satellite-based)",
    ]
    assert "Twin-field QKD excludes Satellite-based" in reasons[2]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--select long-rang", f"unknown selection 'long-rang' (did you mean 'long-range'?; {ELSE})"),
        ("--replace protocol=e91", "--replace changes a selection: name one with --select, such as --select long-r"),
        ("--select long-range --replace protocol", "'protocol' replaces nothing: write it as 'protocol=mdi'"),
        ("--select long-range --replace protocol=e19", "protocol has no variant 'e19' (known: bb84, mdi, e91,"),
        ("--select long-range --replace protocl=e91", "qkd has no variation point 'protocl'"),
        ("--ovm qdk", f"unknown OVM 'qdk' (did you mean 'qkd'?; {ELSE})"),
        ("--select long-range --ovm coffee", "coffee has no 'protocol.bb84'"),
    ],
)
def test_views_that_cannot_be_shown_are_told_in_one_line(shell: Shell, words: str, told: str) -> None:
    code, out, err = shell(f"views {words}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"keytwin: {told}")


def test_all_mistakes_of_a_selection_are_told_at_once(shell: Shell) -> None:
    Path("mine.yaml").write_text("format: 1\novm: qkd\nchoose: [protocol.bb84]\n", encoding="utf-8")
    assert shell("views --select mine.yaml") == (
        2,
        "",
        (
            "mine.yaml:1:1: 'name' is missing in a selection (its name)\n"
            "mine.yaml:3:9: choose is a list, where a mapping from variation points to variants is wanted\n"
        ),
    )


def test_nothing_is_drawn_of_a_selection_that_is_wrong(shell: Shell, tmp_path: Path) -> None:
    assert shell("views --select long-rang --output drawn")[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_of_a_model_that_is_not_there(shell: Shell, tmp_path: Path) -> None:
    assert shell("ovm export qdk --output out.uvl")[0] == 2
    assert list(tmp_path.iterdir()) == []
