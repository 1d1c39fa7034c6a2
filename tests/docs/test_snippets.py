"""The runner of snippets itself: what it should find and refuse, on pages made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.snippets import Block, Command, blocks, commands, execute, matches


def test_blocks_have_language_name_text_and_line() -> None:
    page = "# Title\n\n```yaml net.yaml\nformat: 1\n```\n\n```text\nfree\n```\n\n```\nnone\n```\n"
    assert list(blocks(page)) == [Block("yaml", "net.yaml", "format: 1\n", 4), Block("text", "", "free\n", 8)]


def test_console_commands_have_their_output_and_exit_code() -> None:
    block = Block("console", "", "$ one --two\nshown\n\n$ three  # exit 2\n", 1)
    assert list(commands(block)) == [Command("one --two", 0, "shown\n\n"), Command("three  # exit 2", 2, None)]


def test_bash_lines_are_commands() -> None:
    assert [c.text for c in commands(Block("bash", "", "# first\none\n\ntwo\n", 1))] == ["one", "two"]


@pytest.mark.parametrize(
    ("shown", "found", "equal"),
    [
        ("a\nb\n", "a  \nb\n\n", True),
        ("a\nb", "a\nc", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nd", True),
        ("a\n...\nd", "a\nb", False),
        ("took ... s", "took 1.5 s", True),
        ("took ... s", "took 1.5 ms", False),
        ("took ... s", "took 1\n2 s", False),
        ("a.c", "abc", False),
    ],
)
def test_output_is_compared_with_ellipses(shown: str, found: str, *, equal: bool) -> None:
    assert matches(shown, found) is equal


def test_python_blocks_share_names_and_files(tmp_path: Path) -> None:
    names: dict[str, object] = {}
    execute(Block("python", "tool.py", "x = 1\n", 1), tmp_path, names, set())
    execute(Block("python", "", "print(x + 1)  # prints 2\n", 5), tmp_path, names, set())
    assert (tmp_path / "tool.py").read_text(encoding="utf-8") == "x = 1\n"


def test_wrong_python_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="instead of"):
        execute(Block("python", "", "print(1)  # prints 2\n", 1), tmp_path, {}, set())


@pytest.mark.parametrize("text", ["$ echo one\ntwo\n", "$ false\n", "$ true # exit 1\n", "$ make nothing\n"])
def test_wrong_commands_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        execute(Block("console", "", text, 1), tmp_path, {}, {"demo"})


def test_right_commands_are_accepted(tmp_path: Path) -> None:
    text = "$ echo one > file\n$ cat file\none\n$ make demo\nwhatever it shows\n$ exit 3  # exit 3\n"
    execute(Block("console", "", text, 1), tmp_path, {}, {"demo"})
