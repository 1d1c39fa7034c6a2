"""The links of a network file: `a -- b`, `a -- b/name`, or with own values `a -- b: {length: 12 km}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, cast

import msgspec

from keytwin.files.kinds import BEARABLE_LOSS, FIBRE_LOSS, GROUND_LENGTH, Plain, Reference, Schema, name_schema
from keytwin.files.media import SETTINGS, Said
from keytwin.files.nodes import MapNode, Node, Place, TextNode
from keytwin.files.page import Declared, Names, Page, Unread
from keytwin.files.shapes import Field, Record, or_empty
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId, link_ends, link_id, parse_link
from keytwin.vocabulary.medium import FIBRE, FREE_SPACE, SATELLITE
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres

_HOW: Final = "write '- a -- b', or '- a -- b: {length: 12 km}' with values of its own"


class LinkValues(msgspec.Struct, frozen=True):
    """What is said of a link, or of all links by default; None = nothing."""

    device: DeviceId | None = None
    medium: str | None = None
    length: Kilometres | None = None
    attenuation: DecibelsPerKilometre | None = None
    total_loss: Decibels | None = None
    fibre: Said | None = None
    free_space: Said | None = None
    satellite: Said | None = None

    def said_of(self, medium: str) -> Said | None:
        """Return what is said of a medium; None = nothing."""
        return {FIBRE: self.fibre, FREE_SPACE: self.free_space, SATELLITE: self.satellite}.get(medium)


@dataclass(frozen=True, slots=True)
class LinkLine:
    """One item of `links`."""

    id: LinkId
    values: LinkValues
    place: Place = field(compare=False)
    is_guess: bool = field(default=False, compare=False)  # an end is unknown, and the nearest node stands for it

    @property
    def ends(self) -> tuple[NodeId, NodeId]:
        """The two nodes."""
        return link_ends(self.id)


@dataclass(frozen=True, slots=True)
class DeviceReference(Reference[DeviceId]):
    """A device of the library by name, or one of the user's by the path of its file."""

    def read(self, node: Node, page: Page) -> DeviceId:
        """Look the device up; where no name is near, the user may have meant a file."""
        found = page.text(node, "a device's name or the path of its file")
        names = page.names.get(self.what) or {}
        if found.text not in names and not page.nearest(found.text, names):
            hint = f"{page.hint(found.text, names)}; a file is given by its path, which ends in .yaml"
            raise page.refusal(found.place, f"unknown device {found.text!r}", hint)
        return Reference.read(self, found, page)

    def schema(self) -> Schema:
        """Allow a name or a path."""
        return {"anyOf": [name_schema(), {"type": "string", "pattern": r"[.]ya?ml$"}]}


LINK_VALUES: Final = Record(
    "a link",
    LinkValues,
    (
        Field(
            "device",
            DeviceReference("device", DeviceId),
            "the QKD modules at the two ends: a name of the library, or the path of a device file from this one",
        ),
        Field("medium", Reference("medium", str), "what lies between the modules; fibre when nothing is said"),
        Field("length", GROUND_LENGTH, "the length of the channel, such as 20 km"),
        Field("loss", FIBRE_LOSS, "the attenuation by length; 0.2 dB/km when nothing is said", attribute="attenuation"),
        Field(
            "total_loss", BEARABLE_LOSS, "the measured loss of the whole channel, such as 14.5 dB; it wins over length"
        ),
        Field(FIBRE, SETTINGS[FIBRE], "the classical channels in the same fibre; none if left out"),
        Field(
            FREE_SPACE,
            SETTINGS[FREE_SPACE],
            "telescopes, air and sky, with `medium: free-space`",
            attribute="free_space",
        ),
        Field(SATELLITE, SETTINGS[SATELLITE], "orbit, telescopes and sky, with `medium: satellite`"),
    ),
)


class LinkItem:
    """One item of the list; an unknown end is reported and replaced by the nearest node."""

    def read(self, node: Node, page: Page) -> LinkLine:
        """Read a text, or a mapping with the link as its one key."""
        values = LinkValues()
        if isinstance(node, MapNode):
            if len(node.entries) != 1:
                raise page.refusal(
                    node.place, f"{len(node.entries)} keys in one item of 'links'", f"{_HOW}, indented below it"
                )
            (entry,) = node.entries.values()
            written = entry.key
            values = page.attempt(LINK_VALUES, entry.value) or LinkValues()
        else:
            written = page.text(node, f"a link ({_HOW})")
        link = page.parsed(parse_link, written)
        known = _with_known_ends(link, written, page)
        return LinkLine(known, values, written.place, is_guess=known != link)


@dataclass(frozen=True, slots=True)
class Links:
    """The list of links; each is declared as "link", written from either end."""

    def read(self, node: Node, page: Page) -> tuple[LinkLine, ...]:
        """Read all links; when one of them can't even be named, any link may be declared."""
        page.names["link"] = None
        items = page.items(node, "a list of links")
        names: Names = {}
        read = [page.attempt(LinkItem(), item) for item in items]
        lines = [line for line in read if line is not None and _declare(line, names, page)]
        page.names["link"] = None if None in read else names
        return tuple(lines)

    def schema(self) -> Schema:
        """Describe a list of texts and mappings with one key."""
        written: Schema = {"type": "string", "pattern": r"^\s*\S+\s*--\s*\S+\s*$"}
        own: Schema = {
            "type": "object",
            "propertyNames": {"pattern": written["pattern"]},
            "additionalProperties": or_empty(LINK_VALUES.schema()),
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"type": "array", "items": {"anyOf": [written, own]}}

    def write(self, value: object) -> Plain:
        """Write a link on its own as text, one with values of its own as a mapping."""
        return [_write_line(line) for line in cast(tuple[LinkLine, ...], value)]


@dataclass(frozen=True, slots=True)
class LinkReference:
    """A link that the network declares, written from either end and with any spacing."""

    def read(self, node: Node, page: Page) -> LinkId:
        """Return the link as the network writes it."""
        found = page.text(node, "a link")
        return LinkId(page.look_up("link", page.parsed(parse_link, found), found.place))

    def schema(self) -> Schema:
        """Describe a text of two names."""
        return {"type": "string", "pattern": r"^\s*\S+\s*--\s*\S+\s*$"}

    def write(self, value: object) -> Plain:
        """Write the link with spaces around its dashes."""
        return spaced(cast(LinkId, value))


def spaced(link: LinkId) -> str:
    """Return a link as people write it: `a -- b/name`."""
    return link.replace("--", " -- ")


def reversed_link(link: LinkId) -> LinkId:
    """Return the same link named from its other end."""
    first, second = link_ends(link)
    return link_id(second, first, link.partition("/")[2])


def _with_known_ends(link: LinkId, written: TextNode, page: Page) -> LinkId:
    """Report unknown ends, and take the nearest node instead so that no further mistake follows from that one."""
    nodes = page.names.get("node")
    if nodes is None:
        return link
    ends = list(link_ends(link))
    for index, (text, offset) in enumerate(_ends_as_written(written.text)):
        place = written.place.shifted(offset) if written.plain else written.place
        try:
            page.look_up("node", text, place)
        except Unread:
            others = (name for name in nodes if name != ends[1 - index])
            ends[index] = NodeId(page.nearest(text, others) or f"{text}?")
    return link_id(ends[0], ends[1], link.partition("/")[2])


def _ends_as_written(text: str) -> Iterator[tuple[str, int]]:
    """Give the two names and the columns where they begin."""
    offset = 0
    for part in text.partition("/")[0].split("--"):
        yield part.strip(), offset + len(part) - len(part.lstrip())
        offset += len(part) + len("--")


def _declare(line: LinkLine, names: Names, page: Page) -> bool:
    # A guess may fall on a link that is there already; calling that a duplicate would be a second mistake for one.
    if line.is_guess:
        return True
    earlier = names.get(line.id)
    if earlier is not None and earlier.place is not None:
        example = f"{' -- '.join(line.ends)}/second"
        hint = (
            f"the first is in line {earlier.place.line}; a parallel link needs a name of its own, such as {example!r}"
        )
        page.report(line.place, f"duplicate link '{spaced(line.id)}'", hint)
        return False
    names[line.id] = names[reversed_link(line.id)] = Declared(line.id, line.place)
    return True


def _write_line(line: LinkLine) -> Plain:
    own = LINK_VALUES.write(line.values)
    return {spaced(line.id): own} if own else spaced(line.id)
