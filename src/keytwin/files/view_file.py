"""What stands in the file of a view, said once: it drives reading, the JSON Schema and writing back. Paper A III.

One file is what one variant brings: `library/views/<ovm>/<variant>.yaml`. `shared.yaml` beside them holds what several
variants refer to, and the roles that the rules of synchronisation must know.
"""

from __future__ import annotations

from typing import Final

from keytwin.design.model import ElementId
from keytwin.design.views import ViewKind
from keytwin.files.kinds import TEXT, Reference, choice, name
from keytwin.files.shapes import Field, FormatOne, Record
from keytwin.files.view_behaviour import ACTIVITY, JOINT, SEQUENCE, STATE
from keytwin.files.view_said import SharedFile, ViewFile
from keytwin.files.view_shapes import Additions, Several
from keytwin.files.view_structure import (
    ABOUT,
    BLOCK_NAME,
    CONNECTOR,
    ELEMENT_NAME,
    EQUATION,
    ITEM_NAME,
    PART_NAME,
    PARTS,
    REQUIREMENT,
    STRUCTURE,
    AddedTo,
)
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId, parse_name


def _variant(text: str) -> VariantId:
    # A variant's short name may be borne at two variation points, so by itself it says too little.
    if "." not in text:
        raise Mistake(f"{text!r} is no variant: write the variation point before it, as in 'protocol.bb84'")
    return VariantId(parse_name(text, "a variant"))


ROLES: Final[Record[dict[str, object]]] = Record(
    "the roles",
    dict,
    (
        Field("whole", BLOCK_NAME, "the block of the whole system", required=True),
        Field("ends", Several("a part", PART_NAME), "the two parts between which things are sent", required=True),
        *(
            Field(
                each,
                name("a variation point", lambda text: VariationPointId(parse_name(text, "a variation point"))),
                f"the variation point of the {each}",
                required=True,
            )
            for each in ("protocol", "link", "medium")
        ),
        *(
            Field(each, BLOCK_NAME, f"the block of which every {each} is a special case", required=True)
            for each in ("channel", "station", "memory")
        ),
        *(
            Field(each, ITEM_NAME, doc, required=True)
            for each, doc in (
                ("state", "the item that can be teleported"),
                ("share", "the item that is a share of a joint state"),
                ("outcome", "the item that tells the result of a joint measurement"),
            )
        ),
        *(
            Field(each, Reference("port kind", ElementId), doc, required=True)
            for each, doc in (
                ("delicate_port", "the kind of port for what must not be copied"),
                ("plain_port", "the kind of port for all else that passes a channel"),
            )
        ),
    ),
)
_FORMAT: Final = Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1)

SHARED: Final = Record(
    "what views share",
    SharedFile,
    (_FORMAT, *STRUCTURE, PARTS, Field("roles", ROLES, "what the rules of synchronisation must know", required=True)),
)
VIEW: Final = Record(
    "a view",
    ViewFile,
    (
        _FORMAT,
        Field("variant", name("a variant", _variant), "the variant that brings it", required=True),
        Field("kind", choice("kind of view", ViewKind), "the kind of diagram", required=True),
        Field("title", TEXT, "its title", required=True, stand_in=""),
        ABOUT,
        Field("sources", Several("a source", TEXT), "where its content comes from", required=True, stand_in=()),
        *STRUCTURE,
        Field("adds", AddedTo(), "ports and properties that are added to shared blocks"),
        PARTS,
        Field("connectors", Additions("connector", CONNECTOR, ("element",)), "what is joined to what"),
        Field("activity", ACTIVITY, "what parties do, step by step"),
        Field("sequence", SEQUENCE, "who tells whom what, in order"),
        Field("state", STATE, "the states of a part"),
        Field("requirements", Additions("requirement", REQUIREMENT, ("element",)), "what must hold"),
        Field("equations", Additions("equation", EQUATION, ("element",)), "relations between values"),
        Field("entanglement", Additions("joint state", JOINT, ("element",)), "states of several parts that are one"),
        Field("subject", ELEMENT_NAME, "the block that a view of structure is of"),
        Field("shows", Several("an element", ELEMENT_NAME), "what a view of structure shows, in the order of drawing"),
    ),
)
