"""What goes to the terminal: text for people on stdout, or JSON alone; complaints on stderr."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console, RenderableType

# Not 80, as rich has it: a run's table would wrap in files and in documentation.
PLAIN_WIDTH: Final = 100  # columns, when stdout is no terminal


class _Screen(Console):
    """A console that leaves it to the shell to say what a reader who has gone away means."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls this while it handles the BrokenPipeError, and would exit with 1


def show(*things: RenderableType) -> None:
    """Print text, tables and lanes for people. Square brackets in text mean themselves."""
    # A fresh console each time looks at the stdout of the moment, which tests and callers may have replaced.
    screen = _Screen(width=width(), highlight=False)
    for thing in things:
        screen.print(thing, markup=False)


def show_json(value: object) -> None:
    """Print one JSON document and nothing else."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def suggest(*commands: tuple[str, str]) -> None:
    """Say what to type next, and what for; `keytwin` is written as it was called this time."""
    typed = [(command.replace("keytwin", own_name(), 1), purpose) for command, purpose in commands]
    longest = max(len(command) for command, _ in typed)
    print()
    for index, (command, purpose) in enumerate(typed):
        print(f"{'' if index else 'next:':5} {command:<{longest}}  # {purpose}")


def own_name() -> str:
    """Return what to type for `keytwin`: its path, where the shell would not find it."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return "python -m keytwin"
    found = shutil.which("keytwin")
    is_found = started.name != "keytwin" or (found is not None and Path(found).resolve() == started.resolve())
    return "keytwin" if is_found else shlex.quote(str(started))


def complain(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr)


def counted(number: int, thing: str) -> str:
    """Write a number of things."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def first_clause(reason: str) -> str:
    """Return the beginning of a physical reason, which names the device and the loss: --json has all of it."""
    return _FIRST_CLAUSE.sub(r"\1", reason)


_FIRST_CLAUSE: Final = re.compile(r"^(.* at [0-9.]+ dB|[^;]*).*$")


def width() -> int:
    """Return the columns of the terminal, or a page's width when stdout is none."""
    return Console().width if sys.stdout.isatty() else PLAIN_WIDTH


def encoding() -> str:
    """Return the encoding of stdout."""
    return sys.stdout.encoding or "ascii"
