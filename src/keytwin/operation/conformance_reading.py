"""What answers of a foreign key manager say, read without trust: ETSI GS QKD 014 V1.1.1, clause 6.

Whatever cannot be read is left out or None. No finding and no error ever shows an answer's own octets, for key may be
among them; of an Error only the message is told, cut.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from keytwin.operation.conformance_calls import Reply

JsonObject: TypeAlias = dict[str, object]

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", flags=re.ASCII | re.IGNORECASE)
LONGEST_ECHO: Final = 64  # characters of a message in a finding


@dataclass(frozen=True, slots=True)
class Given:
    """One entry of a key container: key_ID ("" = none that is text), and octets where it is base64."""

    key_id: str
    octets: bytes | None = field(repr=False)


def object_of(reply: Reply) -> JsonObject | None:
    """Return the JSON object of a body, None = it is none."""
    try:
        return msgspec.json.decode(reply.body, type=JsonObject)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def entries_of(reply: Reply) -> list[object] | None:
    """Return the array of keys of a container: `keys` as in the examples, or `Keys` as Table 11 prints it."""
    container = object_of(reply) or {}
    found = container.get("keys", container.get("Keys"))
    return found if isinstance(found, list) else None


def keys_of(reply: Reply) -> tuple[Given, ...]:
    """Return the keys that an answer hands out; none where it refuses."""
    if reply.status != 200:
        return ()
    return tuple(_given(entry) for entry in entries_of(reply) or () if isinstance(entry, dict))


def message_of(reply: Reply) -> str | None:
    """Return the message of an Error (Table 13), None = there is none that is text."""
    message = (object_of(reply) or {}).get("message")
    return message if isinstance(message, str) else None


def said(message: str | None) -> str:
    """Return the words of an Error for a finding."""
    return f" {message[:LONGEST_ECHO]!r}" if message else ""


def whole(value: object) -> int | None:
    """Return a JSON integer as such: true and 1.0 are none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def shape_of(reply: Reply) -> Iterator[str]:
    """Say what is wrong with the form of a key container, but for the texts of its entries (Table 11)."""
    entries = entries_of(reply)
    if entries is None:
        yield "has no array of keys"
        return
    for entry in entries:
        if not isinstance(entry, dict):
            yield "has a key that is no object"
            continue
        for name in ("key_ID", "key"):
            if not isinstance(entry.get(name), str):
                yield f"has a key whose {name} is no text"
        for name in ("key_ID_extension", "key_extension"):
            if not isinstance(entry.get(name, {}), dict):
                yield f"has a key whose {name} is no object"


def _given(entry: JsonObject) -> Given:
    key_id, key = entry.get("key_ID"), entry.get("key")
    return Given(key_id if isinstance(key_id, str) else "", base64_octets(key) if isinstance(key, str) else None)


def base64_octets(text: str) -> bytes | None:
    """Decode the standard alphabet with its padding (RFC 4648 clause 4)."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
