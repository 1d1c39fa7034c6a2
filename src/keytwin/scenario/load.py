"""From the name of an example or the path of a file to what it says, with the plug-ins' names known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from shlex import quote
from types import MappingProxyType
from typing import Final

from keytwin.design.need import Case
from keytwin.files.check import CheckedFile, check
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import NEED_FILE, NETWORK_FILE, any_names, is_path, networks, scenarios
from keytwin.files.page import nearest
from keytwin.network import ALGORITHM_GROUP, METRIC_GROUP, PROTOCOL_GROUP, Plugins, model_of
from keytwin.quantum.link import QkdProtocol
from keytwin.runtime.crash import contain
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.timeline import Scenario
from keytwin.vocabulary.topology import QLink, Topology

_LONGEST_SHOWN: Final = 80  # characters of what a user typed, in a message


def load(where: str | Path, plugins: Plugins | None = None) -> Blueprint | Scenario:
    """Return a network or a scenario, by the name of an example or by path; Mistake with all that is wrong."""
    value = inspect(str(where), plugins).value
    if isinstance(value, Blueprint | Scenario):
        return value
    if isinstance(value, Case):
        raise Mistake(f"{where} describes a need: make a network of it first, with keytwin design {quote(str(where))}")
    kind = "a device" if isinstance(value, Device) else "no network"
    raise Mistake(f"{where} describes {kind}: name a network or a scenario")


def inspect(where: str, plugins: Plugins | None = None) -> CheckedFile:
    """Return what any file of a user or entry of the library says, with warnings; Mistake with all that is wrong."""
    names = any_names()
    if (inside := _inside(where)) is not None and where not in names:
        raise Mistake(f"'{where}' is a folder: did you mean '{inside}'?")
    if where not in names and not is_path(where) and not _is_file(where):
        near = nearest(where, names)
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join([*networks(), *scenarios()])}"
        shown = repr(where[:_LONGEST_SHOWN])
        raise Mistake(f"no example is called {shown} ({hint}; a file is given by its path, which ends in .yaml)")
    return check(where, known_with(plugins))


def known_with(plugins: Plugins | None = None) -> Known:
    """Return the names that a file may use: keytwin's own, those of installed packages, and those of the caller."""
    given = plugins or Plugins()
    installed = (_protocol(point) for point in entry_points(group=PROTOCOL_GROUP))
    protocols = {protocol.name: protocol.device for protocol in (*installed, *given.protocols.values())}
    return dataclasses.replace(
        BROUGHT,
        metrics=_names(BROUGHT.metrics, METRIC_GROUP, given.metrics),
        algorithms=_names(BROUGHT.algorithms, ALGORITHM_GROUP, given.algorithms),
        protocols=MappingProxyType({**BROUGHT.protocols, **protocols}),
        expected_rate=partial(_expected_rate, given),
    )


def _expected_rate(plugins: Plugins, link: QLink, device: Device) -> float:
    alone = Blueprint(name="", topology=Topology((), (link,)), devices={link.device: device})
    return model_of(alone, link, plugins).rate().secret


def _inside(where: str) -> Path | None:
    """Return the network or need file of a folder, as `keytwin init` writes them; None when there is none."""
    found = (Path(where) / name for name in (NETWORK_FILE, NEED_FILE))
    return next((each for each in found if _is_file(str(each))), None)


def _is_file(where: str) -> bool:
    try:
        return Path(where).is_file()
    except (OSError, ValueError):  # too long for a path, or with a character that none has
        return False


def _protocol(point: EntryPoint) -> QkdProtocol:
    """Return what an installed package registers; Mistake when it can't be had, or is no protocol."""
    found: object = contain(point.load)
    if isinstance(found, Exception):
        raise Mistake(f"QKD protocol {point.name!r} cannot be loaded from {point.value!r}: {found}")
    if not isinstance(found, QkdProtocol):
        raise Mistake(f"{point.value!r} is registered as QKD protocol {point.name!r} and is none: {found!r}")
    return found


def _names(brought: tuple[str, ...], group: str, given: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*brought, *(point.name for point in entry_points(group=group)), *given]))
