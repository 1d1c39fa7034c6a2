"""The page of state tables is that of the tables which drive the machines."""

from __future__ import annotations

import ast
import re

import pytest

from keytwin.assessment.tables import TABLES
from keytwin.report.state_diagram import mermaid
from keytwin.report.states import page
from keytwin.vocabulary.machine import StateTable
from tests.architecture.source import PACKAGE, ROOT, modules

PAGE = ROOT / "docs/reference/states.md"


def test_the_page_is_up_to_date() -> None:
    told = "write it anew: python -m keytwin.report.states > docs/reference/states.md"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_every_state_table_is_on_the_page() -> None:
    made = [
        node
        for module in modules(PACKAGE)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == StateTable.__name__
    ]
    assert len(made) == len(TABLES) == len({table.name for table in TABLES})


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_diagram_has_every_transition_of_the_machine_and_no_other(table: StateTable) -> None:
    drawn = [line.strip() for line in mermaid(table.view()).splitlines() if " --> " in line and "[*]" not in line]
    arrows = {tuple(line.split(" : ")[0].split(" --> ")) for line in drawn}
    names = {state: re.sub(r"\W+", "_", state.value) for state in table.states}
    driven = {(names[state], names[target]) for (state, _), row in table.rows.items() for target, _ in row.following}
    assert arrows == driven
    labelled = sum(len(line.split(" : ", 1)[1].split("<br>")) for line in drawn)
    assert labelled == sum(len(row.following) for row in table.rows.values())
