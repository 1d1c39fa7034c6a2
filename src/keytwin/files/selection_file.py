"""`selection.yaml`: which variants of an OVM are chosen, by variation point. Nobody guesses what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from keytwin.design.variability import Ovm
from keytwin.files.kinds import TEXT, Plain, Reference, Schema, name_schema, names_from
from keytwin.files.library import Source, ovm_names, selection_source
from keytwin.files.nodes import Node, TextNode, find
from keytwin.files.ovm import read_ovm
from keytwin.files.page import Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.shapes import Field, FormatOne, Record
from keytwin.vocabulary.identity import VariantId, VariationPointId


class SelectionFile(msgspec.Struct, frozen=True):
    """A selection as it is written."""

    name: str
    ovm: str
    choose: Mapping[VariationPointId, tuple[VariantId, ...]]
    format: int = 1
    about: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The mapping under `choose`: by variation point, one variant or a list of them."""

    ovm: Ovm | None
    """None = it is not known, so nothing can be said."""

    def read(self, node: Node, page: Page) -> dict[VariationPointId, tuple[VariantId, ...]]:
        """Look every name up."""
        found: dict[VariationPointId, tuple[VariantId, ...]] = {}
        for entry in page.entries(node, "a mapping from variation points to variants"):
            with suppress(Unread):
                point = VariationPointId(page.look_up("variation point", entry.key.text, entry.key.place))
                found[point] = self._variants(point, entry.value, page)
        return found

    def schema(self) -> Schema:
        """Describe the mapping."""
        one = name_schema()
        return {"type": "object", "additionalProperties": {"anyOf": [one, {"type": "array", "items": one}]}}

    def write(self, value: object) -> Plain:
        """Write each variation point with its variants."""
        assert isinstance(value, Mapping)
        return {str(point): [each.rpartition(".")[2] for each in variants] for point, variants in value.items()}

    def _variants(self, point: VariationPointId, node: Node, page: Page) -> tuple[VariantId, ...]:
        # An OVM that is not known has been told of once: to refuse each variant as well would bury that.
        if self.ovm is None or point not in self.ovm.points:
            return ()
        # Inside its variation point a variant goes by its short name, so the same word may be one at two points.
        known = [each.id.removeprefix(f"{point}.") for each in self.ovm.variants_of(point)]
        page.names["variant"] = names_from(known)
        variant = Reference("variant", str)
        nodes = (node,) if isinstance(node, TextNode) else page.items(node, "a list of variants")
        found: dict[VariantId, None] = {}
        for each in nodes:
            name = page.attempt(variant, each)
            # A name written twice was most likely meant to be another one, and only who wrote it knows which.
            if name and f"{point}.{name}" in found:
                page.report(each.place, f"the variant {name!r} is chosen twice", "remove one, or name another")
            elif name:
                found[VariantId(f"{point}.{name}")] = None
        return tuple(found)


def selection_record(ovm: Ovm | None) -> Record[SelectionFile]:
    """Describe the file of a selection from one OVM."""
    return Record(
        "a selection",
        SelectionFile,
        (
            Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1),
            Field("name", TEXT, "its name", required=True, stand_in=""),
            Field("about", TEXT, "for whom, and why so"),
            Field("ovm", Reference("OVM", str), "the variability model, by name", required=True),
            Field("choose", Chosen(ovm), "by variation point, the variants that are chosen", required=True),
        ),
    )


def read_selection(where: str) -> SelectionFile:
    """Return a selection, by name in the library or by path; Mistake when there is none, FileMistake when wrong."""
    return selection_from(selection_source(where))


def selection_from(source: Source) -> SelectionFile:
    """Return what a file selects; FileMistake with all that is wrong in it."""
    # Mistakes gather on the page and are raised together: a reader who stops at the first costs a run for each.
    page = Page(source.file)
    try:
        file = _read(read_nodes(source.octets, page), page)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return file


def _read(root: Node, page: Page) -> SelectionFile:
    page.names["OVM"] = names_from(ovm_names())
    named = _ovm_named(root)
    # Read before the rest, because the names that may stand below are those of the OVM.
    ovm = read_ovm(named) if named in ovm_names() else None
    page.names["variation point"] = names_from(ovm.points) if ovm else None
    return selection_record(ovm).read(root, page)


def _ovm_named(root: Node) -> str:
    found = find(root, "ovm")
    return found.text if isinstance(found, TextNode) else ""


SELECTION: Final = selection_record(None)
"""For the JSON Schema, which cannot know what an OVM declares."""
