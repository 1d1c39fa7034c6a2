"""Topologies of the package `topohub`, by name: real networks and synthetic ones, read where the package keeps them.

`topohub` (MIT licence) comes with the extra `topologies`. Nothing of it is copied into keytwin: whoever wants its
networks installs it, under its own terms and those of the collections that it names.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from typing import Final, TypeAlias

import msgspec

from keytwin.files.page import LIKENESS
from keytwin.vocabulary.errors import Mistake, Refusal

PACKAGE: Final = "topohub"
EXTRA: Final = "pip install 'keytwin[topologies]'"
HOW_TO_LIST: Final = "keytwin examples --topologies"
_MOST_NEAREST: Final = 3
_SUFFIX: Final = ".json"


SiteId: TypeAlias = int | str
"""A number, in some collections written as a text."""


class Site(msgspec.Struct, frozen=True):
    """A node of a topology; some have no name, and some have that of another."""

    id: SiteId
    name: str | None = None


class Cable(msgspec.Struct, frozen=True):
    """An edge of a topology; `dist` is the great-circle distance of its ends in kilometres."""

    source: SiteId
    target: SiteId
    dist: float


class HubTopology(msgspec.Struct, frozen=True):
    """A topology as the package has it."""

    nodes: tuple[Site, ...]
    edges: tuple[Cable, ...]


@cache
def hub_names() -> tuple[str, ...]:
    """Return the names of all topologies, such as `sndlib/germany50`; Refusal when the package is not installed."""
    return tuple(sorted(_found(_data(), "")))


def hub_groups() -> dict[str, tuple[str, ...]]:
    """Return the names by collection: `sndlib`, `topozoo` and so on."""
    groups = dict.fromkeys(name.partition("/")[0] for name in hub_names())
    return {group: tuple(name for name in hub_names() if name.startswith(f"{group}/")) for group in groups}


def hub_version() -> str:
    """Return the version of the package: other versions may have other topologies."""
    return version(PACKAGE)


def hub_topology(name: str) -> HubTopology:
    """Return a topology; Mistake with the nearest names when there is none, Refusal when it cannot be had."""
    if name not in hub_names():  # so that a name is never a path to elsewhere
        raise Mistake(f"no topology is called {name[:80]!r} ({_hint(name)}; `{HOW_TO_LIST}` lists them)")
    octets = _data().joinpath(f"{name}{_SUFFIX}").read_bytes()
    try:
        found = msgspec.json.decode(octets, type=HubTopology)
    except msgspec.DecodeError as error:
        raise Refusal(f"{PACKAGE} {hub_version()} keeps {name!r} in an unknown form: {error}") from None
    sites = {site.id for site in found.nodes}
    if len(sites) < len(found.nodes) or any(not {edge.source, edge.target} <= sites for edge in found.edges):
        raise Refusal(f"{PACKAGE} {hub_version()} keeps {name!r} in an unknown form: nodes twice, or edges without")
    return found


def _data() -> Traversable:
    try:
        return resources.files(PACKAGE).joinpath("data")
    except ModuleNotFoundError:
        raise Refusal(f"known topologies come with the package {PACKAGE}: install it with `{EXTRA}`") from None


def _found(folder: Traversable, prefix: str) -> list[str]:
    names: list[str] = []
    for each in folder.iterdir():
        if each.is_dir():
            names += _found(each, f"{prefix}{each.name}/")
        elif each.name.endswith(_SUFFIX):
            names.append(f"{prefix}{each.name.removesuffix(_SUFFIX)}")
    return names


def _hint(name: str) -> str:
    """Say which names are nearest: first those that end or begin with what was typed, then those that look like it."""
    typed = name.strip("/").lower()
    ends = [each for each in hub_names() if each.lower().endswith(f"/{typed}") or each.lower() == typed]
    # Whoever typed the name of a collection wants one of its topologies.
    ends += [each for each in hub_names() if each.lower().startswith(f"{typed}/")]
    alike = get_close_matches(name, hub_names(), n=_MOST_NEAREST, cutoff=LIKENESS)
    near = [repr(each) for each in dict.fromkeys([*ends, *alike])][:_MOST_NEAREST]
    return f"did you mean {' or '.join(near)}?" if near else f"collections: {', '.join(hub_groups())}"
