"""The JSON Schemas (2020-12) of the users' files, for editors: made of the descriptions that the readers follow.

An editor sees what its own YAML parser makes of a file, so a name may be a number here. What refers to something else
in the file only the reader can check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from keytwin.files.cost_book import COST_BOOK
from keytwin.files.device import device_schema
from keytwin.files.kinds import Schema
from keytwin.files.knowledge import KNOWLEDGE
from keytwin.files.need_file import CASE
from keytwin.files.network_file import NETWORK
from keytwin.files.ovm_file import OVM
from keytwin.files.page import nearest
from keytwin.files.scenario_file import SCENARIO
from keytwin.files.selection_file import SELECTION
from keytwin.files.view_file import VIEW
from keytwin.vocabulary.errors import Mistake

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MADE: Final[Mapping[str, tuple[str, Callable[[], Schema]]]] = MappingProxyType(
    {
        "network": ("A keytwin network: topology, defaults, users, apps, control, twin", NETWORK.schema),
        "scenario": ("A keytwin scenario: a network, what happens to it when, and what is expected", SCENARIO.schema),
        "device": ("A keytwin device: a pair of QKD modules, each number with its source", device_schema),
        "ovm": ("A keytwin OVM: what may vary in an architecture, and what goes with what", OVM.schema),
        "knowledge": ("A keytwin knowledge base: findings with sources, and candidate variants", KNOWLEDGE.schema),
        "need": ("A keytwin need: sites, what there is between them, and what a stakeholder needs", CASE.schema),
        "selection": ("A keytwin selection: the chosen variants of an OVM", SELECTION.schema),
        "costs": ("A keytwin cost book: prices as ranges, each with its source", COST_BOOK.schema),
        "view": ("A keytwin view: what one variant brings to an architecture", VIEW.schema),
    }
)
KINDS: Final = tuple(_MADE)
"""The kinds of file that have a schema."""


def schema(kind: str) -> Schema:
    """Return the JSON Schema of a kind of file; Mistake when there is none such."""
    if kind not in _MADE:
        near = nearest(kind, list(KINDS))
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(KINDS)}"
        raise Mistake(f"unknown kind of file {kind[:40]!r} ({hint})")
    title, make = _MADE[kind]
    return {"$schema": DIALECT, "title": title, **make()}
