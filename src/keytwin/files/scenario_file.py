"""What stands in `scenario.yaml`, said once: it drives reading, the JSON Schema and writing back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, cast

import msgspec

from keytwin.files.apps import NODE
from keytwin.files.kinds import (
    DURATION,
    FLAG,
    INSTANT,
    KEY_SIZE,
    LONGEST,
    SHARE,
    SOME_TIME,
    TEXT,
    Choice,
    Json,
    Kind,
    Plain,
    Reference,
    Schema,
    count,
    name,
    within,
)
from keytwin.files.links import LinkReference
from keytwin.files.network_file import OVERRIDES, NetworkFile
from keytwin.files.nodes import Entry, MapNode, Node, Place
from keytwin.files.page import Page, Unread
from keytwin.files.shapes import Field, FormatOne, Items, Record
from keytwin.vocabulary.identity import LONGEST_NAME, AppId, ElementName, parse_link, parse_name
from keytwin.vocabulary.operator_messages import LEAST_ERROR_RATE, MOST_ERROR_RATE
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    DistrustNode,
    Expectations,
    HealLink,
    MessageFaults,
    OpenApp,
    RestartElement,
    Step,
    StopElement,
)
from keytwin.vocabulary.units import Duration

MOST_KEYS: Final = 1_000  # asked for in one request
MOST_REQUESTS: Final = 10**7  # of one step: a request a second for four months
LARGEST_SEED: Final = 2**63 - 1
_LINK: Final = "link/"
_SAE: Final = "sae/"


@dataclass(frozen=True, slots=True)
class StepLine:
    """One item of `timeline`, and where it stands."""

    step: Step
    place: Place = field(compare=False)


class ScenarioFile(msgspec.Struct, frozen=True):
    """A scenario file as it is written; its network is read apart."""

    name: str
    network: str
    duration: Duration
    format: int = 1
    about: str = ""
    overrides: Node | None = None
    seed: int | None = None
    timeline: tuple[StepLine, ...] = ()
    expect: Expectations = Expectations()


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the running network: `km/km0`, `link/km0 -- km1`, `admission`."""

    def read(self, node: Node, page: Page) -> ElementName:
        """Look the element up; a link may be written from either end and with any spacing."""
        found = page.text(node, "the name of an element")
        text = found.text
        if text.startswith(_SAE):
            said = f"{text[:LONGEST_NAME]} is a customer of the network, not an element of it: it cannot be stopped"
            raise page.refusal(found.place, said, "close its app instead")
        if text.startswith(_LINK):
            text = _LINK + page.parsed(lambda _: parse_link(text.removeprefix(_LINK)), found)
        return ElementName(page.look_up("element", text, found.place))

    def schema(self) -> Schema:
        """Describe the ways to name one."""
        return {
            "type": "string",
            "pattern": r"^(access|xor-point|(admission|routing|monitoring|controller)(/.+)?|(km|link)/.+)$",
        }

    def write(self, value: object) -> Plain:
        """Return the name."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Sole:
    """An action on one thing, written as its name: `open: app01`."""

    make: type[Action]
    attribute: str
    kind: Kind[object]

    def read(self, node: Node, page: Page) -> Action:
        """Read the name of the thing."""
        return self.make(**{self.attribute: self.kind.read(node, page)})

    def schema(self) -> Schema:
        """Describe the name."""
        return self.kind.schema()

    def write(self, value: object) -> Plain:
        """Write the name."""
        return self.kind.write(getattr(value, self.attribute))


ERRORS: Final = within(SHARE, LEAST_ERROR_RATE, MOST_ERROR_RATE)
_APP: Final = Reference("app", AppId)
_ENDS: Final = Choice("choice of masters", {"first": "first", "second": "second", "both": "both"})

ASK: Final = Record(
    "a request for keys",
    AskKeys,
    (
        Field("app", _APP, "whose SAEs ask", required=True),
        Field("number", count(1, MOST_KEYS), "keys of one request"),
        Field("size", KEY_SIZE, "size of each key; that of the session when left out"),
        Field("times", count(1, MOST_REQUESTS), "how many requests"),
        Field("every", DURATION, "time between two requests; 0 s = the next as soon as the last is answered"),
        Field("masters", _ENDS, "which SAE asks as master: the first, the second or both"),
    ),
)

ATTACK: Final = Record(
    "an attack on a link",
    AttackLink,
    (
        Field("link", LinkReference(), "whose light is tampered with, named from either end", required=True),
        Field(
            "error_rate",
            ERRORS,
            "probability that a sifted bit is flipped; 25 % = every pulse of BB84 is intercepted",
            required=True,
        ),
    ),
)

FAULT: Final = Record(
    "a fault of messages",
    MessageFaults,
    (
        Field("drop", SHARE, "probability that a message is lost"),
        Field("duplicate", SHARE, "probability that a message comes twice"),
        Field("delay", DURATION, "longest extra time on the way; later messages may overtake"),
        Field("lasting", DURATION, "for how long; 0 s = until the end"),
    ),
)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A fault that does something."""

    def read(self, node: Node, page: Page) -> MessageFaults:
        """Report a fault that leaves all messages as they are."""
        before = len(page.mistakes)
        fault = FAULT.read(node, page)
        is_as_written = len(page.mistakes) == before  # else what was wrong stands at its default
        if is_as_written and not (fault.drop or fault.duplicate or fault.delay):
            raise page.refusal(node.place, "this fault changes nothing", "give 'drop', 'duplicate' or 'delay'")
        return fault

    def schema(self) -> Schema:
        """Ask for one of the keys that say what happens."""
        needed: list[Json] = [{"required": [each]} for each in ("drop", "duplicate", "delay")]
        return FAULT.schema() | {"anyOf": needed}

    def write(self, value: object) -> Plain:
        """Write what differs from the defaults."""
        return FAULT.write(value)


ACTIONS: Final[Mapping[str, tuple[type[Action], Kind[Action]]]] = MappingProxyType(
    {
        "open": (OpenApp, Sole(OpenApp, "app", _APP)),
        "ask": (AskKeys, ASK),
        "close": (CloseApp, Sole(CloseApp, "app", _APP)),
        "cut": (CutLink, Sole(CutLink, "link", LinkReference())),
        "attack": (AttackLink, ATTACK),
        "heal": (HealLink, Sole(HealLink, "link", LinkReference())),
        "distrust": (DistrustNode, Sole(DistrustNode, "node", NODE)),
        "stop": (StopElement, Sole(StopElement, "element", Element())),
        "restart": (RestartElement, Sole(RestartElement, "element", Element())),
        "fault": (MessageFaults, Disturbance()),
    }
)
"""By the key that stands beside `at`."""


@dataclass(frozen=True, slots=True)
class Steps:
    """One item of the timeline: `at` and exactly one action."""

    def read(self, node: Node, page: Page) -> StepLine:
        """Read both; what else stands there is reported."""
        entries = page.entries(node, "a mapping with 'at' and one action")
        at = next((entry for entry in entries if entry.key.text == "at"), None)
        actions = [self._known(entry, page) for entry in entries if entry is not at]
        when = page.attempt(INSTANT, at.value) if at else None
        if at is None:
            page.report(node.place, "'at' is missing in a step", "when the action is done, such as 'at: 5 s'")
        # Judged by what stands there, known or not: a misspelt action is not a missing one.
        if len(entries) - bool(at) != 1:
            raise page.refusal(node.place, "a step has exactly one action", f"known: {', '.join(ACTIONS)}")
        action = page.attempt(ACTIONS[actions[0].key.text][1], actions[0].value) if actions[0] else None
        if at is None or when is None or action is None:
            raise Unread
        return StepLine(Step(when, action), at.value.place)

    def schema(self) -> Schema:
        """Describe an object with `at` and one more key."""
        actions: dict[str, Json] = {key: kind.schema() for key, (_, kind) in ACTIONS.items()}
        return {
            "type": "object",
            "properties": {"at": INSTANT.schema(), **actions},
            "required": ["at"],
            "additionalProperties": False,
            "minProperties": 2,
            "maxProperties": 2,
        }

    def write(self, value: object) -> Plain:
        """Write time and action."""
        step = cast(StepLine, value).step
        key, kind = next((key, kind) for key, (made, kind) in ACTIONS.items() if isinstance(step.action, made))
        return {"at": INSTANT.write(step.at), key: kind.write(step.action)}

    def _known(self, entry: Entry, page: Page) -> Entry | None:
        if entry.key.text in ACTIONS:
            return entry
        hint = page.hint(entry.key.text, ["at", *ACTIONS])
        page.report(entry.key.place, f"unknown action {entry.key.text!r}", hint)
        return None


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is laid over the network; here only the sections are checked, the rest when the network is read with it."""

    def read(self, node: Node, page: Page) -> Node:
        """Return the nodes as they are."""
        valid = [each.name for each in OVERRIDES]
        for entry in page.entries(node, "a mapping of sections of the network"):
            if entry.key.text not in valid:
                hint = page.hint(entry.key.text, valid)
                page.report(entry.key.place, f"{entry.key.text!r} cannot be overridden by a scenario", hint)
        return node

    def schema(self) -> Schema:
        """Describe the sections; what is required in a network may be left out here."""
        return cast(Schema, _without_required(Record("overrides", NetworkFile, OVERRIDES).schema()))

    def write(self, value: object) -> Plain:
        """A scenario is written with a network that holds them already."""
        raise AssertionError(value)


def only_overrides(node: Node | None) -> Node | None:
    """Return of some overrides those that a scenario may make."""
    if not isinstance(node, MapNode):
        return None
    valid = {each.name for each in OVERRIDES}
    return MapNode(node.place, {key: entry for key, entry in node.entries.items() if key in valid})


def _without_required(schema: Json) -> Json:
    if isinstance(schema, dict):
        return {key: _without_required(value) for key, value in schema.items() if key != "required"}
    return [_without_required(each) for each in schema] if isinstance(schema, list) else schema


EXPECT: Final = Record(
    "the expectations",
    Expectations,
    (
        Field("keys_equal", FLAG, "both ends of every pair got the same key"),
        Field("keys", count(0, 10**9), "pairs of keys received at both ends, over all apps"),
        Field("answered_last", _APP, "the app whose last answer comes after those of all others"),
        Field("sessions_end", FLAG, "every session has ended and nothing is reserved anywhere"),
    ),
)

SCENARIO: Final = Record(
    "a scenario",
    ScenarioFile,
    (
        Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1),
        Field(
            "name",
            name("a scenario", lambda text: parse_name(text, "a scenario")),
            "its name",
            required=True,
            stand_in="",
        ),
        Field("about", TEXT, "what it shows and where it comes from"),
        Field("network", TEXT, "an example by name, or a file by its path from here", required=True, stand_in=""),
        Field("overrides", Overrides(), "sections of the network that are other here"),
        Field("duration", SOME_TIME, "how long the run takes, in its own time", required=True, stand_in=LONGEST),
        Field("seed", count(0, LARGEST_SEED), "makes the run repeatable when none is given at the start"),
        Field("timeline", Items("a list of steps", Steps()), "what is done when"),
        Field("expect", EXPECT, "what must be true after the run"),
    ),
)
"""The whole file."""
