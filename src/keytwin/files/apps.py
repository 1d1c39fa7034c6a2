"""The apps of a network file: `app01: {user: alice, saes: {app01-a: km0, app01-b: km1}}`.

For trying a client out, `probe: {user: alice, saes: {probe: km0}, selfpair: true}` is master and slave of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from keytwin.files.kinds import FLAG, Json, Plain, Reference, Schema, name_schema
from keytwin.files.nodes import Entry, MapNode, Node, Place, TextNode, find
from keytwin.files.page import Declared, Page, Unread
from keytwin.files.shapes import Entries, Field, Record
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.identity import NodeId, SaeId, UserId, parse_app, parse_sae

_ONE_OWNER: Final = "the apps of one SAE have one user"
NODE: Final = Reference("node", NodeId)


@dataclass(frozen=True, slots=True)
class Saes:
    """The two SAEs of an app and their nodes; an SAE of several apps has one node. One stands for both ends."""

    def read(self, node: Node, page: Page) -> tuple[Endpoint, Endpoint]:
        """Read one or two pairs of SAE and node; whether it may be one, the app says."""
        entries = page.entries(node, "a mapping from each of the app's two SAEs to its node")
        ends = [self._endpoint(entry, page) for entry in entries]
        if len(ends) not in {1, 2}:
            raise page.refusal(node.place, f"an app has two SAEs, not {len(ends)}: write {{app-a: km0, app-b: km1}}")
        first, second = ends[0], ends[-1]
        if first is None or second is None:
            raise Unread
        if len(ends) == 1:
            return first, first
        if first.node == second.node:
            raise page.refusal(
                entries[1].value.place,
                f"both SAEs are at {first.node!r}: two SAEs of one node need no key from a network",
                "give the second another node",
            )
        return first, second

    def schema(self) -> Schema:
        """Describe an object of two names."""
        return {
            "type": "object",
            "propertyNames": name_schema(),
            "additionalProperties": NODE.schema(),
            "minProperties": 1,
            "maxProperties": 2,
        }

    def write(self, value: object) -> Plain:
        """Write the pairs."""
        return {end.sae: end.node for end in cast(tuple[Endpoint, ...], value)}

    def _endpoint(self, entry: Entry, page: Page) -> Endpoint | None:
        sae = entry.key.text
        node = page.attempt(NODE, entry.value)
        # Across the apps, not only in one mapping: the certificate of an SAE names it, so it can be only one.
        earlier = (page.names.get("SAE") or {}).get(sae)
        if earlier is None:
            page.declare("SAE", sae, Declared(sae, entry.key.place))
            page.declare("node of an SAE", sae, Declared(node or ""))
        elif node is not None and earlier.place is not None:
            there = (page.names.get("node of an SAE") or {})[sae].name
            if there not in ("", node):
                first = f"it is at {there!r} in line {earlier.place.line}; one SAE, one node"
                page.report(entry.value.place, f"SAE {sae!r} is at {node!r}", first)
                return None
        try:
            return Endpoint(page.parsed(parse_sae, entry.key), node) if node is not None else None
        except Unread:
            return None


@dataclass(frozen=True, slots=True)
class AppRecord(Record[App]):
    """An app: that it has one SAE, and that it may, must be said both."""

    def schema(self) -> Schema:
        """Describe an object with two SAEs, or with one and the word that allows it."""
        usual: Schema = {"selfpair": {"enum": [False, "no", None]}, "saes": {"minProperties": 2}}
        alone: Schema = {"selfpair": {"enum": [True, "yes"]}, "saes": {"maxProperties": 1}}
        both: list[Json] = [{"properties": usual}, {"properties": alone, "required": ["selfpair"]}]
        return {**Record.schema(self), "anyOf": both}

    def read_as(self, node: Node, page: Page, given: Mapping[str, object]) -> App:
        """Read the app, and hold the number of its SAEs against what it says of itself."""
        app = Record.read_as(self, node, page, given)
        saes, flag = find(node, "saes"), find(node, "selfpair")
        if not isinstance(node, MapNode) or not isinstance(saes, MapNode):
            return app  # something else was taken for them, and reported
        if app.is_selfpair and len(saes.entries) > 1:
            said = f"an app with 'selfpair: true' has one SAE, master and slave of itself, not {len(saes.entries)}"
            raise page.refusal(saes.place, said, "leave 'selfpair' out")
        is_complete = node.entries.keys() <= {field.name for field in self.fields}  # else one may be a misspelt flag
        if not app.is_selfpair and len(saes.entries) == 1 and is_complete and (flag is None or _is_read(flag)):
            hint = "or add 'selfpair: true' for an SAE that is master and slave of itself"
            raise page.refusal(saes.place, "an app has two SAEs, not 1: write {app-a: km0, app-b: km1}", hint)
        _check_shared(app, saes.place, page)
        return app


def _check_shared(app: App, place: Place, page: Page) -> None:
    """Hold an SAE of several apps to one owner and one app with each peer; with itself it has no other."""
    if len({end.sae for end in app.ends}) == 1 and not app.is_selfpair:
        return  # something else is wrong with it, and reported
    for own, other in (app.ends, app.ends[::-1])[: 1 if app.is_selfpair else 2]:
        wrong = _clash(app, own.sae, other.sae, page)
        if wrong is not None:
            page.report(place, *wrong)
            return
    for own, other in (app.ends, app.ends[::-1]):
        page.declare("owner of an SAE", own.sae, Declared(app.user))
        page.declare(f"peer of {own.sae}", other.sae, Declared(other.sae))


def _clash(app: App, own: SaeId, other: SaeId, page: Page) -> tuple[str, str] | None:
    """Return what is wrong with an SAE being in this app, too, and what to do about it."""
    owner = (page.names.get("owner of an SAE") or {}).get(own)
    peers = page.names.get(f"peer of {own}") or {}
    if owner is not None and owner.name != app.user:
        return f"SAE {own!r} belongs to {owner.name!r}, not to {app.user!r}", _ONE_OWNER
    if peers and (app.is_selfpair or own in peers):
        return f"SAE {own!r} is in another app", "master and slave of itself, it has but one"
    if other in peers:
        return f"{own!r} and {other!r} have an app in common already", "leave one out"
    return None


def _is_read(flag: Node) -> bool:
    return isinstance(flag, TextNode) and (flag.is_empty or flag.text in FLAG.words)


APP: Final = AppRecord(
    "an app",
    App,
    (
        Field(
            "user", Reference("user", UserId), "the owner of the app, under `users`", required=True, stand_in=UserId("")
        ),
        Field("saes", Saes(), "the app's two SAEs and the nodes that serve them", attribute="ends", required=True),
        Field(
            "selfpair",
            FLAG,
            "whether it has but one SAE, master and slave of itself, for trying a client out: its keys never leave "
            "the node",
            attribute="is_selfpair",
        ),
    ),
)

APPS: Final = Entries("app", parse_app, APP)
