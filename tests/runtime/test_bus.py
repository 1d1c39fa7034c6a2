"""The bus in one process: it hands messages on, and never one that could hold key."""

from __future__ import annotations

import pytest

from keytwin.runtime.bus import InProcessBus, may_hold_key
from keytwin.vocabulary import exchange_messages, link_messages, session_messages, topology_messages
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import ADMISSION, ROUTING, ElementName, LinkId
from keytwin.vocabulary.key import Key, KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.topology_messages import LinkRegistered
from tests.marks import invariant

Delivered = list[tuple[ElementName, Message]]
MESSAGES = [
    found
    for module in (exchange_messages, link_messages, session_messages, topology_messages)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, Message) and found is not Message
]


class Inner(Message, frozen=True, gc=False):
    """Holds key deep inside."""

    keys: dict[str, list[tuple[Key, ...]]]


class Outer(Message, frozen=True, gc=False):
    """Holds something that holds key."""

    inner: Inner | None
    pair: tuple[int, str]


class Plain(Message, frozen=True, gc=False):
    """Holds no key."""

    names: dict[str, list[int]]


def test_a_message_is_handed_on_as_it_is() -> None:
    delivered: Delivered = []
    message = LinkRegistered(LinkId("a--b"))
    InProcessBus(lambda to, each: delivered.append((to, each))).publish(ADMISSION, ROUTING, message)
    assert delivered == [(ROUTING, message)]
    assert delivered[0][1] is message


@invariant("Z5")
def test_what_can_hold_key_is_never_carried() -> None:
    delivered: Delivered = []
    bus = InProcessBus(lambda to, each: delivered.append((to, each)))
    block = LinkKeyBlock(LinkId("a--b"), 1, KeyMaterial(bytearray(32)), 0.01)
    with pytest.raises(AssertionError, match="LinkKeyBlock, which holds key"):
        bus.publish(ElementName("link/a--b"), ADMISSION, block)
    with pytest.raises(AssertionError, match="KeyDelivered"):
        bus.publish(ADMISSION, ROUTING, KeyDelivered("r", ()))  # none in it now, but there is room
    assert not delivered


@invariant("Z5")
def test_of_all_messages_only_those_that_never_leave_their_node_or_stream_hold_key() -> None:
    assert {kind.__name__ for kind in MESSAGES if may_hold_key(kind)} == {"KeyDelivered", "LinkKeyBlock"}
    assert len(MESSAGES) > 50


def test_key_is_found_however_deep() -> None:
    assert may_hold_key(Outer)
    assert not may_hold_key(Plain)
