"""State tables as text for the documentation: Mermaid diagrams, generated from the tables that drive the machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from keytwin.vocabulary.machine import TableView

TITLE: Final = "# State tables"
PREAMBLE: Final = """\
Each moving part with states is driven by a table; this page is generated from the same tables and a test holds it to
them. An arrow reads: message [guard]. What a table does not mention is an error of the sender and has no effect."""


def mermaid(view: TableView) -> str:
    """Return a table as a Mermaid state diagram; arrows between the same two states share one label."""
    lines = ["stateDiagram-v2", f"    [*] --> {_identifier(view.initial)}"]
    lines += [f"    {_identifier(state)} : {state}" for state in view.states if _identifier(state) != state]
    labels: dict[tuple[str, str], list[str]] = {}
    for row in view.transitions:
        label = f"{row.message} [{_plain(row.guard)}]" if row.guard else row.message
        labels.setdefault((row.source, row.target), []).append(label)
    for (source, target), messages in labels.items():
        lines.append(f"    {_identifier(source)} --> {_identifier(target)} : {'<br>'.join(messages)}")
    lines += [f"    {_identifier(state)} --> [*]" for state in view.final]
    return "\n".join(lines)


def states_page(views: Iterable[TableView]) -> str:
    """Return the page of all state tables, in Markdown."""
    sections = ["\n".join(_section(view)) for view in views]
    return "\n\n".join([TITLE, PREAMBLE, *sections]) + "\n"


def _section(view: TableView) -> Iterator[str]:
    yield f"## {view.name}"
    yield ""
    yield "```mermaid"
    yield mermaid(view)
    yield "```"
    if view.refused:
        yield ""
        yield from _list(
            "Refused", ((message, f"{state} ({_plain(reason)})") for state, message, reason in view.refused)
        )
    if view.ignored:
        yield ""
        yield from _list("Ignored, because stale or double", ((message, state) for state, message in view.ignored))


def _list(title: str, pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Give one line a message with all the states in which it applies."""
    states: dict[str, list[str]] = {}
    for message, state in pairs:
        states.setdefault(message, []).append(state)
    yield f"{title}:"
    yield ""
    yield from (f"- {message} when {', '.join(where)}" for message, where in states.items())


def _identifier(state: str) -> str:
    return re.sub(r"\W+", "_", state)


def _plain(text: str) -> str:
    """Take out what Mermaid would read as its own syntax."""
    return re.sub(r"\s*[;:]\s*", ", ", text)
