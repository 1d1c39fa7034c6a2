"""What travels between processes as octets: every keyless message and event, and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.bus import may_hold_key
from keytwin.runtime.bus_codec import Codec
from keytwin.runtime.journal_codec import encode
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import ElementStopped
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import ElementName, LinkId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.topology_messages import LinkRegistered
from tests.marks import invariant

MESSAGES: Codec[Message] = Codec(Message)
EVENTS: Codec[Event] = Codec(Event)
CANARY = b"CANARY-of-a-link-key-0123456789ab"


def test_a_message_and_an_event_come_back_as_they_were() -> None:
    message, event = LinkRegistered(LinkId("a--b")), ElementStopped(ElementName("km/a"), "crashed")
    assert MESSAGES.decode(MESSAGES.encode(message)) == message
    assert EVENTS.decode(EVENTS.encode(event)) == event


@invariant("Z5")
def test_what_can_hold_key_is_neither_written_nor_read() -> None:
    block = LinkKeyBlock(LinkId("a--b"), 1, KeyMaterial(bytearray(CANARY)), 0.01)
    for message in (block, KeyDelivered("r", ())):  # the second holds none now, but has room for it
        with pytest.raises(AssertionError, match="holds key") as refused:
            MESSAGES.encode(message)
        assert CANARY.decode() not in str(refused.value)
    with pytest.raises(Violation) as violation:
        MESSAGES.decode(encode(block))
    assert CANARY.decode() not in str(violation.value)


def test_a_message_is_no_event() -> None:
    with pytest.raises(Violation):
        EVENTS.decode(MESSAGES.encode(LinkRegistered(LinkId("a--b"))))


@invariant("Z5")
def test_no_kind_that_is_known_has_room_for_key() -> None:
    kinds = [*MESSAGES.kinds, *EVENTS.kinds]
    assert len(kinds) > 80
    assert not any(map(may_hold_key, kinds))


@given(st.binary(max_size=200))
def test_octets_of_no_sense_are_a_violation_and_nothing_else(octets: bytes) -> None:
    with pytest.raises(Violation):
        MESSAGES.decode(octets)


@given(
    st.dictionaries(
        st.sampled_from(["link", "node", "sequence"]), st.integers(-(2**63), 2**63 - 1) | st.text() | st.none()
    )
)
def test_fields_that_do_not_fit_are_a_violation(fields: dict[str, int | str | None]) -> None:
    octets = msgspec.msgpack.encode({"type": "SetNodeTrust", **fields})
    with pytest.raises(Violation):
        MESSAGES.decode(octets)
