"""What goes to the terminal: text for people on stdout, or JSON alone; complaints on stderr."""

from __future__ import annotations

import sys
from typing import Final

import msgspec
from rich.console import Console, RenderableType

PLAIN_WIDTH: Final = 100  # columns, when stdout is no terminal


def console() -> Console:
    """Return a console on the present stdout; its width is that of the terminal, if there is one."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=False)


def show(*things: RenderableType) -> None:
    """Print text, tables and lanes for people. Square brackets in text mean themselves."""
    screen = console()
    for thing in things:
        screen.print(thing, markup=False)


def show_json(value: object) -> None:
    """Print one JSON document and nothing else."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    print(text.decode())


def suggest(*commands: tuple[str, str]) -> None:
    """Say what to type next, and what for."""
    width = max(len(command) for command, _ in commands)
    print()
    for index, (command, purpose) in enumerate(commands):
        print(f"{'next:' if not index else '':5} {command:<{width}}  # {purpose}")


def complain(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr)
