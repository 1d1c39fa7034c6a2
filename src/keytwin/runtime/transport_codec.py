"""Frames of the streams between key managers, and between a link's twin and its key managers; who may send what.

A frame is four octets of length (big-endian) and a msgpack map whose "type" is the message's class name. A frame
without content is the listener's greeting: it has looked at the dialler's certificate and lets it in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias, TypeVar, cast

import msgspec

from keytwin.vocabulary.errors import Oversize, Violation
from keytwin.vocabulary.exchange_messages import (
    AnswerCiphertext,
    AskStored,
    AssignKeys,
    BorrowCredit,
    CreditLent,
    KeysFailed,
    KeysReceived,
    KeysStored,
    KeysVoided,
    NameKeys,
    OfferPublicKey,
    PeerWord,
    RelayKeys,
    VoidKeys,
)
from keytwin.vocabulary.identity import ElementName, LinkId, NodeId, km_of, link_ends, twin_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import (
    AcceptBlock,
    AskLease,
    BlockReceived,
    ConfirmBlock,
    LeaseGranted,
    LeaseRefused,
    LinkKeyBlock,
    OfferBlock,
    ProbeAnswered,
    ProbeLink,
    RefuseBlock,
)
from keytwin.vocabulary.machine import Message

HEAD: Final = 4  # octets of length
GREETING: Final = bytes(HEAD)
LARGEST_BLOCK: Final = 32 * 1024 * 1024  # octets: a minute of 4 Mbit/s, distilled as one block
LARGEST_KEYS: Final = (
    8 * 1024 * 1024
)  # octets: one-time pad of 64 keys of a megabit each; the usual 64 x 256 bit is 5 kB
LARGEST_ANSWER: Final = 4 * 1024  # octets
FIRST_ROOM: Final = 64 * 1024  # octets: four TLS records (RFC 8446 clause 5.1), read at once

KM: Final = "km"
TWIN: Final = "link"

OnLink: TypeAlias = (
    RelayKeys
    | AssignKeys
    | KeysReceived
    | OfferBlock
    | AcceptBlock
    | ConfirmBlock
    | RefuseBlock
    | ProbeLink
    | ProbeAnswered
    | AskLease
    | LeaseGranted
    | LeaseRefused
)
OnRoute: TypeAlias = (
    KeysStored
    | AskStored
    | KeysFailed
    | VoidKeys
    | KeysVoided
    | BorrowCredit
    | CreditLent
    | PeerWord
    | NameKeys
    | OfferPublicKey
    | AnswerCiphertext
)
FromNeighbour: TypeAlias = OnLink | OnRoute
Read = TypeVar("Read")


class Speaker(NamedTuple):
    """What one kind of element may say to another; `largest` in octets, without the four of the length."""

    messages: tuple[type[Message], ...]
    largest: int
    carries_key: bool = False


ALLOWED: Final = {  # by the kinds of source and target
    (KM, KM): Speaker((*OnLink.__args__, *OnRoute.__args__), LARGEST_KEYS),
    (TWIN, KM): Speaker((LinkKeyBlock,), LARGEST_BLOCK, carries_key=True),
    (KM, TWIN): Speaker((BlockReceived,), LARGEST_ANSWER),
}


class _BlockOnWire(msgspec.Struct, frozen=True, gc=False, tag="LinkKeyBlock"):
    """A block whose material is a view of the frame: no copy that could not be overwritten comes into being."""

    link: LinkId
    number: int
    material: memoryview
    qber: float


class Way:
    """The frames from one element to another that it shares `links` with: writes them, and reads them with suspicion.

    Violation when the two have nothing to say to each other.
    """

    def __init__(self, source: ElementName, target: ElementName, links: frozenset[LinkId]) -> None:
        kinds = kind_of(source), kind_of(target)
        speaker = ALLOWED.get(kinds)
        if speaker is None or not links:
            raise Violation(f"{source} and {target} have no link in common")
        self.source = source
        self.target = target
        self.largest = speaker.largest
        self.carries_key = speaker.carries_key
        self._messages = frozenset(speaker.messages)
        self._links = links
        self._node = NodeId(source.partition("/")[2])
        self._is_of_km = kinds == (KM, KM)

    def write(self, message: Message, frames: bytearray) -> None:
        """Put a message as a frame behind others; Oversize, and nothing written, when the other end would not take it.

        A frame with key material is to be the only one in its buffer: one that grows leaves copies behind.
        """
        assert type(message) in self._messages, f"{self.source} has no {type(message).__name__} to say to {self.target}"
        start = len(frames)
        if isinstance(message, LinkKeyBlock):
            _write_block(message, frames)
        else:
            frames += GREETING  # room for the length
            _ENCODER.encode_into(message, frames, -1)
        length = len(frames) - start - HEAD
        if length > self.largest:
            frames[start:] = b""
            raise Oversize(f"a {type(message).__name__} of {length} octets is too large for {self.target}")
        _LENGTH.pack_into(frames, start, length)

    def read(self, frame: memoryview) -> Message:
        """Return the message in a frame, without its length; Violation when it is none that the source may send.

        A frame of key is overwritten: what it held is in the message's own handle.
        """
        if self.carries_key:
            try:
                return self._read_block(frame)
            finally:
                wipe(frame)
        message = cast("Message", _decoded(_OF_KM if self._is_of_km else _OF_TWIN, frame, self.source))
        if self._is_of_km:
            self._check_neighbour(cast("FromNeighbour", message))
        else:
            self._check_answer(cast("BlockReceived", message))
        return message

    def _read_block(self, frame: memoryview) -> LinkKeyBlock:
        block = _decoded(_OF_LINK, frame, self.source)
        if block.link not in self._links or block.number < 1 or not 0.0 <= block.qber <= 1.0:
            raise Violation(f"{self.source} sends a block of another link, or with impossible figures")
        material = KeyMaterial(bytearray(block.material))
        return LinkKeyBlock(block.link, block.number, material, block.qber)

    def _check_neighbour(self, message: FromNeighbour) -> None:
        kind = type(message)
        if message.sender != self._node:
            raise Violation(f"{self.source} sends a {kind.__name__} in the name of another key manager")
        if isinstance(message, OnLink) and message.link not in self._links:
            raise Violation(
                f"{self.source} sends a {kind.__name__} about a link that does not join it to {self.target}"
            )
        if min(_NUMBERS_OF[kind](message)) < 0:
            raise Violation(f"{self.source} sends a {kind.__name__} with a number below 0")

    def _check_answer(self, message: BlockReceived) -> None:
        if message.link not in self._links or message.node != self._node or message.number < 0:
            raise Violation(f"{self.source} acknowledges a block that is not for it")


class FrameReader:
    """Cuts what arrives into frames and these into messages, in one buffer that grows to the frame announced.

    Where key may come, octets that were read are overwritten at once.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self._octets = bytearray(FIRST_ROOM)
        self._end = 0

    def room(self) -> memoryview:
        """Return where the next octets are to be put; never empty."""
        return memoryview(self._octets)[self._end :]

    def take(self, count: int) -> Iterator[Message | None]:
        """Read on, after `count` octets were put into the room; None = a greeting. Exhaust it before the next call.

        Violation, or Oversize, when the peer broke the protocol: then the stream is of no more use.
        """
        self._end += count
        view = memoryview(self._octets)
        start = 0
        while self._end - start >= HEAD:
            length: int = _LENGTH.unpack_from(view, start)[0]
            if length > self._way.largest:
                raise Oversize(f"{self._way.source} announces {length} octets: {self._way.largest} is the most")
            stop = start + HEAD + length
            if stop > self._end:
                break
            frame = view[start + HEAD : stop]
            start = stop
            yield self._way.read(frame) if length else None
        self._keep(view, start)

    def wipe(self) -> None:
        """Overwrite what is left when the stream has ended."""
        wipe(memoryview(self._octets))
        self._end = 0

    def _keep(self, view: memoryview, start: int) -> None:
        """Move the beginning of a frame to the front, and make room for all of it."""
        rest = self._end - start
        needed = HEAD + _LENGTH.unpack_from(view, start)[0] if rest >= HEAD else HEAD
        kept = view
        if needed > len(view) or (not rest and len(view) > FIRST_ROOM):
            self._octets = bytearray(max(needed, FIRST_ROOM))
            kept = memoryview(self._octets)
        if rest and (start or kept is not view):
            kept[:rest] = view[start : self._end]  # between views: no copy beside these two
        if self._way.carries_key and (start or kept is not view):
            wipe(view[rest if kept is view else 0 : self._end])
        self._end = rest


def kind_of(element: ElementName) -> str:
    """Return the first part of an element's name."""
    return element.partition("/")[0]


def shared_links(links: Iterable[LinkId], one: ElementName, other: ElementName) -> frozenset[LinkId]:
    """Return the links over which two elements speak: those that join two key managers, or a twin's own."""

    def concerned(link: LinkId) -> set[ElementName]:
        return {twin_of(link), *map(km_of, link_ends(link))}

    return frozenset(link for link in links if one != other and {one, other} <= concerned(link))


def wipe(octets: memoryview | bytearray) -> None:
    """Overwrite octets in place."""
    octets[:] = bytes(len(octets))


def _write_block(block: LinkKeyBlock, frames: bytearray) -> None:
    with block.material.exposed() as octets:
        wire = _BlockOnWire(block.link, block.number, octets, block.qber)
        start = len(frames)
        frames += bytes(HEAD + len(octets) + _BESIDE_MATERIAL)  # so that the encoder need not move what it has written
        _ENCODER.encode_into(wire, frames, start + HEAD)


def _decoded(decoder: msgspec.msgpack.Decoder[Read], frame: memoryview, source: ElementName) -> Read:
    try:
        return decoder.decode(frame)
    except msgspec.ValidationError as error:
        cause = f": {error}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        cause = ""
    # Outside the handler, as what Python says of bad text holds the octets themselves.
    raise Violation(f"{source} sends what is no message of its own{cause}")


def _numbers_of(kind: type[Message]) -> attrgetter[tuple[int, ...]]:
    """Return what gets all whole numbers of a message; the first twice, so that it is a tuple always."""
    fields = msgspec.structs.fields(kind)
    names = [field.name for field in fields if getattr(field.type, "__supertype__", field.type) is int]
    return attrgetter(*names, names[0])


_LENGTH: Final = struct.Struct(">I")
_BESIDE_MATERIAL: Final = 512  # octets: field names, figures and a link's name at its longest
_ENCODER: Final = msgspec.msgpack.Encoder()
_OF_KM: Final = msgspec.msgpack.Decoder(FromNeighbour)
_OF_LINK: Final = msgspec.msgpack.Decoder(_BlockOnWire)
_OF_TWIN: Final = msgspec.msgpack.Decoder(BlockReceived)
_NUMBERS_OF: Final = {kind: _numbers_of(kind) for kind in ALLOWED[KM, KM].messages}
