"""The binary framing against its published byte counts, and against octets of every kind."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.edge_frames import NO_FRAME, FrameReader
from keytwin.runtime.edge_limits import LIMITS
from keytwin.runtime.edge_usual import Received
from keytwin.service.etsi004_frames import LARGEST_FRAME, NO_INDEX, decode, encode, frame_length
from keytwin.service.etsi004_values import AskChunk, AskClose, AskOpen, sae_of
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.identity import KeyId, Ksid
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.stream_messages import ChunkDelivered, StreamAnswered, StreamQos, StreamStatus
from tests.fakes.binary_client import Reply, close_frame, frame, get_frame, got, open_frame, opened
from tests.marks import clause, invariant

DOCUMENT: Final = "ETSI GS QKD 004 V2.1.1"
KSID: Final = Ksid("8f4b1d3e-6c2a-4e55-9a3b-0d9e7c1f2a40")
OCTETS: Final = bytes.fromhex("8f4b1d3e6c2a4e559a3b0d9e7c1f2a40")
QOS: Final = StreamQos(32, 4_096, 256, 4_096, 3, 5_000, 600, "application/json")
URIS: Final = ("qkd://mad0/alice", "qkd://mad3/bob01")
PUBLISHED: Final = bytes.fromhex("0100010400000018 8f4b1d3e6c2a4e559a3b0d9e7c1f2a40 00000000 00000400")


def reply(octets: bytes | bytearray) -> Reply:
    """Take an answer apart as a client does."""
    assert int.from_bytes(octets[4:8], "big") == len(octets) - 8
    return Reply(bytes(octets[:3]), octets[3], bytes(octets[8:]))


def chunk(metadata: bytes = b'{"age":12,"hops":1}') -> ChunkDelivered:
    key = Key(KeyId("k"), KeyMaterial(bytearray(range(32))), Provenance(Method.RELAYED, 2))
    return ChunkDelivered("r", 7, key, metadata)


@clause(DOCUMENT, "Table 2")
def test_the_published_examples_have_their_published_lengths() -> None:
    opening = open_frame(*URIS)
    assert len(opening) == 342
    assert opening[:8].hex() == "010001020000014e"
    answer = encode(opening, StreamAnswered("r", StreamStatus.SUCCESS, KSID, QOS))
    assert len(answer) == 312
    assert bytes(answer[:8]).hex() == "0100010300000130"
    assert len(PUBLISHED) == 32
    assert decode(PUBLISHED) == AskChunk(KSID, 0, 1_024)
    assert get_frame(OCTETS, 0) == PUBLISHED
    assert len(encode(PUBLISHED, chunk())) == 75
    closing = close_frame(OCTETS)
    assert len(closing) == 24
    assert decode(closing) == AskClose(KSID)
    assert encode(closing, StreamAnswered("r", StreamStatus.SUCCESS)).hex() == "010001090000000400000000"


@clause(DOCUMENT, "Table 2")
def test_what_is_written_is_what_a_client_reads() -> None:
    told = opened(reply(encode(open_frame(*URIS), StreamAnswered("r", StreamStatus.QOS_NOT_MET, KSID, QOS))))
    assert (told.status, told.ksid, told.mimetype) == (7, OCTETS, "application/json")
    assert list(told.qos.values()) == list(msgspec.structs.astuple(QOS)[:7])
    taken = got(reply(encode(PUBLISHED, chunk())))
    assert (taken.index, taken.key, taken.metadata) == (7, bytes(range(32)), b'{"age":12,"hops":1}')


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("status", list(StreamStatus))
def test_failures_are_a_status_alone_and_8_tells_how_much_it_needs(status: StreamStatus) -> None:
    answer = reply(encode(PUBLISHED, StreamAnswered("r", status, needed=68)))
    assert answer.status == status
    assert len(answer.payload) == (8 if status is StreamStatus.METADATA_TOO_SMALL else 4)
    assert len(encode(open_frame(*URIS), StreamAnswered("r", status))) == 12


@invariant("K5")
def test_the_key_is_wiped_once_it_is_written() -> None:
    delivered = chunk()
    answer = encode(PUBLISHED, delivered)
    assert isinstance(answer, bytearray)
    assert delivered.key.material.is_wiped


numbers = st.integers(0, 2**32 - 1)
names = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40)


@given(names, names, st.binary(min_size=16, max_size=16), st.tuples(*[numbers] * 7), names)
def test_every_open_connect_is_read_as_it_was_written(
    source: str, destination: str, ksid: bytes, qos: tuple[int, ...], kind: str
) -> None:
    fields = dict(zip(StreamQos.__struct_fields__[:7], qos, strict=True))
    wanted = StreamQos(**fields, metadata_mimetype=kind)
    ask = decode(open_frame(source, destination, ksid, kind, **fields))
    assert isinstance(ask, AskOpen)
    assert (ask.source, ask.destination, ask.qos) == (source, destination, wanted)
    assert (ask.ksid is None) == (ksid == bytes(16))


@given(st.binary(min_size=16, max_size=16), numbers, numbers)
def test_every_get_key_is_read_as_it_was_written(ksid: bytes, index: int, room: int) -> None:
    ask = decode(get_frame(ksid, index, room))
    assert isinstance(ask, AskChunk)
    assert (ask.index, ask.room) == (None if index == NO_INDEX else index, room)


garbage = st.binary(max_size=600) | st.builds(frame, st.sampled_from([2, 4, 8]), st.binary(max_size=600))


@invariant("Z9")
@given(st.lists(garbage, max_size=4), st.integers(1, 64))
def test_octets_of_every_kind_give_frames_or_an_end_and_are_never_hoarded(pieces: list[bytes], size: int) -> None:
    octets, reader, is_over = b"".join(pieces), FrameReader(LIMITS), False
    for start in range(0, len(octets), size):
        reader.take(octets[start : start + size])
        while (found := reader.next()) is not None:
            if isinstance(found, Received):
                assert not is_over
                decode(found.request.body)
                continue
            is_over = True
            assert found == NO_FRAME
            assert reader.is_between
            break
    assert is_over or not reader.has_unread


@invariant("Z9")
@pytest.mark.parametrize("service", range(256))
def test_no_announced_length_is_waited_for_that_is_too_long(service: int) -> None:
    head = bytes([1, 0, 1, service])
    with pytest.raises(Violation):
        frame_length(head + LARGEST_FRAME.to_bytes(4, "big"))
    assert frame_length(head) is None


@given(st.integers(1, 80))
def test_frames_come_whole_however_they_are_cut(size: int) -> None:
    sent = [PUBLISHED, open_frame(*URIS), close_frame(OCTETS)]
    octets, reader = b"".join(sent), FrameReader(LIMITS)
    seen: list[bytes] = []
    for start in range(0, len(octets), size):
        reader.take(octets[start : start + size])
        while isinstance(found := reader.next(), Received):
            seen.append(found.request.body)
    assert seen == sent
    assert reader.is_between


# --- whom a URI names -------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("qkd://km0/app/alice", "alice"),
        ("qkd://km0/alice", "alice"),
        ("qkd://alice", "alice"),
        ("qkd:alice", "alice"),
        ("alice", "alice"),
        ("https://user:secret@host:8443/alice?token=secret#secret", "alice"),
        ("qkd://user:secret@alice", "alice"),
        ("qkd://km0/al%69ce/", "alice"),
        ("qkd://km0/a b", None),
        ("qkd://[", None),
        ("", None),
        ("qkd://km0/%ff", None),
        ("qkd://km0/..", None),
    ],
)
def test_a_uri_names_an_sae_by_its_last_segment(uri: str, name: str | None) -> None:
    assert sae_of(uri) == name


@invariant("Z9")
@given(st.text(max_size=200))
def test_no_text_is_too_strange_for_a_uri(text: str) -> None:
    name = sae_of(text)
    assert name is None or name
