"""Devices, each number with its source: the parameters in a file are the fields of the device's type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, cast

import msgspec

from keytwin.files.kinds import (
    DURATION,
    FREQUENCY,
    LOSS,
    NUMBER,
    RATE,
    SHARE,
    SOURCE,
    TEXT,
    Kind,
    Plain,
    Reference,
    Schema,
    name,
    names_from,
)
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, device_source
from keytwin.files.nodes import Node, TextNode, find
from keytwin.files.page import Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.shapes import Field, FormatOne, Record
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.identity import DeviceId, parse_name

_KINDS: Final[Mapping[str, Kind[object]]] = MappingProxyType(
    {"duration": DURATION, "frequency": FREQUENCY, "loss": LOSS, "number": NUMBER, "rate": RATE, "share": SHARE}
)
"""By the name that the metadata of a device's field gives under `quantity`."""


class Measured(msgspec.Struct, frozen=True):
    """A number and where it comes from."""

    value: object
    source: str


class DeviceFile(msgspec.Struct, frozen=True):
    """A device file as it is written."""

    name: DeviceId
    about: str
    protocol: str
    parameters: Mapping[str, Measured]
    format: int = 1


@dataclass(frozen=True, slots=True)
class Parameters:
    """The mapping under `parameters:`, for one type of device; None = it is not known, so nothing can be said."""

    device: type[Device] | None

    def read(self, node: Node, page: Page) -> dict[str, Measured]:
        """Read each parameter that the type of device has."""
        return self.record().read(node, page) if self.device else {}

    def schema(self) -> Schema:
        """Describe the parameters of this type."""
        return self.record().schema()

    def write(self, value: object) -> Plain:
        """Write what was given."""
        given = cast(Mapping[str, Measured], value)
        return {
            field.name: field.kind.write(given[field.name]) for field in self.record().fields if field.name in given
        }

    def record(self) -> Record[dict[str, Measured]]:
        """Return what may stand under `parameters:`."""
        listed = dataclasses.fields(self.device) if self.device else ()
        fields = (_parameter(field) for field in listed if "quantity" in field.metadata)
        return Record("the parameters of this protocol", dict, tuple(fields))


def device_record(device: type[Device] | None) -> Record[DeviceFile]:
    """Describe the file of one type of device."""
    return Record(
        "a device",
        DeviceFile,
        (
            Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1),
            Field("name", name("a device", _parse_device), "its name", required=True, stand_in=""),
            Field("about", TEXT, "what it is, and how it was modelled", required=True, stand_in=""),
            Field("protocol", Reference("protocol", str), "what models it, such as decoy-bb84", required=True),
            Field("parameters", Parameters(device), "its numbers, each with value and source", required=True),
        ),
    )


def read_device(where: str, known: Known = BROUGHT) -> Device:
    """Return a device, by name in the library or by path; Mistake when there is none, FileMistake when wrong."""
    return device_from(device_source(where), known)


@cache
def library_device(wanted: str) -> Device:
    """Return a device of the library, read once; its protocol must be one that keytwin brings."""
    return read_device(wanted)


def device_from(source: Source, known: Known = BROUGHT) -> Device:
    """Return the device that a file describes; FileMistake with all that is wrong in it."""
    page = Page(source.file)
    try:
        return device_of(read_nodes(source.octets, page), page, known)
    except Unread:
        raise page.conclusion() from None


def device_of(root: Node, page: Page, known: Known = BROUGHT) -> Device:
    """Return the device that nodes describe; Unread after a mistake."""
    page.names["protocol"] = names_from(known.protocols)
    written = find(root, "protocol")
    # Looked at before the rest, because the parameters that may stand below depend on it.
    kind = known.protocols.get(written.text) if isinstance(written, TextNode) else None
    file = device_record(kind).read(root, page)
    if kind is None or page.mistakes:
        raise Unread
    values = {key: measured.value for key, measured in file.parameters.items()}
    sources = MappingProxyType({key: measured.source for key, measured in file.parameters.items()})
    return _made(
        kind, {"name": file.name, "about": file.about, "protocol": file.protocol, "sources": sources, **values}
    )


def device_schema(known: Known = BROUGHT) -> Schema:
    """Describe the files of all known protocols."""
    alternatives = []
    for protocol, device in known.protocols.items():
        described = device_record(device).schema()
        cast(dict[str, object], described["properties"])["protocol"] = {"const": protocol}
        alternatives.append(described)
    return {"oneOf": [*alternatives]}


def _made(kind: type[Device], values: Mapping[str, object]) -> Device:
    make: type = kind  # which fields it takes is known by its metadata only
    made = make(**values)
    assert isinstance(made, Device)
    return made


def _parse_device(text: str) -> DeviceId:
    return DeviceId(parse_name(text, "a device"))


def _parameter(field: dataclasses.Field[object]) -> Field:
    quantity = str(field.metadata["quantity"])
    words = field.name.replace("_", " ")
    measured = Record(
        "a parameter",
        Measured,
        (
            Field("value", _KINDS[quantity], f"{words}: {quantity}", required=True),
            Field("source", SOURCE, "where the number comes from", required=True),
        ),
    )
    return Field(field.name, measured, words, required=field.default is dataclasses.MISSING)
