"""The bus: control traffic between elements, never key material. Paper B, 3.1 (publish and subscribe).

A hint, not a promise: messages may be lost, so who needs an answer asks again. The streams of key managers and the ways
inside a node are no bus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

import msgspec

from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Message


class Bus(Protocol):
    """What carries control messages from element to element."""

    def publish(self, source: ElementName, target: ElementName, message: Message) -> None:
        """Carry a message, or lose it."""
        ...


class InProcessBus:
    """The bus of elements that live in one process: hands the message itself on, as it can't be changed."""

    def __init__(self, deliver: Callable[[ElementName, Message], None]) -> None:
        self._deliver = deliver

    def publish(self, source: ElementName, target: ElementName, message: Message) -> None:
        """Carry a message at once; AssertionError for one whose kind may hold key."""
        assert not may_hold_key(type(message)), f"{source} puts {type(message).__name__}, which holds key, on the bus"
        self._deliver(target, message)


@cache
def may_hold_key(kind: type[msgspec.Struct]) -> bool:
    """Whether a kind of message or record has room for key material, however deep inside."""
    return _holds_key(msgspec.inspect.type_info(kind), frozenset())


def _holds_key(info: object, seen: frozenset[type]) -> bool:
    match info:
        case msgspec.inspect.CustomType(cls=cls):
            return issubclass(cls, KeyMaterial)
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return cls not in seen and any(_holds_key(each.type, seen | {cls}) for each in fields)
        case _:
            return any(_holds_key(each, seen) for each in _parts(info))


def _parts(info: object) -> Sequence[object]:
    """Return the types that a union or a collection is made of."""
    match info:
        case msgspec.inspect.UnionType(types=types):
            return types
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.ListType(item_type=item):
            return (item,)
        case msgspec.inspect.TupleType(item_types=items):
            return items
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return key, value
        case _:
            return ()
