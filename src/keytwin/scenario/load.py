"""From the name of an example or the path of a file to what it says: a network, a scenario or a device."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Final

from keytwin.files.device import device_from
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import (
    Source,
    device_names,
    device_source,
    network_source,
    networks,
    path_source,
    scenario_source,
    scenarios,
)
from keytwin.files.network import check_network
from keytwin.files.nodes import find
from keytwin.files.page import Page, Unread, nearest
from keytwin.files.reader import read_nodes
from keytwin.files.scenario import check_scenario
from keytwin.network import ALGORITHM_GROUP, METRIC_GROUP, PROTOCOL_GROUP, Plugins
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Finding, Mistake
from keytwin.vocabulary.timeline import Scenario

_SUFFIXES: Final = (".yaml", ".yml")
_LONGEST_SHOWN: Final = 80  # characters of what a user typed, in a message


class Kind(StrEnum):
    """The kinds of file that a user writes."""

    NETWORK = "network"
    SCENARIO = "scenario"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file says, and what in it is allowed but hardly meant."""

    file: str
    kind: Kind
    value: Blueprint | Scenario | Device
    warnings: tuple[Finding, ...] = ()


def load(where: str | Path, plugins: Plugins | None = None) -> Blueprint | Scenario:
    """Return a network or a scenario, by the name of an example or by path; Mistake with all that is wrong."""
    loaded = inspect(str(where), known_with(plugins))
    if isinstance(loaded.value, Device):
        raise Mistake(f"{loaded.file} describes a device: name a network or a scenario")
    return loaded.value


def inspect(where: str, known: Known = BROUGHT) -> Loaded:
    """Read any file of a user, or an entry of the library; Mistake with all that is wrong."""
    kind, source = _find(where)
    match kind:
        case Kind.SCENARIO:
            scenario = check_scenario(source, known)
            return Loaded(source.file, kind, scenario.value, scenario.warnings)
        case Kind.DEVICE:
            return Loaded(source.file, kind, device_from(source, known))
        case Kind.NETWORK:
            network = check_network(source, known)
            return Loaded(source.file, kind, network.value, network.warnings)


def known_with(plugins: Plugins | None = None) -> Known:
    """Return the names that a file may use: keytwin's own, those of installed packages, and those of the caller."""
    given = plugins or Plugins()
    installed = (point.load() for point in entry_points(group=PROTOCOL_GROUP))
    protocols = {protocol.name: protocol.device for protocol in (*installed, *given.protocols.values())}
    return dataclasses.replace(
        BROUGHT,
        metrics=_names(BROUGHT.metrics, METRIC_GROUP, given.metrics),
        algorithms=_names(BROUGHT.algorithms, ALGORITHM_GROUP, given.algorithms),
        protocols=MappingProxyType({**BROUGHT.protocols, **protocols}),
    )


def _names(brought: tuple[str, ...], group: str, given: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*brought, *(point.name for point in entry_points(group=group)), *given]))


def _find(where: str) -> tuple[Kind, Source]:
    if where in scenarios():
        return Kind.SCENARIO, scenario_source(where)
    if where in networks():
        return Kind.NETWORK, network_source(where)
    if where in device_names():
        return Kind.DEVICE, device_source(where)
    path = Path(where)
    if where.endswith(_SUFFIXES) or ("\0" not in where and path.is_file()):
        source = path_source(path, where)
        return _kind_of(source), source
    raise Mistake(_unknown(where))


def _kind_of(source: Source) -> Kind:
    """Tell what a file is by a section that only its kind has; a network when there is none, which then says more."""
    try:
        root = read_nodes(source.octets, Page(source.file))
    except Unread:
        return Kind.NETWORK
    if find(root, "network") or find(root, "timeline"):
        return Kind.SCENARIO
    return Kind.DEVICE if find(root, "protocol") or find(root, "parameters") else Kind.NETWORK


def _unknown(where: str) -> str:
    names = [*networks(), *scenarios()]
    near = nearest(where, names)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(names)}"
    return f"no example is called {where[:_LONGEST_SHOWN]!r} ({hint}; a file is given by its path, which ends in .yaml)"
