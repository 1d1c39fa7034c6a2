"""What stands in `need.yaml`, said once: it drives reading, the JSON Schema and the reference page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import msgspec

from keytwin.design.need import Assumptions, Line, NeedId, Orbiter, Priority, Site, parse_condition
from keytwin.files.kinds import (
    BEARABLE_LOSS,
    DURATION,
    FIBRE_LOSS,
    FLAG,
    GROUND_LENGTH,
    POSITIVE_BITS,
    SHARE,
    TEXT,
    Plain,
    Reference,
    Scalar,
    Schema,
    choice,
    count,
    name,
    name_schema,
)
from keytwin.files.links import DeviceReference, spaced
from keytwin.files.media import SETTINGS, said_of
from keytwin.files.nodes import ListNode, MapNode, Node
from keytwin.files.page import Declared, Page
from keytwin.files.shapes import Entries, Field, FormatOne, Items, Record
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import (
    DeviceId,
    NodeId,
    VariantId,
    link_ends,
    link_id,
    parse_link,
    parse_name,
    parse_node,
)
from keytwin.vocabulary.medium import SATELLITE, Satellite

MOST_APPS: Final = 1_000
# Sites and not nodes: relays that a layout adds are nodes too, and nobody may refer to them here.
SITE: Final = Reference("site", NodeId)


# Not yet a `Need`: which quantity a threshold is depends on another key, whose order in the file is free.
class NeedLine(msgspec.Struct, frozen=True):
    """One need as it is written: its threshold is text until the measure says what it is."""

    id: NeedId
    text: str
    priority: Priority
    measure: str = ""
    at_least: str = ""
    at_most: str = ""
    between: tuple[tuple[NodeId, NodeId], ...] = ()
    apps: int = 1
    under: str = ""


class NeedFile(msgspec.Struct, frozen=True):
    """A need file as it is written."""

    name: str
    stakeholder: str
    needs: tuple[NeedLine, ...]
    sites: tuple[Site, ...]
    format: int = 1
    about: str = ""
    lines: tuple[Line, ...] = ()
    satellites: tuple[Orbiter, ...] = ()
    choose: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    assume: Assumptions = Assumptions()


# --- places ---------------------------------------------------------------------------------------------------------


def parse_position(text: str) -> tuple[float, float]:
    """Read "51.51 N 0.13 W" as degrees north and east."""
    words = text.replace(",", " ").split()
    told = f"{text!r} is no position: write degrees north or south and east or west, as in 51.51 N 0.13 W"
    if len(words) != 4 or words[1] not in {"N", "S"} or words[3] not in {"E", "W"}:
        raise Mistake(told)
    try:
        # Letters for the hemisphere and no signs: a forgotten minus would move a city across the globe.
        north, east = float(words[0]), float(words[2])
    except ValueError:
        raise Mistake(told) from None
    if not (0 <= north <= 90 and 0 <= east <= 180):
        raise Mistake(f"{text!r} lies on no globe: degrees go to 90 N or S and to 180 E or W")
    return (-north if words[1] == "S" else north), (-east if words[3] == "W" else east)


def show_position(position: tuple[float, float]) -> str:
    """Write a position as in a file."""
    north, east = position
    return f"{abs(north):g} {'S' if north < 0 else 'N'} {abs(east):g} {'W' if east < 0 else 'E'}"


POSITION: Final = Scalar("a position", parse_position, show_position, {"type": "string"})
OWNER: Final = Scalar("a name or text", str, str, {"type": "string"})


# A number to an editor's YAML parser where it has no unit, such as a count of relays.
THRESHOLD: Final = Scalar("a threshold", str, str, {"anyOf": [{"type": "string"}, {"type": "number"}]})


def _relays(text: str) -> str | None:
    # Anything else is somebody's name, which no list of ours could hold.
    return {"none": None, "own": ""}.get(text.strip(), text.strip())


RELAYS: Final = Scalar(
    "own, none or a name", _relays, lambda owner: {None: "none", "": "own"}.get(owner, str(owner)), {"type": "string"}
)

SITE_RECORD: Final = Record(
    "a site",
    Site,
    (
        Field("owner", OWNER, "whose it is; the stakeholder's own if left out"),
        Field("at", POSITION, "where it lies, such as 51.51 N 0.13 W", attribute="position"),
        Field("endpoint", FLAG, "whether keys are wanted here; else it may only hold a relay", attribute="is_endpoint"),
        Field("risk", SHARE, "probability that somebody else controls it; that of `assume` if left out"),
        Field("moving", FLAG, "whether it moves, as a ship does: no line may lead there", attribute="is_moving"),
        Field("domain", OWNER, "the operator's network that it belongs to; the same as all others if left out"),
    ),
)

LINE: Final = Record(
    "a line",
    Line,
    (
        Field("length", GROUND_LENGTH, "the length of the fibre", required=True),
        Field("loss", FIBRE_LOSS, "its attenuation; 0.2 dB/km if left out", attribute="attenuation"),
        Field("extra", BEARABLE_LOSS, "connectors and patches, once for the whole line"),
        Field(
            "relays",
            RELAYS,
            "who would run trusted relays along it; no place for any if left out",
            attribute="relay_owner",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Lines:
    """The list of lines, each `- a -- b: {length: 12 km}`."""

    def read(self, node: Node, page: Page) -> tuple[Line, ...]:
        """Read all lines; two between the same sites need names."""
        read = [page.attempt(_LineItem(), item) for item in page.items(node, "a list of lines")]
        return tuple(line for line in read if line is not None)

    def schema(self) -> Schema:
        """Describe a list of mappings with one key."""
        pattern: Schema = {"pattern": r"^\s*\S+\s*--\s*\S+\s*$"}
        item: Schema = {
            "type": "object",
            "propertyNames": pattern,
            "additionalProperties": LINE.schema(),
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"type": "array", "items": item}

    def write(self, value: object) -> Plain:
        """Write each line with what it says."""
        return [{spaced(link_id(*line.ends, line.name)): LINE.write(line)} for line in cast(tuple[Line, ...], value)]


@dataclass(frozen=True, slots=True)
class _LineItem:
    def read(self, node: Node, page: Page) -> Line:
        if not isinstance(node, MapNode) or len(node.entries) != 1:
            raise page.refusal(node.place, "a line is one key with values: write '- a -- b: {length: 12 km}'")
        (entry,) = node.entries.values()
        link = page.parsed(parse_link, entry.key)
        known = page.names.get("line")
        assert known is not None
        if link in known:
            first = known[link].place
            where = f"the first is in line {first.line}" if first else ""
            page.report(entry.key.place, f"line {spaced(link)!r} is there twice: name them, as a -- b/north", where)
        page.declare("line", link, Declared(link, entry.key.place))
        # The values first: what is wrong with them is told even where an end is unknown.
        line = LINE.read_as(entry.value, page, {"ends": link_ends(link), "name": link.partition("/")[2]})
        for end in line.ends:
            page.look_up("site", end, entry.key.place)
        return line


@dataclass(frozen=True, slots=True)
class Pass:
    """What is said of the passes of a satellite, laid over the defaults."""

    def read(self, node: Node, page: Page) -> Satellite:
        """Read what is said."""
        made = SETTINGS[SATELLITE].make(**SETTINGS[SATELLITE].read(node, page))
        assert isinstance(made, Satellite)
        return made

    def schema(self) -> Schema:
        """Describe the mapping."""
        return SETTINGS[SATELLITE].schema()

    def write(self, value: object) -> Plain:
        """Write what differs from the defaults."""
        return SETTINGS[SATELLITE].write(said_of(cast(Satellite, value)))


ORBITER: Final = Record(
    "a satellite",
    Orbiter,
    (
        Field("owner", OWNER, "whose it is; the stakeholder's own if left out"),
        Field("passes", Pass(), "orbit, telescopes and sky, as `satellite` of a link in a network file"),
        Field("apart", DURATION, "from the pass over one site to that over the next"),
        Field("sites", Items("a list of sites", SITE), "over which it passes; those with keys if left out"),
    ),
)

# --- needs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sites, `a -- b`."""

    def read(self, node: Node, page: Page) -> tuple[NodeId, NodeId]:
        """Read and look up both."""
        found = page.text(node, "two sites, as in a -- b")
        first, second = link_ends(page.parsed(parse_link, found))
        return NodeId(page.look_up("site", first, found.place)), NodeId(page.look_up("site", second, found.place))

    def schema(self) -> Schema:
        """Describe a text of two names."""
        return {"type": "string", "pattern": r"^\s*\S+\s*--\s*\S+\s*$"}

    def write(self, value: object) -> Plain:
        """Write both with spaces around the dashes."""
        first, second = cast(tuple[str, str], value)
        return f"{first} -- {second}"


def _condition(text: str) -> str:
    return str(parse_condition(text))


NEED: Final = Record(
    "a need",
    NeedLine,
    (
        Field("text", TEXT, "what the stakeholder said, word for word", required=True),
        Field("priority", choice("priority", Priority), "must, should or could", required=True),
        Field("measure", Reference("measure", str), "what would show it; unverifiable if left out"),
        Field(
            "at-least",
            THRESHOLD,
            "the threshold, such as 2 kbit/s, 256 bit every 1 min or 50 GB every 1 d",
            attribute="at_least",
        ),
        Field("at-most", THRESHOLD, "the threshold, such as 5 s, 2 or 1.5 MEUR", attribute="at_most"),
        Field("between", Items("a list of pairs of sites", Pair()), "the pairs it is about; all if left out"),
        Field("apps", count(1, MOST_APPS), "how many apps at each pair want as much, each for itself"),
        Field(
            "under",
            Scalar("a condition", _condition, str, {"type": "string"}),
            "what fails meanwhile: cut(1 link), attack(1 channel) or kill(1 node)",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Choices:
    """Choices by variation point: one variant or a list, without the variation point before it."""

    def read(self, node: Node, page: Page) -> Mapping[str, tuple[str, ...]]:
        """Read words; whether there are such variants, the OVM says."""
        chosen: dict[str, tuple[str, ...]] = {}
        for entry in page.entries(node, "a mapping from variation points to variants"):
            items = entry.value.items if isinstance(entry.value, ListNode) else (entry.value,)
            words = [page.parsed(_word, page.text(item, "a variant")) for item in items]
            chosen[page.parsed(_word, entry.key)] = tuple(words)
        return MappingProxyType(chosen)

    def schema(self) -> Schema:
        """Describe an object of names and lists of names."""
        one = name_schema()
        both: Schema = {"anyOf": [one, {"type": "array", "items": one}]}
        return {"type": "object", "propertyNames": name_schema(), "additionalProperties": both}

    def write(self, value: object) -> Plain:
        """Write a list only where there are several."""
        chosen = cast(Mapping[str, tuple[str, ...]], value)
        return {point: words[0] if len(words) == 1 else list(words) for point, words in chosen.items()}


def _word(text: str) -> str:
    return parse_name(text, "a variant")


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that stand for variants."""

    def read(self, node: Node, page: Page) -> Mapping[VariantId, DeviceId]:
        """Look each device up."""
        entries = page.entries(node, "a mapping from variants to devices")
        read = {VariantId(page.parsed(_word, entry.key)): page.attempt(_DEVICE, entry.value) for entry in entries}
        return MappingProxyType({variant: device for variant, device in read.items() if device is not None})

    def schema(self) -> Schema:
        """Describe an object of device names."""
        return {"type": "object", "propertyNames": name_schema(), "additionalProperties": _DEVICE.schema()}

    def write(self, value: object) -> Plain:
        """Write the names."""
        return {str(variant): str(device) for variant, device in cast(Mapping[str, str], value).items()}


_DEVICE: Final = DeviceReference("device", DeviceId)

ASSUMPTIONS: Final = Record(
    "the assumptions",
    Assumptions,
    (
        Field("devices", Devices(), "per variant, such as protocol.bb84; the library's generic one if left out"),
        Field("span", GROUND_LENGTH, "into which lines are cut where relays may stand; the device's reach if left out"),
        Field("risk", SHARE, "probability that a relay is in somebody else's hands"),
        Field("store", POSITIVE_BITS, "key kept of each direction of a link"),
    ),
)


def _need_name(text: str) -> str:
    return parse_name(text, "a need")


CASE: Final = Record(
    "a need file",
    NeedFile,
    (
        Field("format", FormatOne(), "the number of this format: 1", required=True),
        Field("name", name("a name", lambda text: parse_name(text, "a need")), "its name", required=True),
        Field("stakeholder", TEXT, "who needs it", required=True),
        Field("about", TEXT, "what it is and where it comes from"),
        Field("sites", Entries("site", parse_node, SITE_RECORD, least=2), "the places", required=True),
        Field("lines", Lines(), "fibres that are there or can be had"),
        Field("satellites", Entries("satellite", parse_node, ORBITER), "satellites that can be used"),
        Field("needs", Entries("need", _need_name, NEED, least=1), "what is needed", required=True),
        Field("choose", Choices(), "variants that the stakeholder has chosen already, by variation point"),
        Field("assume", ASSUMPTIONS, "what the answer rests on and nobody has measured"),
    ),
)
