"""Every command and option of the command line is documented, and nothing else is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest
from cyclopts import App

from tests.architecture.source import ROOT

shell: App = pytest.importorskip("keytwin.cli").app


def commands(app: App, above: str = "keytwin") -> Iterator[tuple[str, App]]:
    """Give every command under the words that call it; those that only hold commands are gone through."""
    for name in app:
        if not name.startswith("-"):
            if app[name].default_command is not None:
                yield f"{above} {name}", app[name]
            yield from commands(app[name], f"{above} {name}")


def options(command: App) -> Iterator[tuple[str, ...]]:
    """Give the names of each option of a command; what is told by its place is left out."""
    for argument in command.assemble_argument_collection():
        if argument.field_info.kind is inspect.Parameter.KEYWORD_ONLY and argument.show:
            yield argument.names


def sections() -> dict[str, str]:
    """Give the text under each heading that shows a command: ``## `keytwin run` ``."""
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    parts = re.split(r"^#+ `(keytwin [a-z -]+?)(?: [A-Z|\[.-].*)?`.*$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_there_are_commands() -> None:
    assert {"keytwin demo", "keytwin run", "keytwin check"} <= {words for words, _ in commands(shell)}


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert {words for words, _ in commands(shell)} ^ sections().keys() == set()


@pytest.mark.parametrize(("words", "command"), list(commands(shell)), ids=[words for words, _ in commands(shell)])
def test_every_option_is_documented(words: str, command: App) -> None:
    text = sections().get(words, "")
    missing = [names for names in options(command) if not any(name in text for name in names)]
    assert missing == []
