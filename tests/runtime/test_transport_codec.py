"""Frames: what goes in comes out, however it is cut; whatever else comes is a Violation and nothing more."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
from collections.abc import Callable, Iterable
from typing import NewType, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.files.network import read_network
from keytwin.keymanagement.links import FromNeighbour as OfLinks
from keytwin.network import simulate
from keytwin.runtime.journal_codec import encode
from keytwin.runtime.transport_codec import (
    ALLOWED,
    FIRST_ROOM,
    GREETING,
    HEAD,
    KM,
    LARGEST_ANSWER,
    LARGEST_BLOCK,
    LARGEST_KEYS,
    FrameReader,
    Way,
    kind_of,
    shared_links,
)
from keytwin.scenario.run import play
from keytwin.scenario.timeline import bare
from keytwin.vocabulary.errors import Oversize, Violation, WipedKey
from keytwin.vocabulary.exchange_messages import AssignKeys, KeysFailed, KeysReceived, RelayKeys, SessionSignal
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, LinkId, NodeId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import (
    NOT_TOLD,
    AskLease,
    BlockReceived,
    LeaseRefused,
    LinkKeyBlock,
    OfferBlock,
    ProbeLink,
    ToldBlock,
)
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.stream_messages import LARGEST, StreamQos, StreamWord
from keytwin.vocabulary.units import START, Bits, Duration
from tests.marks import invariant

AB, FIBRE, BC = LinkId("a--b"), LinkId("a--b/fibre"), LinkId("b--c")
LINKS = frozenset({AB, FIBRE, BC})
KM_A, KM_B, KM_C = (ElementName(f"km/{node}") for node in "abc")
LINK_AB = ElementName("link/a--b")
SIGNALS = ALLOWED[KM, KM].messages
VALUES: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(0, 2**63 - 1),
    ToldBlock: st.integers(NOT_TOLD, 2**63 - 1),
    str: st.text(max_size=20),
    bool: st.booleans(),
    bytes: st.binary(max_size=100),
    float: st.floats(0.0, 1.0),
    Reason: st.sampled_from(Reason),
    StreamWord: st.builds(
        StreamWord,
        first=st.integers(0, LARGEST),
        key_ids=st.lists(st.text(max_size=20).map(KeyId), max_size=4).map(tuple),
        wanted=st.integers(0, LARGEST),
        qos=st.none() | st.builds(StreamQos, ttl=st.integers(0, LARGEST), metadata_mimetype=st.text(max_size=20)),
        is_closed=st.booleans(),
    ),
}


def way(source: ElementName, target: ElementName) -> Way:
    return Way(source, target, shared_links(LINKS, source, target))


A_TO_B, B_TO_A = way(KM_A, KM_B), way(KM_B, KM_A)
BLOCKS, ANSWERS = way(LINK_AB, KM_A), way(KM_A, LINK_AB)


def messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Draw messages of a kind as km/a may send them."""
    fixed = {"sender": st.just(NodeId("a")), "node": st.just(NodeId("a"))}
    links = st.sampled_from([AB, FIBRE]) if kind is not BlockReceived else st.just(AB)
    drawn = {field.name: _values(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **{name: fixed.get(name, links if name == "link" else each) for name, each in drawn.items()})


def _values(kind: object) -> st.SearchStrategy[object]:
    if isinstance(kind, NewType):
        return _values(kind.__supertype__)
    if kind in VALUES:
        return VALUES[kind]
    if inner := get_args(kind):
        return st.lists(_values(inner[0]), max_size=4).map(tuple)
    return VALUES[kind]


def block(octets: bytes = b"key", number: int = 1, link: LinkId = AB, qber: float = 0.02) -> LinkKeyBlock:
    return LinkKeyBlock(link, number, KeyMaterial(bytearray(octets)), qber)


def content(message: Message) -> tuple[object, ...]:
    """Give what a message says, with the octets of its material."""
    fields = msgspec.structs.astuple(message)
    return type(message), *(bytes(each.exposed()) if isinstance(each, KeyMaterial) else each for each in fields)


def framed(over: Way, *told: Message) -> bytes:
    """Give the frames of some messages as the other end would receive them."""
    frames = bytearray()
    for message in told:
        over.write(message, frames)
    return bytes(frames)


def raw(octets: bytes) -> bytes:
    return len(octets).to_bytes(HEAD) + octets


def fed(reader: FrameReader, octets: bytes) -> Iterable[Message | None]:
    """Put octets into a reader, as many at a time as it has room for."""
    while octets:
        room = reader.room()
        count = min(len(room), len(octets))
        room[:count], octets = octets[:count], octets[count:]
        yield from reader.take(count)


def read(over: Way, octets: bytes) -> list[Message | None]:
    return list(fed(FrameReader(over), octets))


@pytest.mark.parametrize("kind", SIGNALS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_message_between_key_managers_comes_back_as_it_was(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    assert read(A_TO_B, framed(A_TO_B, message)) == [message]


@given(st.binary(max_size=300), st.integers(1, 2**63), st.floats(0, 1))
def test_a_block_comes_back_with_material_of_its_own(octets: bytes, number: int, qber: float) -> None:
    sent = block(octets, number, qber=qber)
    (got,) = read(BLOCKS, framed(BLOCKS, sent))
    sent.material.wipe()
    assert isinstance(got, LinkKeyBlock)
    assert content(got) == (LinkKeyBlock, AB, number, octets, qber)


@given(messages(BlockReceived))
def test_an_acknowledgement_of_a_block_comes_back(answer: Message) -> None:
    assert read(ANSWERS, framed(ANSWERS, answer)) == [answer]


def test_a_frame_is_its_length_and_a_map_that_names_the_message() -> None:
    answer = BlockReceived(AB, NodeId("a"), 7)
    octets = framed(ANSWERS, answer)
    assert int.from_bytes(octets[:HEAD]) == len(octets) - HEAD
    plain = msgspec.msgpack.decode(octets[HEAD:])
    assert plain == {"type": "BlockReceived", "link": "a--b", "node": "a", "number": 7, "has_room": True}
    assert next(iter(plain)) == "type"
    sealed = msgspec.msgpack.decode(framed(BLOCKS, block(b"key", 3))[HEAD:])
    assert sealed == {"type": "LinkKeyBlock", "link": "a--b", "number": 3, "material": b"key", "qber": 0.02}


def test_the_table_has_all_that_key_managers_of_a_link_and_of_a_route_say() -> None:
    assert set(get_args(OfLinks)) | set(SessionSignal.__subclasses__()) | {RelayKeys, AssignKeys} == set(SIGNALS)


def test_all_that_a_running_network_says_over_streams_is_allowed_and_comes_through() -> None:
    blueprint = read_network("star6")
    links = frozenset(link.id for link in blueprint.topology.links)
    simulation = simulate(blueprint, 1)
    kinds: set[type[Message]] = set()

    def hear(_: int, source: ElementName, target: ElementName, message: Message) -> None:
        if source != target and (kind_of(source), kind_of(target)) in ALLOWED:
            over = Way(source, target, shared_links(links, source, target))
            (got,) = read(over, framed(over, message))
            assert got is not None
            assert encode(got) == encode(message)
            kinds.add(type(message))

    simulation.wires.tap(hear)
    play(bare(blueprint), simulation)
    assert {LinkKeyBlock, BlockReceived, OfferBlock, ProbeLink, AssignKeys, RelayKeys, KeysReceived} <= kinds


# --- however the stream is cut --------------------------------------------------------------------------------------


def told() -> list[Message]:
    signal = KeysFailed(NodeId("a"), Ksid("k"), 1, onward=True, batch_id="batch", reason=Reason.KEY_UNAVAILABLE)
    return [signal, relayed(300), KeysReceived(NodeId("a"), NodeId("b"), FIBRE, 1, 5), relayed(2 * FIRST_ROOM), signal]


def relayed(octets: int, sender: str = "a", link: LinkId = AB, offset: int = 0) -> RelayKeys:
    return RelayKeys(
        sender=NodeId(sender),
        link=link,
        link_epoch=1,
        offset=offset,
        floor=0,
        ksid=Ksid("ksid"),
        epoch=1,
        onward=True,
        batch_id="batch",
        key_size=Bits(256),
        key_ids=(),
        hops_left=2,
        remaining=Duration(1),
        ciphertext=random.Random(octets).randbytes(octets),
        tag=bytes(16),
    )


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[start:stop] for start, stop in itertools.pairwise(marks)]


@given(st.lists(st.integers(0, 2**20), max_size=30))
def test_any_cut_of_the_stream_gives_the_same_messages(places: list[int]) -> None:
    octets = GREETING + framed(A_TO_B, *told())
    reader = FrameReader(A_TO_B)
    got = [message for piece in cut(octets, places) for message in fed(reader, piece)]
    assert got == [None, *told()]


@given(st.lists(st.integers(0, 2**20), max_size=30))
def test_any_cut_of_a_stream_of_key_gives_the_same_blocks_and_leaves_none(places: list[int]) -> None:
    secrets = [random.Random(size).randbytes(size) for size in (40, 2 * FIRST_ROOM, 128, 64)]
    octets = framed(BLOCKS, block(secrets[0])) + framed(BLOCKS, block(secrets[1]))
    octets += framed(BLOCKS, block(secrets[2])) + framed(BLOCKS, block(secrets[3]))
    reader = FrameReader(BLOCKS)
    got = []
    for piece in cut(octets, places):
        for message in fed(reader, piece):
            assert message is not None
            got.append(content(message)[3])
    assert got == secrets
    assert not any(reader._octets), "octets of key are left in the buffer"


def test_single_octets_are_enough() -> None:
    octets = framed(A_TO_B, *told()[:3])
    reader = FrameReader(A_TO_B)
    assert [got for place in range(len(octets)) for got in fed(reader, octets[place : place + 1])] == told()[:3]


def test_the_room_grows_to_a_large_frame_and_shrinks_again() -> None:
    reader = FrameReader(A_TO_B)
    octets = framed(A_TO_B, relayed(5 * FIRST_ROOM))
    assert list(fed(reader, octets[:100])) == []
    assert len(reader._octets) == len(octets)
    assert list(fed(reader, octets[100:])) == [relayed(5 * FIRST_ROOM)]
    assert len(reader.room()) == FIRST_ROOM


def test_a_buffer_that_was_outgrown_keeps_no_key() -> None:
    reader = FrameReader(BLOCKS)
    octets = framed(BLOCKS, block(b"\xa5" * (2 * FIRST_ROOM)))
    first = reader._octets
    assert list(fed(reader, octets[:FIRST_ROOM])) == []
    assert not any(first)
    second = reader._octets
    reader.wipe()
    assert not any(second)


# --- what is refused ------------------------------------------------------------------------------------------------


@invariant("Z9")
@given(st.binary(max_size=400))
@pytest.mark.parametrize("over", [A_TO_B, BLOCKS, ANSWERS], ids=["km to km", "twin to km", "km to twin"])
def test_random_octets_are_refused_or_read_and_nothing_else(over: Way, octets: bytes) -> None:
    for attempt in (octets, raw(octets), raw(b"\x82\xa4type" + octets)):
        read_or_refused(over, attempt)


@invariant("Z9")
@given(st.integers(0, 2**20), st.integers(1, 255), st.integers(0, 2**20))
@pytest.mark.parametrize("over", [A_TO_B, BLOCKS, ANSWERS], ids=["km to km", "twin to km", "km to twin"])
def test_a_damaged_frame_is_refused_or_read_and_nothing_else(over: Way, place: int, flip: int, lost: int) -> None:
    example = {A_TO_B: relayed(90), BLOCKS: block(bytes(90)), ANSWERS: BlockReceived(AB, NodeId("a"), 1)}[over]
    octets = bytearray(framed(over, example))
    octets[place % len(octets)] ^= flip
    read_or_refused(over, bytes(octets))
    body = bytearray(framed(over, example))[HEAD:]
    body[place % len(body)] ^= flip
    del body[lost % len(body)]
    read_or_refused(over, raw(bytes(body)))


def read_or_refused(over: Way, octets: bytes) -> None:
    try:
        got = read(over, octets)
    except Violation:
        return
    assert all(message is None or type(message) in ALLOWED[kind_of(over.source), kind_of(over.target)].messages
               for message in got)  # fmt: skip


def written(value: object) -> bytes:
    return raw(msgspec.msgpack.encode(value))


STRANGE: dict[str, Callable[[], bytes]] = {
    "no map": lambda: written([1, 2]),
    "no type": lambda: written({"sender": "a"}),
    "unknown type": lambda: written({"type": "FormatDisk"}),
    "a type that is no text": lambda: written({"type": b"KeysReceived"}),
    "of the twin": lambda: framed(BLOCKS, block()),
    "to the twin": lambda: framed(ANSWERS, BlockReceived(AB, NodeId("a"), 1)),
    "of an SAE": lambda: raw(encode(Message())),
    "something behind the message": lambda: raw(framed(A_TO_B, relayed(1))[HEAD:] + b"\xc0"),
    "text that is none": lambda: raw(b"\x82\xa4type\xacKeysReceived\xa6sender\xa1\xff"),
    "depth without end": lambda: raw(b"\x82\xa4type\xacKeysReceived\xa1x" + b"\x91" * 100_000),
}


@invariant("Z1")
@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_what_a_key_manager_may_not_say_is_refused(strange: Callable[[], bytes]) -> None:
    with pytest.raises(Violation, match="km/a sends what is no message of its own"):
        read(A_TO_B, strange())


@invariant("Z1")
@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (relayed(1, sender="c"), "in the name of another"),
        (relayed(1, sender="b"), "in the name of another"),
        (relayed(1, link=BC), "a link that does not join it to km/b"),
        (relayed(1, link=LinkId("nonsense")), "a link that does not join it to km/b"),
        (relayed(1, offset=-1), "a number below 0"),
        (KeysReceived(NodeId("c"), NodeId("b"), AB, 1, 5), "in the name of another"),
        (KeysReceived(NodeId("a"), NodeId("b"), AB, -1, 5), "a number below 0"),
    ],
)
def test_a_key_manager_speaks_for_itself_and_of_its_own_links(message: Message, cause: str) -> None:
    with pytest.raises(Violation, match=cause):
        read(A_TO_B, raw(encode(message)))


@pytest.mark.parametrize("told", [NOT_TOLD, 0, 7])
def test_a_lease_may_be_asked_for_without_a_word_of_blocks(told: int) -> None:
    asked = AskLease(NodeId("a"), AB, 1, 1, START, 0, 64, block=told)
    refused = LeaseRefused(NodeId("a"), AB, 1, 1, START, 2, block=told)
    for message in (asked, refused):
        assert read(A_TO_B, raw(encode(message))) == [message]


@invariant("Z1")
def test_no_block_is_below_that() -> None:
    asked = AskLease(NodeId("a"), AB, 1, 1, START, 0, 64, block=NOT_TOLD - 1)
    with pytest.raises(Violation, match="what is no message of its own"):
        read(A_TO_B, raw(encode(asked)))


@invariant("Z1")
@pytest.mark.parametrize(
    "message",
    [block(link=FIBRE), block(number=0), block(qber=math.nan), block(qber=math.inf), block(qber=-0.1)],
    ids=["another link", "number 0", "nan", "inf", "below 0"],
)
def test_a_twin_gives_blocks_of_its_own_link_with_possible_figures(message: Message) -> None:
    with pytest.raises(Violation, match="another link, or with impossible figures"):
        read(BLOCKS, raw(encode(message)))


@invariant("Z1")
@pytest.mark.parametrize(
    "answer",
    [
        BlockReceived(FIBRE, NodeId("a"), 1),
        BlockReceived(AB, NodeId("b"), 1),
        BlockReceived(AB, NodeId("a"), -1),
    ],
    ids=["another link", "another node", "below 0"],
)
def test_a_key_manager_acknowledges_for_itself(answer: Message) -> None:
    with pytest.raises(Violation, match="not for it"):
        read(ANSWERS, raw(encode(answer)))


@invariant("Z5")
@pytest.mark.parametrize("number", [1, 0], ids=["read", "refused"])
def test_a_frame_of_key_is_overwritten_as_soon_as_it_is_read(number: int) -> None:
    frame = bytearray(encode(block(b"\xa5" * 64, number)))
    with contextlib.suppress(Violation):
        BLOCKS.read(memoryview(frame))
    assert not any(frame)


@invariant("Z5")
def test_a_refusal_tells_nothing_of_the_octets() -> None:
    octets = framed(BLOCKS, block(b"\xa5" * 64)).replace(b"qber", b"qb\xffr")
    with pytest.raises(Violation) as caught:
        read(BLOCKS, octets)
    assert caught.value.__context__ is None
    assert "\\xa5" not in repr(caught.value)


def test_messages_before_a_bad_frame_count_and_those_behind_do_not() -> None:
    got: list[Message | None] = []
    with pytest.raises(Violation):
        got.extend(fed(FrameReader(A_TO_B), framed(A_TO_B, relayed(1)) + written(1) + framed(A_TO_B, relayed(2))))
    assert got == [relayed(1)]


@invariant("Z9")
@pytest.mark.parametrize(
    ("over", "largest"), [(A_TO_B, LARGEST_KEYS), (BLOCKS, LARGEST_BLOCK), (ANSWERS, LARGEST_ANSWER)]
)
def test_too_large_a_frame_is_refused_when_it_is_announced(over: Way, largest: int) -> None:
    reader = FrameReader(over)
    assert list(fed(reader, largest.to_bytes(HEAD))) == []
    reader = FrameReader(over)
    with pytest.raises(Oversize, match=f"{largest} is the most"):
        list(fed(reader, (largest + 1).to_bytes(HEAD)))
    assert len(reader._octets) == FIRST_ROOM


def test_too_large_a_message_is_not_written() -> None:
    frames = bytearray(framed(A_TO_B, relayed(1)))
    before = bytes(frames)
    with pytest.raises(Oversize, match="too large for km/b"):
        A_TO_B.write(relayed(LARGEST_KEYS), frames)
    assert frames == before


def test_a_wiped_block_is_not_written() -> None:
    sent = block()
    sent.material.wipe()
    with pytest.raises(WipedKey):
        BLOCKS.write(sent, bytearray())


@pytest.mark.parametrize("over", [A_TO_B, ANSWERS], ids=["km to km", "km to twin"])
def test_no_key_is_ever_written_but_by_a_twin(over: Way) -> None:
    with pytest.raises(AssertionError, match="no LinkKeyBlock to say"):
        over.write(block(), bytearray())


# --- who has to do with whom ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("km/a", "km/b", {AB, FIBRE}),
        ("km/c", "km/b", {BC}),
        ("km/a", "km/c", set()),
        ("km/a", "km/a", set()),
        ("link/a--b", "km/a", {AB}),
        ("km/b", "link/a--b/fibre", {FIBRE}),
        ("link/a--b", "km/c", set()),
        ("link/a--b", "link/a--b/fibre", set()),
        ("link/a--b", "link/a--b", set()),
        ("sae/x", "km/a", set()),
    ],
)
def test_links_are_shared_by_their_ends_and_their_twin(one: str, other: str, shared: set[LinkId]) -> None:
    assert shared_links(LINKS, ElementName(one), ElementName(other)) == shared
    assert shared_links(LINKS, ElementName(other), ElementName(one)) == shared


@invariant("Z1")
@pytest.mark.parametrize("stranger", ["km/c", "km/a", "link/b--c", "sae/x", "controller", "km/", ""])
def test_strangers_have_nothing_to_say(stranger: str) -> None:
    with pytest.raises(Violation, match="no link in common"):
        way(ElementName(stranger), KM_A)
    with pytest.raises(Violation, match="no link in common"):
        Way(ElementName("sae/x"), KM_A, LINKS)


def test_every_kind_of_way_has_a_limit_above_its_usual_messages() -> None:
    blueprint = read_network("star6")
    assert blueprint.key_management.store // 8 < LARGEST_KEYS
    assert max(speaker.largest for speaker in ALLOWED.values()) == LARGEST_BLOCK < 2**32
