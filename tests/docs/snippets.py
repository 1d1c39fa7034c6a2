"""The blocks of a Markdown page and how each is executed; what they may hold: `CONTRIBUTING.md`, "Documentation".

A page that brings a network up live finds an empty folder for its state, and ports that are free: where it shows one of
the usual ports, that port's stand-in is meant.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from unittest.mock import patch

from keytwin.operation.settings import BASE_PORT
from keytwin.operation.whereabouts import running_below
from tests.fakes.ports import free_ports

LONGEST_RUN: Final = 120  # seconds for one command: a page is read, not waited for
MOST_NODES: Final = 16  # of a network that a page brings up
STATE_HOME: Final = ".state"  # in the page's folder
_USUAL_PORT: Final = re.compile(r"(?<=127\.0\.0\.1:)101[4-7][0-9]\b")
_UP: Final = re.compile(r"\bkeytwin up (?!.*--base-port)")
_FENCE: Final = re.compile(r"^```(\w+)[ ]*(\S*)[^\n]*\n(.*?)^```[ ]*$", flags=re.MULTILINE | re.DOTALL)
_EXIT: Final = re.compile(r"#\s*exit\s+(\d+)\s*$")
_PRINTS: Final = re.compile(r"#\s*prints\s(.*)$", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the file name given after it ("" = none), its text, its first line on the page."""

    language: str
    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, the exit code it should have, and the output shown after it (None = not shown)."""

    text: str
    code: int
    output: str | None


def blocks(page: str) -> Iterator[Block]:
    """Give the fenced blocks of a page that name a language."""
    for match in _FENCE.finditer(page):
        yield Block(match[1], match[2], match[3], page.count("\n", 0, match.start()) + 2)


def commands(block: Block) -> Iterator[Command]:
    """Give the commands of a console block; in a bash block each line is one, and no output is shown."""
    if block.language == "bash":
        lines = [line for line in block.text.splitlines() if line and not line.startswith("#")]
        shown = [(line, "") for line in lines]
    else:
        parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
        assert not parts[0].strip(), "a console block begins with '$ '"
        shown = [(head, output) for head, _, output in (part.partition("\n") for part in parts[1:])]
    for head, output in shown:
        code = _EXIT.search(head)
        yield Command(head, int(code[1]) if code else 0, output if output.strip() else None)


def matches(shown: str, found: str) -> bool:
    """Compare output: `...` on a line of its own stands for any lines, inside a line for any text."""
    pattern = ""
    for line in _trimmed(shown):
        inner = ".*".join(map(re.escape, line.split("...")))
        pattern += r"(?:[^\n]*\n)*?" if line.strip() == "..." else f"{inner}\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _trimmed(found))) is not None


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").rstrip().splitlines()]


def execute(block: Block, folder: Path, names: dict[str, object], targets: set[str]) -> None:
    """Run one block in the page's folder; AssertionError says what differs. `targets` are those of the Makefile."""
    if block.name:
        (folder / block.name).write_text(block.text, encoding="utf-8")
    if block.language == "python":
        _execute_python(block, folder, names)
    elif block.language in {"console", "bash"}:
        for command in commands(block):
            _execute_command(command, folder, targets)
    elif block.language in {"yaml", "yml"} and block.text.startswith("format:"):
        path = block.name or f"line-{block.line}.yaml"
        (folder / path).write_text(block.text, encoding="utf-8")
        _execute_command(Command(f"keytwin check {path}", 0, None), folder, targets)


def _execute_python(block: Block, folder: Path, names: dict[str, object]) -> None:
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), patch.dict(os.environ, _environment(folder)):
        exec(compile("\n" * (block.line - 1) + block.text, "page", "exec"), names)  # noqa: S102  # what the page tells
    expected = "\n".join(_PRINTS.findall(block.text))
    assert matches(expected or "...", printed.getvalue()), f"prints\n{printed.getvalue()}instead of\n{expected}"


def _execute_command(command: Command, folder: Path, targets: set[str]) -> None:
    words = command.text.split()
    if words[0] == "make":  # sets up, tests or demonstrates the whole: CI runs it, a page only has to name it right
        assert set(words[1:]) <= targets, f"the Makefile has no {command.text!r}"
        return
    run = subprocess.run(
        ["/bin/bash", "-c", _on_free_ports(command.text, folder)],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN,
        check=False,
    )
    found = run.stdout + run.stderr
    assert run.returncode == command.code, f"{command.text}: exit {run.returncode}\n{found}"
    shown = None if command.output is None else _on_free_ports(command.output, folder)
    assert shown is None or matches(shown, found), f"{command.text}: shows\n{found}"


def stop_networks(folder: Path) -> None:
    """Stop what a page has left running."""
    for state in running_below(folder / STATE_HOME / "keytwin"):
        _execute_command(Command(f"keytwin down --state {shlex.quote(str(state))}", 0, None), folder, set())


@cache
def _base_port(folder: Path) -> int:
    """Choose the ports of a page once: the usual ones may be in use by another test, or by a user."""
    del folder
    return free_ports(2 * MOST_NODES + 1)


def _on_free_ports(text: str, folder: Path) -> str:
    """Put a page's own ports in place of the usual ones, in commands and in what they show."""
    if not (_UP.search(text) or _USUAL_PORT.search(text)):
        return text
    base = _base_port(folder)
    moved = _USUAL_PORT.sub(lambda usual: str(int(usual[0]) - BASE_PORT + base), text)
    return _UP.sub(rf"\g<0>--base-port {base} ", moved)


def _environment(folder: Path) -> dict[str, str]:
    """Give the reader's terminal: this environment's commands first, 100 columns, no colour, no state of networks."""
    here = str(Path(sys.executable).parent)
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    state = str((folder / STATE_HOME).absolute())
    return {"HOME": os.environ.get("HOME", "/"), "PATH": f"{here}:/usr/bin:/bin", "XDG_STATE_HOME": state, **plain}
