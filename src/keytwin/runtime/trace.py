"""The trace of a run: JSON Lines of what was published, read back as the same events.

The first line says what follows: `{"format": 1, "kind": "keytwin trace", "name": ..., "seed": ..., "keytwin": ...}`.
Each other line is one event: `{"at": nanoseconds, "element": ..., "type": ..., ...}`. No wall clock is in it: equal
runs give equal bytes, and `digest` tells whether they did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from keytwin.vocabulary import events
from keytwin.vocabulary.errors import FileMistake, Finding
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import START, Instant

FORMAT: Final = 1
KIND: Final = "keytwin trace"
LONGEST_LINE: Final = 1 << 20  # octets; an event is some hundred
MOST_FINDINGS: Final = 20  # in one message: a file that is wrong all over says nothing new after that

EVENT_TYPES: Final = {
    name: found
    for name, found in vars(events).items()
    if isinstance(found, type) and issubclass(found, Event) and found is not Event
}
"""Every kind of event, by the name that it has in a trace."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: which run of which network this is, and the version of keytwin that wrote it."""

    format: int
    kind: str
    name: str
    seed: int
    keytwin: str


class Happening(msgspec.Struct, frozen=True, gc=False):
    """One event, with when and where it was published."""

    at: Instant
    element: ElementName
    event: Event


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as its file tells it."""

    header: Header
    happenings: tuple[Happening, ...]

    def replay(self, listener: Callable[[Instant, ElementName, Event], None]) -> None:
        """Tell a subscriber of the simulation everything again."""
        for happening in self.happenings:
            listener(happening.at, happening.element, happening.event)


class Sink(Protocol):
    """What takes octets one after the other."""

    def write(self, octets: bytes, /) -> object:
        """Take some."""


class TraceWriter:
    """Writes what it hears as a subscriber of the simulation. The stream stays its opener's to close."""

    def __init__(self, stream: Sink, name: str, seed: int) -> None:
        self._stream = stream
        self._sum = hashlib.sha256()
        self._write(msgspec.json.encode(Header(FORMAT, KIND, name, seed, own_version())))

    def __call__(self, at: Instant, element: ElementName, event: Event) -> None:
        self._write(line(at, element, event))

    @property
    def digest(self) -> str:
        """The SHA-256 of everything written so far: that of the file."""
        return self._sum.hexdigest()

    def _write(self, text: bytes) -> None:
        self._stream.write(text + b"\n")
        self._sum.update(text + b"\n")


def line(at: Instant, element: ElementName, event: Event) -> bytes:
    """Return the line of one event, without its end."""
    # The event's own object with two members put in front, so that nothing is encoded twice.
    return b'{"at":%d,"element":%s,%s' % (at, msgspec.json.encode(element), msgspec.json.encode(event)[1:])


def own_version() -> str:
    """Return keytwin's version as it was installed; "unknown" when it runs from its source without an install."""
    try:
        return metadata.version("keytwin")
    except metadata.PackageNotFoundError:
        return "unknown"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file: equal for equal runs."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_trace(path: Path) -> Trace:
    """Read a trace; FileMistake with every line that is wrong, OSError when there is no such file."""
    with path.open("rb") as stream:
        header = _header(stream.readline(LONGEST_LINE), str(path))
        happenings: list[Happening] = []
        findings: list[Finding] = []
        last = START
        for number, text in _numbered_lines(stream):
            try:
                happening = _happening(text, last)
            except msgspec.DecodeError as error:
                findings.append(Finding(str(error), str(path), number, 1))
                if len(findings) == MOST_FINDINGS:
                    break
            else:
                last = happening.at
                happenings.append(happening)
    if findings:
        raise FileMistake(tuple(findings))
    return Trace(header, tuple(happenings))


def events_table(happenings: Iterable[Happening]) -> dict[str, list[object]]:
    """Lay happenings out in columns of equal length: at, element, type, and each field that any has; None = has not."""
    rows = [
        {
            "at": each.at,
            "element": each.element,
            "type": type(each.event).__name__,
            **msgspec.structs.asdict(each.event),
        }
        for each in happenings
    ]
    columns = dict.fromkeys(["at", "element", "type", *(name for row in rows for name in row)])
    return {name: [row.get(name) for row in rows] for name in columns}


def _header(text: bytes, file: str) -> Header:
    try:
        promise = _PROMISE.decode(text)
        if (promise.kind, promise.format) == (KIND, FORMAT):
            return _HEADER.decode(text)
    except msgspec.DecodeError as error:
        raise _no_trace(f"this is no trace of keytwin: {error}", file) from None
    if promise.kind != KIND:
        raise _no_trace(f"this is a {promise.kind!r}, not a {KIND!r}", file)
    raise _no_trace(f"this is a trace of format {promise.format}: this keytwin reads format {FORMAT}", file)


def _no_trace(what: str, file: str) -> FileMistake:
    return FileMistake((Finding(what, file, 1, 1, "", "write a trace with --trace FILE"),))


def _numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 1
    while text := stream.readline(LONGEST_LINE):
        number += 1
        yield number, text


def _happening(text: bytes, last: Instant) -> Happening:
    if not text.endswith(b"\n"):
        raise msgspec.DecodeError("the line is cut off, or longer than a mebibyte")
    stamp = _STAMP.decode(text)
    event = _EVENT.decode(text)
    # The decoders pass over what they don't know, since each sees members of the other.
    unknown = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).keys() - _KNOWN[type(event)]
    if unknown:
        raise msgspec.ValidationError(f"{type(event).__name__} has no {', '.join(sorted(unknown))}")
    if stamp.at < last:
        raise msgspec.ValidationError("this happened before the line above it")
    return Happening(stamp.at, stamp.element, event)


class _Promise(msgspec.Struct):
    format: int
    kind: str


class _Stamp(msgspec.Struct):
    at: Instant
    element: ElementName


def _any_event() -> msgspec.json.Decoder[Event]:
    kinds = tuple(EVENT_TYPES.values())
    union: object = kinds[0]
    for kind in kinds[1:]:
        union = union | kind
    return msgspec.json.Decoder(union)


_PROMISE: Final = msgspec.json.Decoder(_Promise)
_HEADER: Final = msgspec.json.Decoder(Header)
_STAMP: Final = msgspec.json.Decoder(_Stamp)
_EVENT: Final = _any_event()
_KNOWN: Final = {kind: {"at", "element", "type", *kind.__struct_fields__} for kind in EVENT_TYPES.values()}
