"""Check a file of any kind: what kind it is, its keys say."""

from __future__ import annotations

from typing import Final

from keytwin.files.device import device_from
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, any_source
from keytwin.files.network import check_network
from keytwin.files.nodes import MapNode
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.scenario import check_scenario
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.timeline import Scenario

_TELLING: Final = (
    ("device", {"protocol", "parameters"}),
    ("scenario", {"timeline", "network", "expect", "duration"}),
)
"""Keys that only one kind of file has; any other file is taken for a network."""


def check(where: str, known: Known = BROUGHT) -> Checked[Blueprint] | Checked[Scenario] | Checked[Device]:
    """Return what a file says, with warnings; `where` is a path or a name of the library.

    FileMistake with all that is wrong in the file, Mistake when there is no such file.
    """
    source = any_source(where)
    kind = kind_of(source)
    if kind == "device":
        return Checked(device_from(source, known))
    return check_scenario(source, known) if kind == "scenario" else check_network(source, known)


def kind_of(source: Source) -> str:
    """Return "network", "scenario" or "device"; FileMistake when not even its YAML can be read."""
    page = Page(source.file)
    try:
        root = read_nodes(source.octets, page)
    except Unread:
        raise page.conclusion() from None
    keys = set(root.entries) if isinstance(root, MapNode) else set()
    return next((kind for kind, telling in _TELLING if keys & telling), "network")
