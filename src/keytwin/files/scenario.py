"""Scenarios: a file, the network it names and what it lays over that, to a `Scenario`; and back to text."""

from __future__ import annotations

from typing import cast

from keytwin.files.kinds import Plain, names_from
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, network_source, scenario_source
from keytwin.files.network import network_of
from keytwin.files.nodes import Node, Place, TextNode, find, merged
from keytwin.files.page import Checked, Declared, Names, Page, Unread, take_over
from keytwin.files.reader import read_nodes
from keytwin.files.scenario_file import SCENARIO, ScenarioFile, StepLine, only_overrides
from keytwin.files.writer import yaml_text
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import (
    ACCESS,
    XOR_POINT,
    AppId,
    LinkId,
    NodeId,
    km_of,
    twin_of,
)
from keytwin.vocabulary.placement import CENTRAL, EVERYWHERE
from keytwin.vocabulary.timeline import AskKeys, OpenApp, Scenario
from keytwin.vocabulary.units import show_duration


def read_scenario(where: str, known: Known = BROUGHT) -> Scenario:
    """Return a scenario, by the name of an example or by path; Mistake when there is none or it is wrong."""
    return check_scenario(scenario_source(where), known).value


def check_scenario(source: Source, known: Known = BROUGHT) -> Checked[Scenario]:
    """Return the scenario that a file describes, with the warnings; FileMistake with all that is wrong in it.

    What is wrong in its network is told as well, with the network's file, line and column.
    """
    page = Page(source.file)
    try:
        root = read_nodes(source.octets, page)
    except Unread:
        raise page.conclusion() from None
    # The network first: the timeline refers to its apps, links, nodes and elements.
    blueprint = _network(root, source, page, known)
    file = page.attempt(SCENARIO, root)
    if file is not None:
        _check_times(file, page)
        _check_opened(file, page)
    page.conclude()
    assert file is not None
    assert blueprint is not None
    return Checked(_scenario(file, blueprint), page.sorted_warnings())


def write_scenario(scenario: Scenario, network: str) -> str:
    """Return the canonical text of a scenario; `network` names or is the path of a file with its network."""
    file = ScenarioFile(
        name=scenario.name,
        network=network,
        duration=scenario.duration,
        about=scenario.about,
        seed=scenario.seed,
        timeline=tuple(StepLine(step, Place("")) for step in scenario.steps),
        expect=scenario.expect,
    )
    return yaml_text(cast(dict[str, Plain], SCENARIO.write(file)))


def _scenario(file: ScenarioFile, blueprint: Blueprint) -> Scenario:
    return Scenario(
        name=file.name,
        blueprint=blueprint,
        duration=file.duration,
        about=file.about,
        seed=file.seed,
        steps=tuple(line.step for line in file.timeline),
        expect=file.expect,
    )


# --- the network of a scenario --------------------------------------------------------------------------------------


def _network(root: Node, source: Source, page: Page, known: Known) -> Blueprint | None:
    """Read the network with the overrides laid over it, and let its names be referred to."""
    named = find(root, "network")
    if not isinstance(named, TextNode) or named.is_empty:
        return None
    try:
        found = network_source(named.text, beside=source.folder)
    except Mistake as mistake:
        page.report(named.place, str(mistake))
        return None
    # A page of its own, because the places and the names are those of the network's file.
    # Its folders are both: a path in the overrides leads from the scenario.
    below = Page(found.file, folders={found.file: found.folder, source.file: source.folder})
    blueprint = None
    try:
        nodes = read_nodes(found.octets, below)
        # Laid over as nodes, not as values: then a wrong override is told with its own file, line and column.
        laid_over = only_overrides(find(root, "overrides"))
        blueprint = network_of(merged(nodes, laid_over) if laid_over else nodes, below, known)
    except Unread:
        take_over(page, below.mistakes, named.place)
        page.left_off += below.left_off
    page.warnings += below.warnings
    page.names |= below.names | {"element": _elements(below, blueprint)}
    return blueprint


def _elements(page: Page, blueprint: Blueprint | None) -> Names | None:
    """Return the names of a network's elements, a link's from either end; None when not all could be read."""
    nodes, links = (page.names.get(kind) for kind in ("node", "link"))
    if nodes is None or links is None:
        return None
    seat = CENTRAL if blueprint is None else blueprint.seat
    sole = (ACCESS, XOR_POINT) if blueprint is None else blueprint.sole_elements
    elements = names_from((*sole, *(name for element in EVERYWHERE for name in seat.everywhere(element))))
    elements |= names_from(km_of(NodeId(node)) for node in nodes)
    for written, link in links.items():
        elements[twin_of(LinkId(written))] = Declared(twin_of(LinkId(link.name)))
    return elements


# --- checks across sections -----------------------------------------------------------------------------------------


def _check_times(file: ScenarioFile, page: Page) -> None:
    for line in file.timeline:
        if line.step.at > file.duration:
            page.report(line.place, f"this is after the end of the run, at {show_duration(file.duration)}")


def _check_opened(file: ScenarioFile, page: Page) -> None:
    """Warn of apps that ask for keys and are never opened."""
    opened = {line.step.action.app for line in file.timeline if isinstance(line.step.action, OpenApp)}
    warned: set[AppId] = set()
    for line in file.timeline:
        action = line.step.action
        if isinstance(action, AskKeys) and action.app not in opened | warned:
            warned.add(action.app)
            page.warn(line.place, f"app {action.app!r} asks for keys, but no step opens it", "add a step 'open'")
