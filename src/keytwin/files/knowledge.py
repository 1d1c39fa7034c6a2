"""A knowledge base from its file: aspects, findings with sources, and candidates that say what they fix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import msgspec

from keytwin.design.knowledge import Aspect, Candidate, Insight, Knowledge
from keytwin.design.views import ViewKind
from keytwin.files.kinds import SOURCE, TEXT, Kind, Plain, Reference, Schema, choice, name, name_schema
from keytwin.files.library import Source, knowledge_source
from keytwin.files.nodes import Entry, MapNode, Node, find
from keytwin.files.page import Declared, Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.shapes import Entries, Field, FormatOne, Items, Record
from keytwin.vocabulary.identity import parse_name

_ASPECT: Final = "aspect"
_FIXED: Final = "aspect that is fixed"
_FINDING: Final = "finding"


class CandidateFile(msgspec.Struct, frozen=True):
    """A candidate as it is written."""

    id: str
    name: str
    fixes: Mapping[str, str]
    rests_on: tuple[str, ...] = ()


class KnowledgeFile(msgspec.Struct, frozen=True):
    """A knowledge base as it is written."""

    name: str
    aspects: tuple[Aspect, ...]
    findings: tuple[Insight, ...]
    candidates: tuple[CandidateFile, ...]
    about: str = ""
    format: int = 1


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a candidate says, aspect by aspect."""

    def read(self, node: Node, page: Page) -> dict[str, str]:
        """Read a text for each aspect; the aspects must be declared."""
        read: dict[str, str] = {}
        for entry in page.entries(node, "a mapping from aspects to what is fixed"):
            if (said := page.attempt(_Said(entry), entry.value)) is not None:
                read[entry.key.text] = said
        if not read:
            page.report(node.place, "a candidate fixes at least one aspect", "what else could it be compared by?")
        return read

    def schema(self) -> Schema:
        """Describe texts by names."""
        return {"type": "object", "propertyNames": name_schema(), "additionalProperties": {"type": "string"}}

    def write(self, value: object) -> Plain:
        """Write what was given."""
        return dict(cast(Mapping[str, str], value))


@dataclass(frozen=True, slots=True)
class _Said:
    entry: Entry

    def read(self, node: Node, page: Page) -> str:
        page.look_up(_FIXED, self.entry.key.text, self.entry.key.place)
        return page.text(node, "what is fixed").text


def _named(kind: str) -> Callable[[str], str]:
    return lambda text: parse_name(text, kind)


_ASPECT_RECORD: Final = Record(
    "an aspect",
    Aspect,
    (
        Field("about", TEXT, "what it is", required=True),
        Field("view", choice("kind of view", ViewKind), "the kind of view that shows it best", required=True),
    ),
)
_FINDING_RECORD: Final = Record(
    "a finding",
    Insight,
    (
        Field("says", TEXT, "what was found out", required=True),
        Field("source", SOURCE, "by whom and where", required=True),
    ),
)
_RESTS: Final[Kind[object]] = Items("a list of findings", Reference(_FINDING, str))
_CANDIDATE_RECORD: Final = Record(
    "a candidate",
    CandidateFile,
    (
        Field("name", TEXT, "for people", required=True),
        Field("fixes", Fixed(), "what it says of each aspect that it fixes", required=True),
        Field("rests_on", _RESTS, "findings that speak for or against it"),
    ),
)
KNOWLEDGE: Final = Record(
    "a knowledge base",
    KnowledgeFile,
    (
        Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1),
        Field("name", name("a knowledge base", _named("a knowledge base")), "its name", required=True, stand_in=""),
        Field("about", TEXT, "what it is of"),
        Field(
            "aspects",
            Entries(_ASPECT, _named("an aspect"), _ASPECT_RECORD, least=1),
            "what candidates may fix",
            required=True,
        ),
        Field(
            "findings",
            Entries(_FINDING, _named("a finding"), _FINDING_RECORD),
            "what is known, each with its source",
            required=True,
        ),
        Field(
            "candidates",
            Entries("candidate", _named("a candidate"), _CANDIDATE_RECORD, least=1),
            "ways of doing something, not yet grouped",
            required=True,
        ),
    ),
)


def read_knowledge(where: str) -> Knowledge:
    """Return a knowledge base, by name in the library or by path; Mistake or FileMistake otherwise."""
    return knowledge_from(knowledge_source(where))


def knowledge_from(source: Source) -> Knowledge:
    """Return what a file holds; FileMistake with all that is wrong in it."""
    page = Page(source.file)
    try:
        root = read_nodes(source.octets, page)
        aspects = find(root, "aspects")
        declared = aspects.entries if isinstance(aspects, MapNode) else {}
        page.names[_FIXED] = {key: Declared(key, entry.key.place) for key, entry in declared.items()}
        file = KNOWLEDGE.read(root, page)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    candidates = (Candidate(each.id, each.name, each.fixes, each.rests_on) for each in file.candidates)
    return Knowledge(
        file.name,
        file.about,
        MappingProxyType({each.id: each for each in file.aspects}),
        MappingProxyType({each.id: each for each in file.findings}),
        MappingProxyType({each.id: each for each in candidates}),
    )
