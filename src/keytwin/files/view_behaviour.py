"""How behaviour is written in the file of a view: activities, sequences, states, joint states."""

from __future__ import annotations

from typing import Final

from keytwin.design.model import ActionKind, ElementId, Operator
from keytwin.files.kinds import TEXT, Reference, Schema, choice, name
from keytwin.files.shapes import Field, Record
from keytwin.files.view_said import ActivitySaid, FrameSaid, JointSaid, MessageSaid, SequenceSaid, StateSaid, StepSaid
from keytwin.files.view_shapes import Additions, Handed, Listed, NextStep, Several, parse_element
from keytwin.files.view_structure import ABOUT, ITEM_NAME, NAME, PART_NAME, PROPERTIES
from keytwin.vocabulary.identity import VariationPointId, parse_name


class TableName(Reference[str]):
    """The name of a state table, which is a few words and not one."""

    def schema(self) -> Schema:
        """Any text: which tables there are, a schema cannot know."""
        return {"type": "string"}


STEP: Final = Record(
    "a step of an activity",
    StepSaid,
    (
        Field("does", TEXT, "what is done", attribute="name"),
        Field("kind", choice("kind of step", ActionKind), "what kind of node it is; an action when left out"),
        Field("lane", Reference("lane", ElementId), "the part that does it"),
        Field(
            "detail",
            name("a variation point", lambda text: VariationPointId(parse_name(text, "a variation point"))),
            "the variation point whose view says how it is done",
        ),
        Field("then", Several("the next step", NextStep()), "what comes next, as 'measure' or 'abort if ...'"),
        Field("gives", Several("what is handed on", Handed()), "what it hands on, as 'qubit to measure'"),
        ABOUT,
    ),
)
ACTIVITY: Final = Record(
    "an activity",
    ActivitySaid,
    (
        Field("id", name("an activity", parse_element), "its identifier", required=True),
        NAME,
        # Before the steps: reading goes in the order of these fields, and a step names its lane.
        Field("lanes", Listed("part", "lane"), "the parts that take part", required=True, stand_in=()),
        Field("steps", Additions("step", STEP, ("deed",)), "what is done", required=True, stand_in=()),
        ABOUT,
    ),
)
FRAME: Final = Record(
    "a frame",
    FrameSaid,
    (
        Field("operator", choice("operator", Operator), "loop, alt, opt or par", required=True),
        Field("guard", TEXT, "how often, or when"),
        Field("within", Reference("frame", str), "the frame round it"),
    ),
)
MESSAGE: Final = Record(
    "a message",
    MessageSaid,
    (
        Field("says", TEXT, "what is told or done", attribute="name", required=True),
        Field("from", Reference("lifeline", ElementId), "who sends it", attribute="source", required=True),
        Field("to", Reference("lifeline", ElementId), "who gets it", attribute="target", required=True),
        Field("item", ITEM_NAME, "what is sent"),
        Field("within", Reference("frame", str), "the frame round it"),
        ABOUT,
    ),
)
SEQUENCE: Final = Record(
    "a sequence",
    SequenceSaid,
    (
        Field("id", name("an interaction", parse_element), "its identifier", required=True),
        NAME,
        Field("lifelines", Listed("part", "lifeline"), "the parts that take part", required=True, stand_in=()),
        # Before the messages, which say in what frame they lie.
        Field("frames", Additions("frame", FRAME), "frames round messages"),
        Field("messages", Additions("message", MESSAGE, ("deed",)), "in order", required=True, stand_in=()),
        ABOUT,
    ),
)
STATE: Final = Record(
    "a state machine",
    StateSaid,
    (
        Field("id", name("a state machine", parse_element), "its identifier", required=True),
        NAME,
        Field("table", TableName("state table", str), "the table that drives it", required=True),
        Field("part", PART_NAME, "the part that is in these states", required=True),
        ABOUT,
    ),
)
JOINT: Final = Record(
    "a joint state",
    JointSaid,
    (
        NAME,
        Field("parts", Several("a part", PART_NAME), "who holds a share of it", required=True),
        PROPERTIES,
        Field("made_by", Reference("deed", str), "the step or message after which it is there"),
        Field("used_by", Several("a step or message", Reference("deed", str)), "what consumes it"),
        ABOUT,
    ),
)
