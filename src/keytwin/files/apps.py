"""The apps of a network file: `app01: {user: alice, saes: {app01-a: km0, app01-b: km1}}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from keytwin.files.kinds import Plain, Reference, Schema, name_schema
from keytwin.files.nodes import Entry, Node
from keytwin.files.page import Declared, Page, Unread
from keytwin.files.shapes import Entries, Field, Record
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.identity import NodeId, UserId, parse_app, parse_sae

NODE: Final = Reference("node", NodeId)


@dataclass(frozen=True, slots=True)
class Saes:
    """The two SAEs of an app and their nodes; each SAE is declared once in the whole file."""

    def read(self, node: Node, page: Page) -> tuple[Endpoint, Endpoint]:
        """Read exactly two pairs of SAE and node."""
        entries = page.entries(node, "a mapping from each of the app's two SAEs to its node")
        ends = [self._endpoint(entry, page) for entry in entries]
        if len(ends) != 2:
            raise page.refusal(node.place, f"an app has two SAEs, not {len(ends)}: write {{app-a: km0, app-b: km1}}")
        first, second = ends
        if first is None or second is None:
            raise Unread
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
            "minProperties": 2,
            "maxProperties": 2,
        }

    def write(self, value: object) -> Plain:
        """Write the two pairs."""
        return {end.sae: end.node for end in cast(tuple[Endpoint, ...], value)}

    def _endpoint(self, entry: Entry, page: Page) -> Endpoint | None:
        sae = entry.key.text
        earlier = (page.names.get("SAE") or {}).get(sae)
        if earlier is not None and earlier.place is not None:
            first = f"the first is in line {earlier.place.line}; an SAE belongs to one app and one node"
            page.report(entry.key.place, f"SAE {sae!r} is declared twice", first)
            return None
        # Across the apps, not only in one mapping: the certificate of an SAE names it, so it can be only one.
        page.declare("SAE", sae, Declared(sae, entry.key.place))
        node = page.attempt(NODE, entry.value)
        try:
            return Endpoint(page.parsed(parse_sae, entry.key), node) if node is not None else None
        except Unread:
            return None


APP: Final = Record(
    "an app",
    App,
    (
        Field(
            "user", Reference("user", UserId), "the owner of the app, under `users`", required=True, stand_in=UserId("")
        ),
        Field("saes", Saes(), "the app's two SAEs and the nodes that serve them", attribute="ends", required=True),
    ),
)

APPS: Final = Entries("app", parse_app, APP)
