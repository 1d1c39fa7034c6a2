"""The runner of snippets itself: what it should find and refuse, on pages made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.snippets import Block, Command, blocks, commands, execute, matches, stop_networks


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


def test_usual_ports_are_replaced_by_free_ones_alike_in_commands_and_output(tmp_path: Path) -> None:
    text = "$ echo keytwin up star6 -d\nkeytwin up --base-port ... star6 -d\n"
    execute(Block("console", "", text, 1), tmp_path, {}, set())
    ports = "127.0.0.1:10141 127.0.0.1:10172 127.0.0.1:10180"
    execute(Block("console", "", f"$ echo {ports} | tee ports\n{ports}\n", 1), tmp_path, {}, set())
    first, last, other = (tmp_path / "ports").read_text(encoding="utf-8").split()
    assert first != "127.0.0.1:10141"
    assert int(last[10:]) - int(first[10:]) == 31
    assert other == "127.0.0.1:10180", "none of a network's usual ports"


def test_ports_that_a_page_chooses_itself_are_left_alone(tmp_path: Path) -> None:
    text = "$ echo keytwin up star6 -d --base-port 12000\nkeytwin up star6 -d --base-port 12000\n"
    execute(Block("console", "", text, 1), tmp_path, {}, set())


def test_states_of_networks_lie_in_the_folder_of_the_page(tmp_path: Path) -> None:
    text = "import os\nprint(os.environ['XDG_STATE_HOME'])  # prints ...\n"
    execute(Block("python", "", text.replace("...", str(tmp_path / ".state")), 1), tmp_path, {}, set())
    execute(Block("console", "", "$ keytwin status  # exit 3\n...no network is running...\n", 1), tmp_path, {}, set())


@pytest.mark.slow
def test_a_network_that_a_page_leaves_running_is_stopped(tmp_path: Path) -> None:
    execute(Block("console", "", "$ keytwin up selfpair -d\n", 1), tmp_path, {}, set())
    execute(Block("console", "", "$ keytwin metrics | grep -c keytwin_info{\n1\n", 1), tmp_path, {}, set())
    stop_networks(tmp_path)
    execute(Block("console", "", "$ keytwin metrics  # exit 3\n", 1), tmp_path, {}, set())
