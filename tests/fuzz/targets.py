"""What is fuzzed: every reader of octets that a stranger may send, and of files that a user may hand in.

A target takes any octets and raises nothing: what its reader may say (a Violation, a Mistake, a refusal) is taken here,
whatever else comes out is a finding. Where something was read, it is written and read again, and must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from keytwin.files.library import Source, need_source, network_source, networks
from keytwin.files.need import check_need
from keytwin.files.network import check_network
from keytwin.files.uvl_reader import read_uvl
from keytwin.keymanagement.pool import BatchGone, KeysHandedOut, KeysKept, provenance_of
from keytwin.runtime.edge_frames import FrameReader as StreamReader
from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.runtime.edge_reader import RequestReader
from keytwin.runtime.edge_usual import Received
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.transport_codec import FrameReader, Way
from keytwin.service import etsi004, etsi004_frames, etsi014, skip
from keytwin.service.http import Request, Response
from keytwin.service.strict_json import read_json
from keytwin.vocabulary.errors import Mistake, Violation
from keytwin.vocabulary.exchange_messages import AssignKeys, KeysReceived, RelayKeys, VoidKeys
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock, OfferBlock
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.units import Bits, Instant, seconds

LINK: Final = LinkId("a--b")
OURS: Final = Way(ElementName("km/a"), ElementName("km/b"), frozenset({LINK}))
TWINS: Final = Way(ElementName("link/a--b"), ElementName("km/a"), frozenset({LINK}))
TIGHT: Final = EdgeLimits(target=256, head=1_024, lines=16, body=2_048)
SAE: Final = SaeId("app01-a")
MOST_REQUESTS: Final = 64  # of one input: a pipeline longer than that proves nothing more


class Target(NamedTuple):
    """Something to be fuzzed, and octets to begin with."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def frames(octets: bytes) -> None:
    """Read what a neighbour sends, cut anywhere: messages of its own, or a Violation."""
    _read_frames(OURS, octets)


def blocks(octets: bytes) -> None:
    """Read what a twin or device sends: blocks of its link, or a Violation."""
    _read_frames(TWINS, octets)


def requests(octets: bytes) -> None:
    """Read what a client sends over TLS, and what each face makes of every request: an ask, or a refusal."""
    reader = RequestReader(TIGHT)
    cut = octets[0] if octets else 0
    for piece in (octets[1 : 1 + cut], octets[1 + cut :]):
        reader.take(piece)
        for received in islice(_each(reader), MOST_REQUESTS):
            if isinstance(received, Response):
                assert 400 <= received.status < 500
                return
            _decode(received)
    reader.close()


def streams(octets: bytes) -> None:
    """Read binary frames of ETSI GS QKD 004 as an edge does, cut anywhere: frames that a face can read, or an end."""
    reader = StreamReader(TIGHT)
    cut = octets[0] if octets else 0
    for piece in (octets[1 : 1 + cut], octets[1 + cut :]):
        reader.take(piece)
        while isinstance(found := reader.next(), Received):
            etsi004_frames.decode(found.request.body)


def json(octets: bytes) -> None:
    """Read a body as strictly as the faces do."""
    with suppress(Mistake):
        read_json(octets, 16)


def records(octets: bytes) -> None:
    """Read a journal's record: one of ours, or a DecodeError; what is read is written in the same octets again."""
    codec = RecordCodec(record_types())
    try:
        record = codec.decode(octets)
    except msgspec.DecodeError:
        return
    assert codec.encode(codec.decode(codec.encode(record))) == codec.encode(record)


def network(octets: bytes) -> None:
    """Check a network file: a network, or findings that say where."""
    _check(check_network, octets)


def need(octets: bytes) -> None:
    """Check a need file."""
    _check(check_need, octets)


def uvl(octets: bytes) -> None:
    """Read a feature model."""
    _check(read_uvl, octets)


def _check(check: Callable[[Source], object], octets: bytes) -> None:
    with suppress(Mistake):
        check(Source("fuzzed", octets))


def _each(reader: RequestReader) -> Iterator[Received | Response]:
    while (received := reader.next()) is not None:
        yield received


def _decode(received: Received) -> None:
    request = received.request
    for asked in (etsi014.decode(SAE, request), etsi004.decode(request), _skip(request)):
        if isinstance(asked, Response):
            assert 400 <= asked.status < 500, asked


def _skip(request: Request) -> object:
    return skip.decode(SAE, (SaeId("app01-b"),), request) if skip.is_skip(request) else None


def _read_frames(way: Way, octets: bytes) -> None:
    reader, rest = FrameReader(way), memoryview(octets)
    cut = octets[0] + 1 if octets else 1
    try:
        while rest:
            room = reader.room()
            count = min(len(room), cut, len(rest))
            room[:count], rest = rest[:count], rest[count:]
            for message in reader.take(count):
                if message is not None:
                    _is_written_as_read(way, message)
    except Violation:
        pass
    finally:
        reader.wipe()


def _is_written_as_read(way: Way, message: Message) -> None:
    frame = bytearray()
    way.write(message, frame)
    again = way.read(memoryview(bytearray(frame[4:])))
    twice = bytearray()
    way.write(again, twice)
    assert twice == frame


# --- to begin with ----------------------------------------------------------------------------------------------------


def _framed(way: Way, *messages: Message) -> bytes:
    octets = bytearray()
    for message in messages:
        way.write(message, octets)
    return b"\xff" + bytes(octets)


def _frame_seeds() -> Iterator[bytes]:
    a, ksid, key_id = NodeId("a"), Ksid("6f7ac9bc-2f1e-4f8e-9b55-1d1f0f4f0a01"), KeyId("k" * 36)
    yield _framed(
        OURS, KeysReceived(a, a, LINK, 1, 0), VoidKeys(a, ksid, 1, onward=True, batch_id="batch", key_ids=(key_id,))
    )
    yield _framed(
        OURS,
        AssignKeys(a, LINK, 1, 64, 0, ksid, 1, onward=True, batch_id="batch", key_size=Bits(256), key_ids=(key_id,)),
    )
    yield _framed(
        OURS,
        RelayKeys(
            *(a, LINK, 1, 64, 0, ksid, 1, True),
            *("batch", Bits(64), (key_id,), 8, seconds(1), bytes(8), bytes(16)),
        ),
    )
    yield _framed(OURS, OfferBlock(a, LINK, 1, 1, 0, 0, 100, 0, 100, bytes(16)))


def _block_seeds() -> Iterator[bytes]:
    yield _framed(TWINS, LinkKeyBlock(LINK, 1, KeyMaterial(bytearray(64)), 0.02))


def _request_seeds() -> Iterator[bytes]:
    post = b"POST /api/v1/keys/app01-b/%b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n%b\r\n"
    wanted = b'{"key_IDs":[{"key_ID":"6f7ac9bc-2f1e-4f8e-9b55-1d1f0f4f0a01"}]}'
    chunked = post % (b"dec_keys", b"Transfer-Encoding: chunked\r\n") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(wanted), wanted)
    close = (
        b"POST /qkd/004/v2/close HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 56\r\n\r\n"
    )
    close += b'{"key_stream_id":"6f7ac9bc-2f1e-4f8e-9b55-1d1f0f4f0a01"}'
    for octets in (
        b"GET /api/v1/keys/app01-b/status HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/keys/app01-b/enc_keys?number=3&size=256 HTTP/1.1\r\nHost: a\r\n\r\n",
        post % (b"enc_keys", b"Content-Length: 12\r\n") + b'{"number":2}',
        chunked,
        close,
        b"GET /capabilities HTTP/1.0\r\n\r\nGET /entropy?minentropy=256 HTTP/1.1\r\n\r\n",
        b"GET /key?remoteSystemID=app01-b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    ):
        yield b"\xff" + octets


def _stream_seeds() -> Iterator[bytes]:
    ksid = bytes(range(16))
    ends = b"qkd://a/app01-a\0qkd://b/app01-b\0" + bytes(28) + b"application/json".ljust(256, b"\0") + ksid
    get = ksid + bytes(4) + (1024).to_bytes(4, "big")
    for service, payload in ((2, ends), (4, get), (8, ksid)):
        yield b"\xff" + bytes((1, 0, 1, service)) + len(payload).to_bytes(4, "big") + payload


def _json_seeds() -> Iterator[bytes]:
    yield b'{"number": 1, "size": 256, "extension_optional": [{"a_b": [null, true, -1.5e3, "\\ud83d\\ude00"]}]}'


def _record_seeds() -> Iterator[bytes]:
    ksid, key_id = Ksid("6f7ac9bc-2f1e-4f8e-9b55-1d1f0f4f0a01"), KeyId("k" * 36)
    key = KeyMaterial(bytearray(32))
    place = provenance_of(2, 1)
    for record in (
        KeysKept(ksid, "batch", *(False, SAE, (key_id,), (key,), place, Instant(5))),
        KeysHandedOut(ksid, is_master=False, key_ids=(key_id,)),
        BatchGone(ksid, "batch", is_void=True),
    ):
        yield RecordCodec().encode(record)


def _network_seeds() -> Iterator[bytes]:
    for name in networks():
        yield network_source(name).octets


def _need_seeds() -> Iterator[bytes]:
    yield need_source("bank-ring").octets


def _uvl_seeds() -> Iterator[bytes]:
    features = b'features\n\tCar {abstract}\n\t\tmandatory\n\t\t\tEngine\n\t\toptional\n\t\t\t"Air Bag" {cost 3}\n'
    yield features + b'constraints\n\tEngine => !"Air Bag"\n'


TARGETS: Final = {
    "frames": Target(frames, _frame_seeds),
    "blocks": Target(blocks, _block_seeds),
    "requests": Target(requests, _request_seeds),
    "streams": Target(streams, _stream_seeds),
    "json": Target(json, _json_seeds),
    "records": Target(records, _record_seeds),
    "network": Target(network, _network_seeds),
    "need": Target(need, _need_seeds),
    "uvl": Target(uvl, _uvl_seeds),
}
"""By the name that `make fuzz` and `python -m tests.fuzz` take."""
