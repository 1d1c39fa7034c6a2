"""Check a file of any kind: what kind it is, its keys say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from keytwin.design.cost import CostBook
from keytwin.design.knowledge import Knowledge
from keytwin.design.need import Case
from keytwin.design.selection import Selection
from keytwin.files.cost_book import cost_book_from
from keytwin.files.device import device_from
from keytwin.files.knowledge import knowledge_from
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, any_source, is_foreign
from keytwin.files.need import check_need
from keytwin.files.network import check_network
from keytwin.files.nodes import MapNode
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.scenario import check_scenario
from keytwin.files.selection_file import SelectionFile, selection_from
from keytwin.files.variability import Variability, variability_from
from keytwin.files.view_library import view_from
from keytwin.files.view_said import ViewFile
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Finding
from keytwin.vocabulary.timeline import Scenario

CheckedFile: TypeAlias = (
    Checked[Blueprint]
    | Checked[Scenario]
    | Checked[Device]
    | Checked[Variability]
    | Checked[Knowledge]
    | Checked[Case]
    | Checked[SelectionFile]
    | Checked[CostBook]
    | Checked[ViewFile]
)
_TELLING: Final = (
    ("device", {"protocol", "parameters"}),
    ("OVM", {"variation_points"}),
    ("knowledge", {"aspects", "findings", "candidates"}),
    ("need", {"stakeholder", "needs", "sites"}),
    ("cost book", {"prices"}),
    ("view", {"variant", "kind", "title"}),
    # After the need, which may choose variants too.
    ("selection", {"ovm", "choose"}),
    ("scenario", {"timeline", "network", "expect", "duration"}),
)
"""Keys that only one kind of file has; any other file is taken for a network."""


def check(where: str, known: Known = BROUGHT) -> CheckedFile:
    """Return what a file says, with warnings; `where` is a path or a name of the library.

    FileMistake with all that is wrong in the file, Mistake when there is no such file.
    """
    source = any_source(where)
    # A foreign model is told by its name's ending: it is no YAML that could be asked for its keys.
    kind = "OVM" if is_foreign(where) else kind_of(source)
    match kind:
        case "OVM":
            found = variability_from(source)
            return Checked(found, (*found.warnings, *doubts(found, source.file)))
        case "knowledge":
            return Checked(knowledge_from(source))
        case "need":
            return check_need(source)
        case "selection":
            return Checked(selection_from(source))
        case "cost book":
            return Checked(cost_book_from(source))
        case "view":
            return Checked(view_from(source))
        case "device":
            return Checked(device_from(source, known))
        case "scenario":
            return check_scenario(source, known)
        case _:
            return check_network(source, known)


def doubts(found: Variability, file: str) -> Iterator[Finding]:
    """Give what an OVM allows and hardly means: nothing at all, or variants that can never be chosen."""
    selection = Selection(found.model)
    # Of a model without any configuration all variants are dead, and naming each would hide why.
    if selection.is_void:
        yield Finding("no configuration is possible", file, suggestion=f"keytwin ovm facts {file} says more")
        return
    for name in (each for each in selection.dead if not found.model.features[each].is_abstract):
        yield Finding(f"{name} can never be chosen", file, suggestion=f"keytwin ovm why {file} {name} says why")


def kind_of(source: Source) -> str:
    """Return "network", "scenario", "need" or another of `_TELLING`; FileMistake when its YAML cannot be read."""
    page = Page(source.file)
    try:
        root = read_nodes(source.octets, page)
    except Unread:
        raise page.conclusion() from None
    # What is no mapping at all is taken for a network, whose reader says best what is wrong with it.
    keys = set(root.entries) if isinstance(root, MapNode) else set()
    return next((kind for kind, telling in _TELLING if keys & telling), "network")
